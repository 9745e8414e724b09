extension TaskGraph {
  /// The tasks whose figures are those of one step: all, or where steps overlap those of the last step.
  public var countedTasks: [Int] {
    steps == 1 ? Array(tasks.indices) : tasks.indices.filter { tasks[$0].label.step == steps - 1 }
  }
}

extension TaskGraph.Task {
  /// The kind of work in timelines and prices: a phase, `collective`, `transfer`, `storage` or `barrier`.
  public var category: TaskGraph.Category {
    switch kind {
    case .compute: label.category
    case .collective: .collective
    case .exchange: .transfer
    case .storageRead: .storage
    case .barrier: .barrier
    }
  }
}
