import Differentiation
import Graphs
import Plans

extension ProgramBuilder {
  /// What a node works on at this rank.
  func localNode(_ node: Int, _ microBatch: Int) throws(ExecutionFault) -> LocalNode {
    let stage = plan.stageOfNode[node]
    let profile = plan.facts.profiles[node]
    let strategy = plan.strategies[node]
    let cut = cut(of: stage)
    let position = positions[stage] ?? 0
    func local(_ types: [TensorType], _ layouts: [Layout]) -> [TensorType] {
      zip(types, layouts).map { $0.with(shape: cut.localShape($0.shape, $1, device: position)) }
    }
    let inputTypes = local(profile.inputTypes, strategy.inputs)
    let outputTypes = local(profile.outputTypes, strategy.outputs)
    let gradient = profile.node.operator.rules.gradient(inputs: inputTypes, outputs: outputTypes)
    let batch = graph.batch
    func hasRows(_ tensor: TensorID) -> Bool {
      guard !graph[tensor].role.isStatic, let outermost = graph[tensor].type.shape.first else { return false }
      return outermost % batch == 0
    }
    let inputRows = profile.node.inputs.map(hasRows)
    let outputRows = profile.node.outputs.map(hasRows)
    let moving = profile.node.inputs.indices.filter { !graph[profile.node.inputs[$0]].role.isStatic }
    // Rows can be told apart where every activation has them outermost.
    let canCut =
      moving.allSatisfy { inputRows[$0] }
      && profile.node.outputs.indices.allSatisfy {
        outputRows[$0] || profile.node.outputs[$0] == plan.training.loss
      } && !moving.isEmpty
    if (inputTypes + outputTypes).contains(where: { $0.elementCount == 0 }) {
      return LocalNode(
        node: node, stage: stage, position: position, microBatch: microBatch, inputTypes: inputTypes,
        outputTypes: outputTypes, auxiliaryTypes: gradient.auxiliaries, samples: 1, parts: [],
        inputHasRows: inputRows, outputHasRows: outputRows)
    }
    guard canCut, let first = moving.first else {
      return LocalNode(
        node: node, stage: stage, position: position, microBatch: microBatch, inputTypes: inputTypes,
        outputTypes: outputTypes, auxiliaryTypes: gradient.auxiliaries, samples: 1,
        parts: [RowPart(rows: 0..<1, firstSample: microBatch * batch, cell: 0)],
        inputHasRows: inputRows.map { _ in false }, outputHasRows: outputRows.map { _ in false })
    }
    let runs = cut.heldRanges(batch, levels: cut.levels(cutting: 0, strategy.inputs[first]), device: position)
    let samples = runs.reduce(0) { $0 + $1.count }
    return LocalNode(
      node: node, stage: stage, position: position, microBatch: microBatch, inputTypes: inputTypes,
      outputTypes: outputTypes, auxiliaryTypes: gradient.auxiliaries, samples: samples,
      parts: parts(runs, microBatch, isDrawn: isDrawn(node)), inputHasRows: inputRows,
      outputHasRows: outputRows)
  }

  /// Whether masks are drawn, for which the samples' numbers must be known.
  private func isDrawn(_ node: Int) -> Bool {
    if case .dropout = graph.nodes[node].operator { true } else { false }
  }

  /// The samples of this rank, cell by cell where there is a grid.
  private func parts(_ runs: [Range<Int>], _ microBatch: Int, isDrawn: Bool) -> [RowPart] {
    let first = microBatch * graph.batch
    var parts: [RowPart] = []
    var row = 0
    if let grid {
      for run in runs {
        let samples = first + run.lowerBound..<first + run.upperBound
        for cells in grid.cells(in: [samples]) {
          for cell in cells {
            let inside = grid.samples(of: cell)
            let start = row + inside.lowerBound - samples.lowerBound
            parts.append(
              RowPart(rows: start..<start + inside.count, firstSample: inside.lowerBound, cell: cell))
          }
        }
        row += run.count
      }
      return parts
    }
    if !isDrawn {
      let count = runs.reduce(0) { $0 + $1.count }
      return [RowPart(rows: 0..<count, firstSample: first + (runs.first?.lowerBound ?? 0), cell: 0)]
    }
    for run in runs {
      parts.append(
        RowPart(rows: row..<row + run.count, firstSample: first + run.lowerBound, cell: 0))
      row += run.count
    }
    return parts
  }
}
