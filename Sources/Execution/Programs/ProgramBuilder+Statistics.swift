import Differentiation
import Graphs
import Kernels
import Plans

/// Names the sums of one operation of a batch normalisation for one micro-batch.
struct StatisticsKey: Hashable, Sendable {
  let node: Int
  let operation: Int
  let microBatch: Int
}

/// Where sums over the batch are added.
struct StatisticsPlace: Sendable {
  let place: BufferReference
  /// The numbers of one slot.
  let elements: Int
  var stack: CellStack
  /// Where the sums over all devices lie, once they are there.
  var reduced: BufferReference?
}

extension ProgramBuilder {
  /// A batch normalisation in two steps: sums over the batch, or over each cell, and what follows from them.
  mutating func normalize(
    _ normalization: BatchNormalization, _ operation: TrainingGraph.Operation, _ index: Int,
    _ part: OperationPart, _ local: LocalNode
  ) throws(ExecutionFault) {
    let steps: (sums: KernelRequest.Step, rest: KernelRequest.Step) =
      operation.rule.map { (.backwardStatistics($0), .backward($0)) } ?? (.forwardStatistics, .forward)
    let channels = local.inputTypes[0].shape[1]
    let key = StatisticsKey(node: local.node, operation: index, microBatch: local.microBatch)
    if normalization.mode == .cell {
      for rows in local.parts {
        let count =
          local.type(local.inputTypes[0], hasRows: local.inputHasRows[0], rows).elementCount / channels
        let place = memory.add(size: 2 * channels * scalarSize)
        try call(operation, local, rows, steps.sums, statistics: place, statisticsCount: count)
        try call(operation, local, rows, steps.rest, statistics: place, statisticsCount: count)
        if operation.rule == nil {
          try follow(place, count, normalization, local, rows: rows)
        }
      }
      return
    }
    let count =
      graph[graph.nodes[local.node].inputs[0]].type.elementCount
      / graph[graph.nodes[local.node].inputs[0]].type.shape[1]
    if part != .afterStatistics {
      if statistics[key] == nil {
        statistics[key] = StatisticsPlace(
          place: memory.add(size: 0), elements: 2 * channels, stack: CellStack(grid))
      }
      for rows in local.parts {
        guard var own = statistics[key] else { continue }
        let step = own.stack.push(rows.cell)
        memory.grow(own.place, to: own.stack.depth * own.elements * scalarSize)
        statistics[key] = own
        func slot(_ index: Int) -> BufferReference {
          own.place.advanced(by: index * own.elements * scalarSize)
        }
        try call(operation, local, rows, steps.sums, statistics: slot(step.slot), statisticsCount: count)
        join(step.joined.map { slot($0) }, count: own.elements)
      }
      if local.isEmpty, grid == nil, let own = statistics[key] {
        memory.grow(own.place, to: own.elements * scalarSize)
        emit(.clear(own.place, size: own.elements * scalarSize), touching: [own.place])
      }
    }
    if part != .beforeStatistics {
      let sums = sums(of: key)
      for rows in local.parts {
        try call(operation, local, rows, steps.rest, statistics: sums, statisticsCount: count)
      }
      if operation.rule == nil { try follow(sums, count, normalization, local) }
    }
  }

  /// The sums over the batch: of all devices where they are there, else of this one.
  func sums(of key: StatisticsKey) -> BufferReference {
    guard let own = statistics[key] else { preconditionFailure("no sums of node \(key.node)") }
    return own.reduced ?? own.place
  }

  /// Lets the running statistics follow, where the network keeps any; each cell's own where it has its own.
  private mutating func follow(
    _ sums: BufferReference, _ count: Int, _ normalization: BatchNormalization, _ local: LocalNode,
    rows: RowPart? = nil
  ) throws(ExecutionFault) {
    let inputs = graph.nodes[local.node].inputs
    guard graph[inputs[3]].role == .state, graph[inputs[4]].role == .state, !local.isEmpty else { return }
    let layouts = plan.strategies[local.node].inputs
    let (mean, variance) =
      if let rows {
        (cellPlace(inputs[3], layouts[3], rows, of: local), cellPlace(inputs[4], layouts[4], rows, of: local))
      } else {
        (staticPlace(inputs[3], layouts[3], local.stage), staticPlace(inputs[4], layouts[4], local.stage))
      }
    emit(
      .follow(
        RunningStatistics(
          sums: sums, count: count, mean: mean, variance: variance,
          channels: local.inputTypes[3].elementCount, momentum: normalization.momentum)),
      touching: [mean, variance, sums])
  }
}
