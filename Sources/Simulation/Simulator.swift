import Plans
import Results
import Units

/// The state of a discrete-event simulation: tasks take turns at exclusive resources.
///
/// A round joins the queues of all its resources in one moment, is given each in the order of arrival, and
/// starts when it has them all. As all queues see the same order, no two rounds wait for each other, and some
/// round is in progress until the last task has ended: so the makespan is at most the sum of all tasks alone.
struct Simulator {
  private static let nobody: Int32 = -1

  let tasks: TaskGraph
  let costs: TaskCosts

  // Dependences, program order included: for each task how many it waits for and who waits for it.
  private var pending: [Int32]
  private var firstSuccessor: [Int32]
  private var successors: [Int32]

  // Where each task is in its rounds.
  private var round: [Int32]
  private var repetition: [Int32]
  private var roundStart: [Int64]
  private var nextRelease: [Int32]
  private var missing: [Int32]

  // Who has a resource and who waits for it: lists through `waiting`.
  private var holder: [Int32]
  private var queueHead: [Int32]
  private var queueTail: [Int32]
  private var waiting: [(task: Int32, next: Int32)] = []
  private var freeTicket: Int32 = -1

  private var events = EventQueue()
  private var ready: [Int32] = []
  private var ended: [Int32] = []
  private var now: Int64 = 0
  private var started: [SpanRecord] = []
  private var lastSpan: [Int32]

  /// When each task began and ended, in ticks.
  private(set) var starts: [Int64]
  private(set) var ends: [Int64]
  /// The spans by start, then by track.
  private(set) var spans: [SpanRecord] = []
  /// How many events were processed.
  private(set) var eventCount = 0

  /// A span in ticks.
  struct SpanRecord {
    let track: Int32
    let task: Int32
    let start: Int64
    var duration: Int64
  }

  init(_ tasks: TaskGraph, _ costs: TaskCosts) {
    self.tasks = tasks
    self.costs = costs
    let count = tasks.tasks.count
    pending = [Int32](repeating: 0, count: count)
    firstSuccessor = [Int32](repeating: 0, count: count + 1)
    for (index, task) in tasks.tasks.enumerated() {
      for dependency in task.dependencies { firstSuccessor[dependency + 1] += 1 }
      let predecessor = Int(costs.programPredecessors[index])
      if predecessor >= 0 { firstSuccessor[predecessor + 1] += 1 }
      pending[index] = Int32(task.dependencies.count + (predecessor >= 0 ? 1 : 0))
    }
    for index in 0..<count { firstSuccessor[index + 1] += firstSuccessor[index] }
    successors = [Int32](repeating: 0, count: Int(firstSuccessor[count]))
    var next = firstSuccessor
    for (index, task) in tasks.tasks.enumerated() {
      for dependency in task.dependencies {
        successors[Int(next[dependency])] = Int32(index)
        next[dependency] += 1
      }
      let predecessor = Int(costs.programPredecessors[index])
      if predecessor >= 0 {
        successors[Int(next[predecessor])] = Int32(index)
        next[predecessor] += 1
      }
    }
    round = [Int32](repeating: 0, count: count)
    repetition = round
    nextRelease = round
    missing = round
    roundStart = [Int64](repeating: 0, count: count)
    starts = roundStart
    ends = roundStart
    let resources = costs.resources.resources.count
    holder = [Int32](repeating: Self.nobody, count: resources)
    queueHead = holder
    queueTail = holder
    lastSpan = holder
  }

  /// Runs until every task has ended.
  mutating func run() {
    events.reserve(1024)
    let roots = tasks.tasks.indices.filter { pending[$0] == 0 }
    for root in roots { becomeReady(Int32(root)) }
    while true {
      // Whatever is ready at this moment queues in the order of tasks.
      while !ready.isEmpty {
        let batch = ready.count == 1 ? ready : ready.sorted()
        ready.removeAll(keepingCapacity: true)
        for task in batch { request(task) }
      }
      recordSpans()
      guard let next = events.first else { break }
      now = next.time
      while let event = events.first, event.time == now {
        _ = events.pop()
        eventCount += 1
        advance(event.task)
      }
    }
  }

  private mutating func becomeReady(_ task: Int32) {
    if costs.rounds[Int(task)].isEmpty {
      starts[Int(task)] = now
      end(task)
    } else {
      round[Int(task)] = Int32(costs.rounds[Int(task)].lowerBound)
      ready.append(task)
    }
  }

  /// Ends a task, and those that only waited for it and do nothing.
  private mutating func end(_ task: Int32) {
    ended.append(task)
    guard ended.count == 1 else { return }
    var index = 0
    while index < ended.count {
      let task = Int(ended[index])
      index += 1
      ends[task] = now
      for place in firstSuccessor[task]..<firstSuccessor[task + 1] {
        let successor = successors[Int(place)]
        pending[Int(successor)] -= 1
        if pending[Int(successor)] == 0 { becomeReady(successor) }
      }
    }
    ended.removeAll(keepingCapacity: true)
  }

  /// Queues a task's round for its resources.
  private mutating func request(_ task: Int32) {
    var blocked: Int32 = 0
    for occupancy in costs.occupancies[costs.allRounds[Int(round[Int(task)])].occupancies] {
      let resource = occupancy.resource
      if holder[resource] == Self.nobody {
        holder[resource] = task
      } else {
        enqueue(task, resource)
        blocked += 1
      }
    }
    missing[Int(task)] = blocked
    if blocked == 0 { start(task) }
  }

  private mutating func enqueue(_ task: Int32, _ resource: Int) {
    var ticket = freeTicket
    if ticket == Self.nobody {
      ticket = Int32(waiting.count)
      waiting.append((task, Self.nobody))
    } else {
      freeTicket = waiting[Int(ticket)].next
      waiting[Int(ticket)] = (task, Self.nobody)
    }
    if queueHead[resource] == Self.nobody {
      queueHead[resource] = ticket
    } else {
      waiting[Int(queueTail[resource])].next = ticket
    }
    queueTail[resource] = ticket
  }

  /// Gives a resource to the next in its queue.
  private mutating func release(_ resource: Int) {
    let ticket = queueHead[resource]
    guard ticket != Self.nobody else {
      holder[resource] = Self.nobody
      return
    }
    let task = waiting[Int(ticket)].task
    queueHead[resource] = waiting[Int(ticket)].next
    waiting[Int(ticket)].next = freeTicket
    freeTicket = ticket
    holder[resource] = task
    missing[Int(task)] -= 1
    if missing[Int(task)] == 0 { start(task) }
  }

  private mutating func start(_ task: Int32) {
    let index = Int(task)
    let current = costs.allRounds[Int(round[index])]
    if repetition[index] == 0, Int(round[index]) == costs.rounds[index].lowerBound { starts[index] = now }
    roundStart[index] = now
    nextRelease[index] = Int32(current.occupancies.lowerBound)
    for occupancy in costs.occupancies[current.occupancies] where occupancy.time > .zero {
      started.append(
        SpanRecord(
          track: Int32(occupancy.resource), task: task, start: now, duration: occupancy.time.picoseconds))
    }
    schedule(task, current)
  }

  /// Plans the next release of the round, or its end.
  private mutating func schedule(_ task: Int32, _ current: TaskCost.Round) {
    let index = Int(task)
    let release = Int(nextRelease[index])
    let delay =
      release < current.occupancies.upperBound
      ? costs.occupancies[release].time : current.longest + current.latency
    events.push(Event(time: (SimulatedTime(roundStart[index]) + delay).picoseconds, task: task))
  }

  /// Frees what the round no longer occupies, and ends it when nothing is left.
  private mutating func advance(_ task: Int32) {
    let index = Int(task)
    let current = costs.allRounds[Int(round[index])]
    let end = current.occupancies.upperBound
    guard Int(nextRelease[index]) < end else { return endRound(task, current) }
    let time = costs.occupancies[Int(nextRelease[index])].time
    while Int(nextRelease[index]) < end, costs.occupancies[Int(nextRelease[index])].time == time {
      let resource = costs.occupancies[Int(nextRelease[index])].resource
      nextRelease[index] += 1
      release(resource)
    }
    if Int(nextRelease[index]) == end, current.latency == .zero {
      endRound(task, current)
    } else {
      schedule(task, current)
    }
  }

  private mutating func endRound(_ task: Int32, _ current: TaskCost.Round) {
    let index = Int(task)
    repetition[index] += 1
    if Int(repetition[index]) == current.repetitions {
      repetition[index] = 0
      round[index] += 1
    }
    if Int(round[index]) == costs.rounds[index].upperBound { end(task) } else { ready.append(task) }
  }

  /// Appends the spans that began now, by track, and joins what one task does on one track without a gap.
  private mutating func recordSpans() {
    guard !started.isEmpty else { return }
    let isSorted = zip(started, started.dropFirst()).allSatisfy { $0.track < $1.track }
    if !isSorted { started.sort { $0.track < $1.track } }
    for span in started {
      let last = Int(lastSpan[Int(span.track)])
      if last >= 0, spans[last].task == span.task, spans[last].duration == span.start - spans[last].start {
        spans[last].duration += span.duration
      } else {
        lastSpan[Int(span.track)] = Int32(spans.count)
        spans.append(span)
      }
    }
    started.removeAll(keepingCapacity: true)
  }
}
