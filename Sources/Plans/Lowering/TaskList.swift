import Graphs
import Machines

/// The tasks that must have ended before a value may be used on each device of a group; one list for each
/// device.
typealias Readiness = [[Int]]

/// Collects tasks in program order and, where steps may not overlap, puts a barrier after each group of them.
struct TaskList {
  private(set) var tasks: [TaskGraph.Task] = []
  private(set) var movements: [TaskGraph.Movement] = []
  /// Whether a barrier ends every group of tasks.
  let hasBarriers: Bool
  private var barrier: Int?
  private var sinceBarrier: [Int] = []

  init(hasBarriers: Bool) { self.hasBarriers = hasBarriers }

  /// Adds a task and returns its index.
  ///
  /// Behind barriers it waits for the last barrier alone, which waits for all before.
  mutating func add(
    _ kind: TaskGraph.Kind, _ label: TaskGraph.Label, _ action: TaskGraph.Action, after dependencies: [Int]
  ) -> Int {
    let index = tasks.count
    let waits = hasBarriers ? (barrier.map { [$0] } ?? []) : unique(dependencies)
    tasks.append(TaskGraph.Task(kind: kind, label: label, dependencies: waits, action: action))
    if hasBarriers { sinceBarrier.append(index) }
    return index
  }

  /// Adds a movement and returns its index.
  mutating func add(_ movement: TaskGraph.Movement) -> Int {
    movements.append(movement)
    return movements.count - 1
  }

  /// Ends a group of tasks that may run at the same time.
  mutating func endGroup() {
    guard hasBarriers, !sinceBarrier.isEmpty else { return }
    // A group of one needs no point of its own: the next group waits for its task.
    if sinceBarrier.count == 1 {
      barrier = sinceBarrier[0]
    } else {
      tasks.append(
        TaskGraph.Task(
          kind: .barrier, label: TaskGraph.Label(category: .barrier, name: ""), dependencies: sinceBarrier))
      barrier = tasks.count - 1
    }
    sinceBarrier = []
  }

  private func unique(_ dependencies: [Int]) -> [Int] {
    guard dependencies.count > 1 else { return dependencies }
    var result: [Int] = []
    for dependency in dependencies.sorted() where dependency != result.last { result.append(dependency) }
    return result
  }
}
