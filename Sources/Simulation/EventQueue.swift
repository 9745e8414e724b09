import Units

/// The next moment at which a task's round frees resources or ends.
struct Event {
  let time: Int64
  let task: Int32
}

/// Events by time, then by task: a binary heap of trivial values.
struct EventQueue {
  private var heap: [Event] = []

  /// The earliest event.
  var first: Event? { heap.first }

  mutating func reserve(_ count: Int) { heap.reserveCapacity(count) }

  mutating func push(_ event: Event) {
    heap.append(event)
    var child = heap.count - 1
    while child > 0 {
      let parent = (child - 1) / 2
      guard Self.isBefore(event, heap[parent]) else { break }
      heap[child] = heap[parent]
      child = parent
    }
    heap[child] = event
  }

  mutating func pop() -> Event? {
    guard let first = heap.first, let moved = heap.popLast() else { return nil }
    guard !heap.isEmpty else { return first }
    var parent = 0
    while true {
      var child = 2 * parent + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, Self.isBefore(heap[child + 1], heap[child]) { child += 1 }
      guard Self.isBefore(heap[child], moved) else { break }
      heap[parent] = heap[child]
      parent = child
    }
    heap[parent] = moved
    return first
  }

  @inline(__always) private static func isBefore(_ left: Event, _ right: Event) -> Bool {
    left.time != right.time ? left.time < right.time : left.task < right.task
  }
}
