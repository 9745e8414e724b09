import Differentiation
import Graphs
import Kernels
import Plans

/// Samples that one kernel call computes.
struct RowPart: Hashable, Sendable {
  /// The samples among those of this rank in the micro-batch.
  let rows: Range<Int>
  /// The number of the first in the global batch.
  let firstSample: Int
  /// The cell, or zero where there is no grid.
  let cell: Int
}

/// What a node's operation works on at one rank: local types, and the samples cell by cell.
struct LocalNode {
  let node: Int
  let stage: Int
  let position: Int
  let microBatch: Int
  let inputTypes: [TensorType]
  let outputTypes: [TensorType]
  let auxiliaryTypes: [TensorType]
  /// The samples of this rank, or 1 where the tensors do not have them outermost.
  let samples: Int
  let parts: [RowPart]
  /// For each input, output whether its outermost dimension are the samples.
  let inputHasRows: [Bool]
  let outputHasRows: [Bool]

  /// Whether anything is there to be computed.
  var isEmpty: Bool { parts.isEmpty }

  /// The type of the rows of a part.
  func type(_ type: TensorType, hasRows: Bool, _ part: RowPart) -> TensorType {
    guard hasRows, let outermost = type.shape.first else { return type }
    return type.with(shape: [outermost / samples * part.rows.count] + type.shape.dropFirst())
  }

  /// How many elements lie before the rows of a part.
  func offset(_ type: TensorType, hasRows: Bool, _ part: RowPart) -> Int {
    hasRows ? type.elementCount / samples * part.rows.lowerBound : 0
  }
}

extension ProgramBuilder {
  /// The cells of the whole batch.
  var grid: CellGrid? { plan.plan.options.grid(microBatch: graph.batch) }

  /// An operation of the forward or backward phase.
  mutating func run(
    _ operation: TrainingGraph.Operation, _ index: Int, _ part: OperationPart, _ microBatch: Int
  ) throws(ExecutionFault) {
    guard let id = operation.node, positions[plan.stageOfNode[id.index]] != nil else { return }
    let local = try localNode(id.index, microBatch)
    if case .batchNormalization(let normalization) = graph[id].operator, normalization.mode != .frozen {
      try normalize(normalization, operation, index, part, local)
      return
    }
    for rows in local.parts {
      try call(operation, local, rows, operation.rule.map { .backward($0) } ?? .forward)
    }
  }

  // MARK: One call

  /// Emits one kernel call, and joins the gradients that it contributes to.
  mutating func call(
    _ operation: TrainingGraph.Operation, _ local: LocalNode, _ rows: RowPart, _ step: KernelRequest.Step,
    statistics: BufferReference? = nil, statisticsCount: Int = 1
  ) throws(ExecutionFault) {
    let node = graph.nodes[local.node]
    let request = KernelRequest(
      node.operator, step,
      inputTypes: zip(local.inputTypes, local.inputHasRows).map { local.type($0, hasRows: $1, rows) },
      outputTypes: zip(local.outputTypes, local.outputHasRows).map { local.type($0, hasRows: $1, rows) },
      scalar: settings.scalar, lossCount: lossCount(of: node), statisticsCount: statisticsCount,
      inputMemoryFormat: formats.input(of: node, in: graph), outputMemoryFormat: formats.output(of: node))
    let kernel = try kernel(for: request)
    var call = KernelCall(
      kernel: kernel, stream: local.node, firstSample: rows.firstSample, places: places(of: local),
      rows: tableRows(of: local))
    call.inputs = [BufferReference?](repeating: nil, count: node.inputs.count)
    call.outputs = [BufferReference?](repeating: nil, count: node.outputs.count)
    call.outputErrors = call.outputs
    call.auxiliaries = [BufferReference?](repeating: nil, count: local.auxiliaryTypes.count)
    call.statistics = statistics
    var joins: [(places: [BufferReference], count: Int)] = []
    switch step {
    case .forward, .forwardStatistics:
      for position in node.inputs.indices {
        call.inputs[position] = try input(position, of: local, rows)
      }
      if case .forward = step {
        for position in node.outputs.indices {
          call.outputs[position] = try output(position, of: local, rows)
        }
        for position in local.auxiliaryTypes.indices {
          call.auxiliaries[position] = auxiliary(position, of: local, rows)
        }
      }
    case .backward(let rule), .backwardStatistics(let rule):
      for operand in rule.reads {
        switch operand {
        case .input(let position): call.inputs[position] = try input(position, of: local, rows)
        case .output(let position): call.outputs[position] = try output(position, of: local, rows)
        case .auxiliary(let position): call.auxiliaries[position] = auxiliary(position, of: local, rows)
        case .outputError(let position):
          call.outputErrors[position] = try outputError(position, of: local, rows)
        }
      }
      if case .backward = step { joins = try results(of: rule, local, rows, &call) }
    }
    if case .forward = step, node.operator.rules.isLoss { notePrediction(call, local, rows) }
    try pack(&call, local)
    emit(.kernel(call), touching: call.references)
    for (places, count) in joins { join(places, count: count) }
  }

  /// Adds sums, in their order, into the last of them.
  mutating func join(_ places: [BufferReference], count: Int) {
    guard let target = places.last, places.count > 1 else { return }
    emit(.sum(to: target, addends: places, count: count), touching: places)
  }

  /// Of a mask whose samples are cut: for each element of a sample's part its place in the whole sample.
  private func places(of local: LocalNode) -> [Int]? {
    guard case .dropout = graph.nodes[local.node].operator, let own = local.inputTypes.first,
      let tensor = graph.nodes[local.node].inputs.first
    else { return nil }
    let shape = graph[tensor].type.shape
    let whole = shape.dropFirst().reduce(1, *)
    let part = own.shape.dropFirst().reduce(1, *)
    guard part < whole else { return nil }
    let layout = plan.strategies[local.node].inputs[0]
    let holding = Holding(shape, layout, over: cut(of: local.stage), device: local.position)
    return holding.runs.lazy.joined().prefix(part).map { $0 % whole }
  }

  /// Of an embedding whose table is cut the rows that this rank holds.
  private func tableRows(of local: LocalNode) -> TableRows? {
    guard case .embedding = graph.nodes[local.node].operator else { return nil }
    let cut = cut(of: local.stage)
    let levels = cut.levels(cutting: 0, plan.strategies[local.node].inputs[1])
    let rows = graph[graph.nodes[local.node].inputs[1]].type.shape[0]
    let present = cut.heldRanges(rows, levels: levels, device: local.position)
    return present == [0..<rows] ? nil : TableRows(count: rows, present: present)
  }

  private mutating func kernel(for request: KernelRequest) throws(ExecutionFault) -> any PreparedKernel {
    if let known = kernels[request] { return known }
    do {
      let kernel = try library.kernel(for: request)
      kernels[request] = kernel
      return kernel
    } catch {
      throw ExecutionFault("'\(error.node)' (\(error.kind)) has no arithmetic, so that it cannot be trained")
    }
  }

  /// The labels of the whole batch, of which a loss is the mean.
  private func lossCount(of node: Node) -> Int {
    guard node.operator.rules.isLoss, node.inputs.count > 1 else { return 1 }
    return graph[node.inputs[1]].type.elementCount * plan.plan.options.microBatches
  }

  // MARK: Operands

  private mutating func input(
    _ position: Int, of local: LocalNode, _ rows: RowPart
  ) throws(ExecutionFault) -> BufferReference? {
    let tensor = graph.nodes[local.node].inputs[position]
    let layout = plan.strategies[local.node].inputs[position]
    if isAddedElsewhere(position, local) { return nil }
    let type = local.inputTypes[position]
    let place: BufferReference
    switch graph[tensor].role {
    case .state where hasOwnStatistics(local.node):
      place = cellPlace(tensor, layout, rows, of: local)
    case .parameter: place = try parameterPlace(tensor, layout, local.stage)
    case .frozenParameter, .state, .constant: place = staticPlace(tensor, layout, local.stage)
    case .sample, .label, .activation:
      place = try reference(.forward(tensor), layout, local.stage, local.microBatch)
    }
    let offset = local.offset(type, hasRows: local.inputHasRows[position], rows)
    return place.advanced(by: offset * elementSize(of: type.elementType))
  }

  /// Whether a bias joins the partial result on another device.
  private func isAddedElsewhere(_ position: Int, _ local: LocalNode) -> Bool {
    guard position == 2, graph.nodes[local.node].operator.rules.isWeighted else { return false }
    let cut = cut(of: local.stage)
    return plan.strategies[local.node].rules.enumerated().contains { level, rule in
      rule.axis == .inputChannel && cut.coordinate(of: local.position, at: level) != 0
    }
  }

  private mutating func output(
    _ position: Int, of local: LocalNode, _ rows: RowPart
  ) throws(ExecutionFault) -> BufferReference {
    let tensor = graph.nodes[local.node].outputs[position]
    let type = local.outputTypes[position]
    let size = elementSize(of: type.elementType)
    let layout = plan.strategies[local.node].outputs[position]
    if tensor == plan.training.loss { return lossPlace(local, rows) }
    let place = allocate(
      .forward(tensor), layout, local.stage, local.microBatch, size: type.elementCount * size)
    return place.advanced(by: local.offset(type, hasRows: local.outputHasRows[position], rows) * size)
  }

  private mutating func lossPlace(_ local: LocalNode, _ rows: RowPart) -> BufferReference {
    let place = memory.add(size: scalarSize)
    let cut = cut(of: local.stage)
    let isPrincipal = plan.strategies[local.node].rules.enumerated().allSatisfy { level, rule in
      rule.axis == .batch || cut.coordinate(of: local.position, at: level) == 0
    }
    losses.append(
      LossPlace(part: grid == nil ? local.microBatch : rows.cell, place: place, isPrincipal: isPrincipal))
    // It is read when the step has ended.
    memory.touch(place, at: .max)
    return place
  }

  /// Notes where a loss reads its scores and labels, so that what was classified can be counted.
  private mutating func notePrediction(_ call: KernelCall, _ local: LocalNode, _ rows: RowPart) {
    let scores = local.inputTypes[0].shape
    guard losses.last?.isPrincipal == true, scores.count == 2, let logits = call.inputs[0],
      let labels = call.inputs[1]
    else { return }
    memory.touch(logits, at: .max)
    memory.touch(labels, at: .max)
    predictions.append(
      PredictionPlace(scores: logits, labels: labels, samples: rows.rows.count, classes: scores[1]))
  }

  private mutating func outputError(
    _ position: Int, of local: LocalNode, _ rows: RowPart
  ) throws(ExecutionFault) -> BufferReference? {
    let tensor = graph.nodes[local.node].outputs[position]
    let type = local.outputTypes[position]
    if tensor == plan.training.loss { return nil }
    let offset = local.offset(type, hasRows: local.outputHasRows[position], rows)
    let size = elementSize(of: type.elementType)
    guard plan.facts.tensorsWithError.contains(tensor) else {
      // What leads nowhere has no error.
      let place = zeros ?? memory.add(size: 0, isPersistent: true)
      zeros = place
      memory.grow(place, to: type.elementCount * size)
      return place
    }
    let place = try reference(
      .error(tensor), plan.strategies[local.node].outputErrors[position], local.stage, local.microBatch)
    return place.advanced(by: offset * size)
  }

  private mutating func auxiliary(
    _ position: Int, of local: LocalNode, _ rows: RowPart
  ) -> BufferReference {
    let type = local.auxiliaryTypes[position]
    let size = elementSize(of: type.elementType)
    let value = TrainingGraph.Value.auxiliary(NodeID(local.node), position)
    let whole = Layout.replicated(levelCount: cut(of: local.stage).levelCount)
    if hasOwnStatistics(local.node) {
      // Each cell has statistics of its own.
      let place = allocate(
        value, whole, local.stage, local.microBatch, size: local.parts.count * type.elementCount * size)
      let index = local.parts.firstIndex(of: rows) ?? 0
      return place.advanced(by: index * type.elementCount * size)
    }
    let hasRows =
      local.samples > 1 && !isStatistics(local.node)
      && type.shape.first.map { $0 % local.samples == 0 } == true
    let place = allocate(value, whole, local.stage, local.microBatch, size: type.elementCount * size)
    return place.advanced(by: local.offset(type, hasRows: hasRows, rows) * size)
  }

  private func isStatistics(_ node: Int) -> Bool {
    if case .batchNormalization = graph.nodes[node].operator { true } else { false }
  }

  func hasOwnStatistics(_ node: Int) -> Bool {
    if case .batchNormalization(let normalization) = graph.nodes[node].operator {
      normalization.mode == .cell
    } else {
      false
    }
  }

  /// The cell whose statistics a batch normalisation takes.
  func cell(of rows: RowPart, _ local: LocalNode) -> CellPart {
    let devices = cut(of: local.stage).deviceCount
    let index = grid == nil ? local.microBatch * devices + local.position : rows.cell
    return CellPart(index: index, samples: rows.rows.count)
  }

  /// Where a backward operation writes, and which gradients are then joined.
  private mutating func results(
    of rule: GradientOperation, _ local: LocalNode, _ rows: RowPart, _ call: inout KernelCall
  ) throws(ExecutionFault) -> [(places: [BufferReference], count: Int)] {
    let node = graph.nodes[local.node]
    var joins: [(places: [BufferReference], count: Int)] = []
    for position in rule.inputs {
      let tensor = node.inputs[position]
      let type = local.inputTypes[position]
      if graph[tensor].role == .parameter {
        let count = type.elementCount
        let step = try pushGradient(tensor, of: local.node, cell: rows.cell, elements: count)
        call.results.append(step.place)
        joins += step.joins.map { ($0, count) }
      } else {
        let size = elementSize(of: type.elementType)
        let place = allocate(
          .error(tensor), plan.strategies[local.node].inputErrors[position], local.stage, local.microBatch,
          size: type.elementCount * size)
        let offset = local.offset(type, hasRows: local.inputHasRows[position], rows)
        call.results.append(place.advanced(by: offset * size))
      }
    }
    return joins
  }

  // MARK: Packed parameters

  struct PackKey: Hashable {
    let node: Int
    let kernel: ObjectIdentifier
  }

  /// Where several calls read the same parameters these are put in order once.
  private mutating func pack(_ call: inout KernelCall, _ local: LocalNode) throws(ExecutionFault) {
    guard call.kernel.packedSize > 0, local.parts.count > 1 else { return }
    let key = PackKey(node: local.node, kernel: ObjectIdentifier(call.kernel))
    if let known = packed[key] {
      call.packedParameters = known
      return
    }
    let place = memory.add(size: call.kernel.packedSize)
    packed[key] = place
    call.packedParameters = place
    emit(.pack(call), touching: call.inputs.compactMap { $0 } + [place])
  }
}
