import Differentiation
import Graphs

extension StageTasks {
  /// The sums that join what the calls of an operation contribute to each array: the gradients and batch
  /// statistics of cells, and the gradients of micro-batches.
  ///
  /// They are those of a ``CellStack``, by which ranks add. What other nodes contribute to the gradient of
  /// a parameter that they share is left out.
  func sums(
    of operation: TrainingGraph.Operation, _ profile: OperatorProfile, _ strategy: Strategy,
    part: OperationPart, inputs: [TensorType], device: Int
  ) -> [KernelSums] {
    var sums: [KernelSums] = []
    if part != .afterStatistics, let partialSums {
      let elements = profile.node.operator.rules.statistics(operation.workPhase, inputs: inputs)
      let effort = partialSums.efforts(batchLevels: strategy.statisticsLevels)[device]
      sums += joining(elements, effort.addends, slots: effort.depth)
    }
    if part != .beforeStatistics {
      for input in operation.rule?.inputs ?? [] where gradientInputs[profile.id.index].contains(input) {
        sums += self.sums(ofGradient: input, profile, strategy, inputs[input].elementCount, device)
      }
    }
    return sums
  }

  /// The sums of what an input contributes to the gradient of its parameter.
  private func sums(
    ofGradient input: Int, _ profile: OperatorProfile, _ strategy: Strategy, _ elements: Int, _ device: Int
  ) -> [KernelSums] {
    let node = profile.node
    // A node may read a parameter at several inputs.
    let readings = gradientInputs[profile.id.index].filter { node.inputs[$0] == node.inputs[input] }
    guard let partialSums else {
      let count = max(1, options.microBatches) - (input == readings[0] ? 1 : 0)
      return joining(elements, [Int](repeating: 2, count: count), slots: nil)
    }
    guard input == readings[readings.count - 1] else { return [] }
    let effort = partialSums.efforts(batchLevels: strategy.batchLevels)[device]
    let within = readings.count == 1 ? [] : [Int](repeating: readings.count, count: effort.contributions)
    return joining(elements, within + effort.addends, slots: effort.depth + readings.count - 1)
  }

  /// Some sums, as those of one micro-batch on average; none where nothing is added.
  ///
  /// - Parameters:
  ///   - elements: The elements of an array.
  ///   - addends: The addends of each sum.
  ///   - slots: The arrays over which calls and sums pass; nil where a step lies between them.
  private func joining(_ elements: Int, _ addends: [Int], slots: Int?) -> [KernelSums] {
    guard !addends.isEmpty, elements > 0 else { return [] }
    let microBatches = Double(max(1, options.microBatches))
    return [
      KernelSums(
        elements: elements, count: Double(addends.count) / microBatches,
        addends: Double(addends.reduce(0, +)) / microBatches,
        passedElements: slots.map { $0 * elements } ?? passedElements)
    ]
  }

  /// Whether all devices make the same sums.
  func addsAlike(_ strategy: Strategy) -> Bool {
    guard let partialSums else { return true }
    return [strategy.batchLevels, strategy.statisticsLevels].allSatisfy { levels in
      let efforts = partialSums.efforts(batchLevels: levels)
      return efforts.allSatisfy { $0 == efforts[0] }
    }
  }
}

extension TrainingGraph {
  /// For each node the inputs whose gradients are those of parameters, in the order in which they are made.
  var gradientInputs: [[Int]] {
    var inputs = [[Int]](repeating: [], count: graph.nodes.count)
    for operation in operations {
      guard let node = operation.node, let rule = operation.rule else { continue }
      inputs[node.index] += rule.inputs.filter { graph[graph[node].inputs[$0]].role == .parameter }
    }
    return inputs
  }
}
