/// The assignments of a ``CostNetwork`` in the order of their cost, cheapest first.
///
/// Values are chosen in the reverse order of elimination, where the least cost of what is still open is known
/// exactly; so the best unfinished assignment always leads to the next best finished one.
struct Enumeration: Sequence, IteratorProtocol {
  private struct Candidate {
    let cost: Double
    let serial: Int
    let values: [Int]
    let depth: Int
  }

  private let elimination: Elimination
  private let variableCount: Int
  private var heap: [Candidate] = []
  private var serial = 0
  /// Unfinished assignments kept at most; beyond it the costliest are not followed.
  private let limit: Int
  /// Whether the limit was ever reached, so that something may have been missed.
  private(set) var isTruncated = false

  init(_ elimination: Elimination, variableCount: Int, limit: Int = 2_000_000) {
    self.elimination = elimination
    self.variableCount = variableCount
    self.limit = limit
    if elimination.minimum.isFinite {
      push(elimination.minimum, [Int](repeating: -1, count: variableCount), 0)
    }
  }

  /// The next assignment and its cost.
  mutating func next() -> (values: [Int], cost: Double)? {
    while let candidate = pop() {
      if candidate.depth == elimination.steps.count { return (candidate.values, candidate.cost) }
      let step = elimination.steps[elimination.steps.count - 1 - candidate.depth]
      let costs = elimination.costs(of: step, given: candidate.values)
      let least = costs.min() ?? .infinity
      for value in costs.indices where costs[value] < .infinity {
        var values = candidate.values
        values[step.variable] = value
        push(candidate.cost + (costs[value] - least), values, candidate.depth + 1)
      }
    }
    return nil
  }

  private mutating func push(_ cost: Double, _ values: [Int], _ depth: Int) {
    if heap.count >= limit {
      isTruncated = true
      return
    }
    heap.append(Candidate(cost: cost, serial: serial, values: values, depth: depth))
    serial += 1
    var child = heap.count - 1
    while child > 0, precedes(heap[child], heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() -> Candidate? {
    guard let first = heap.first else { return nil }
    heap[0] = heap[heap.count - 1]
    heap.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
        if precedes(heap[child], heap[least]) { least = child }
      }
      if least == parent { return first }
      heap.swapAt(parent, least)
      parent = least
    }
  }

  /// By cost; of equal ones the deeper first, so that one assignment is finished before another is begun.
  private func precedes(_ left: Candidate, _ right: Candidate) -> Bool {
    if left.cost != right.cost { return left.cost < right.cost }
    if left.depth != right.depth { return left.depth > right.depth }
    return left.serial < right.serial
  }
}
