import Devices
import Differentiation
import Graphs
import Machines
import Results
import Units

/// The peak of every device's memory under a plan, in the order of the stages and their devices.
///
/// A device holds its parameters, their gradients and the optimizer's state for the whole step. A micro-batch
/// holds each activation from the task that writes it to the last task that reads it, backward work included.
/// A pipeline's early stages hold what is saved of every micro-batch in flight; the program order alone
/// decides this, and not timing. An input that was converted stands beside the tensor it was made from.
func memoryUses(_ plan: ResolvedPlan) -> [MemoryUse] {
  plan.stages.indices.flatMap { stage -> [MemoryUse] in
    let group = plan.stages[stage].group
    let operations = operations(of: plan, stage)
    // Where every part is equal one device tells for all.
    let isUniform = plan.isUniform(stage)
    var uses: [MemoryUse] = []
    for device in group.devices.indices {
      let own = plan.machine[group.devices[device]]
      if isUniform, let first = uses.first {
        uses.append(
          MemoryUse(
            device: own.name, peak: first.peak, capacity: own.memory.capacity, parts: first.parts,
            task: first.task))
      } else {
        uses.append(memoryUse(MemoryWalk(plan, stage, device: device, operations), own))
      }
    }
    return uses
  }
}

/// The operations of one stage in program order.
private func operations(of plan: ResolvedPlan, _ stage: Int) -> [TrainingGraph.Operation] {
  let nodes = plan.stages[stage].nodes
  return plan.training.operations.filter { operation in
    guard let node = operation.node ?? plan.facts.owner(of: operation.parameter) else { return false }
    return nodes.contains(node.index)
  }
}

extension ResolvedPlan {
  /// Whether all devices of a stage hold equal parts of every tensor.
  fileprivate func isUniform(_ stage: Int) -> Bool {
    let cut = stages[stage].tasks.cut
    // Devices with as many cells may still hold different partial sums of them.
    guard cut.grid == nil else { return cut.deviceCount == 1 }
    return stages[stage].nodes.allSatisfy { node in
      zip(profiles[node].inputTypes, strategies[node].inputs).allSatisfy { cut.isUniform($0.shape, $1) }
        && zip(profiles[node].outputTypes, strategies[node].outputs).allSatisfy {
          cut.isUniform($0.shape, $1)
        }
    }
  }
}

/// A value that occupies memory for a part of the program of one micro-batch.
private struct Held {
  var first: Int
  var last: Int
  let bytes: Int
  let part: TrainingGraph.MemoryPart
}

private func memoryUse(_ walk: MemoryWalk, _ machineDevice: Device) -> MemoryUse {
  let inFlight = walk.inFlight
  let parts = TrainingGraph.MemoryPart.allCases
  // What stays of a micro-batch between its forward and its backward work.
  let saved = walk.held.filter { $0.first < walk.turn && $0.last >= walk.turn && !walk.isStatic($0.part) }
  let savedBytes = saved.reduce(0) { $0 + $1.bytes }
  var best = (total: -1, position: 0, parts: [Int](repeating: 0, count: parts.count))
  var now = [Int](repeating: 0, count: parts.count)
  let begins = Dictionary(grouping: walk.held.indices, by: { walk.held[$0].first })
  let ends = Dictionary(grouping: walk.held.indices, by: { walk.held[$0].last })
  for position in 0..<max(1, walk.operations.count) {
    for index in begins[position] ?? [] {
      now[walk.partIndex(walk.held[index].part)] += walk.held[index].bytes
    }
    let total = now.reduce(0, +)
    if total > best.total { best = (total, position, now) }
    for index in ends[position] ?? [] { now[walk.partIndex(walk.held[index].part)] -= walk.held[index].bytes }
  }
  var peakParts = best.parts
  peakParts[walk.partIndex(.activations)] += (inFlight - 1) * savedBytes
  return MemoryUse(
    device: machineDevice.name, peak: Bytes(best.total + (inFlight - 1) * savedBytes),
    capacity: machineDevice.memory.capacity,
    parts: zip(parts, peakParts).map { MemoryUse.Part(kind: $0.rawValue, size: Bytes($1)) },
    task: walk.operations.isEmpty ? "" : walk.name(of: walk.operations[best.position]))
}

/// The values that one device holds while one micro-batch passes, as intervals of its program.
private struct MemoryWalk {
  let plan: ResolvedPlan
  let stage: Int
  let device: Int
  let operations: [TrainingGraph.Operation]
  /// The position of the first backward operation.
  let turn: Int
  private(set) var held: [Held] = []
  private let sizes: ElementSizes
  private let cut: Cut

  init(_ plan: ResolvedPlan, _ stage: Int, device: Int, _ operations: [TrainingGraph.Operation]) {
    self.plan = plan
    self.stage = stage
    self.device = device
    self.operations = operations
    sizes = plan.stages[stage].tasks.sizes
    cut = plan.stages[stage].tasks.cut
    turn = operations.firstIndex { $0.phase != .forward } ?? operations.count
    collect()
  }

  /// How many micro-batches stand between forward and backward work at once.
  var inFlight: Int {
    let isLast = stage == plan.stages.count - 1
    let all = plan.plan.options.microBatches
    if isLast { return 1 }
    guard plan.plan.options.overlap == .steady else { return all }
    // Those of a whole step, the one whose turn it is and those by which backward work lies behind.
    return all + min(all, 1 + plan.weavingLag(of: stage))
  }

  func isStatic(_ part: TrainingGraph.MemoryPart) -> Bool {
    part == .weights || part == .gradients || part == .optimizerState
  }

  func partIndex(_ part: TrainingGraph.MemoryPart) -> Int {
    TrainingGraph.MemoryPart.allCases.firstIndex(of: part) ?? 0
  }

  func name(of operation: TrainingGraph.Operation) -> String {
    let subject =
      operation.node.map { plan.training.graph[$0].name }
      ?? operation.parameter.map { plan.training.graph[$0].name } ?? ""
    return "\(operation.phase.rawValue) of \(subject)"
  }

  /// A place in memory: a value's storage in one layout.
  private struct Place: Hashable {
    let value: TrainingGraph.Value
    let layout: Layout
  }

  private mutating func collect() {
    let end = max(0, operations.count - 1)
    var places: [Place: Int] = [:]
    for (position, operation) in operations.enumerated() {
      for (value, layout) in valuesTouched(by: operation) {
        let owner = plan.training.storage(of: value)
        let place = Place(value: owner, layout: layout)
        if let index = places[place] {
          held[index].last = isStatic(held[index].part) ? end : position
          continue
        }
        let part = plan.training.part(of: owner)
        places[place] = held.count
        let size = bytes(of: owner, layout)
        let sums = partialSums(of: value, operation)
        held.append(
          Held(
            first: isStatic(part) || isInput(owner) ? 0 : position, last: isStatic(part) ? end : position,
            bytes: sums.kept * size, part: part))
        if sums.most > sums.kept {
          held.append(
            Held(first: position, last: position, bytes: (sums.most - sums.kept) * size, part: part))
        }
      }
    }
  }

  /// How many partial sums of a value the device holds until they are summed, and at most while it computes
  /// one cell after another.
  private func partialSums(
    of value: TrainingGraph.Value, _ operation: TrainingGraph.Operation
  ) -> (kept: Int, most: Int) {
    guard case .gradient = value, let sums = plan.stages[stage].tasks.partialSums,
      let node = operation.node
    else { return (1, 1) }
    let levels = plan.strategies[node.index].batchLevels
    return (
      sums.nodes(before: cut.levelCount, batchLevels: levels)[device].count,
      sums.most(of: device, batchLevels: levels)
    )
  }

  /// Whether a value is there before the step: samples and labels.
  private func isInput(_ value: TrainingGraph.Value) -> Bool {
    guard case .forward(let tensor) = value else { return false }
    return plan.training.graph[tensor].role != .activation
  }

  private func bytes(of value: TrainingGraph.Value, _ layout: Layout) -> Int {
    let type = plan.training.type(of: value)
    let elements = cut.localElements(type.shape, layout, device: device)
    switch value {
    case .gradient: return elements * sizes.gradient
    case .optimizerState: return elements * sizes.state
    case .error: return elements * sizes.activation
    case .forward(let tensor):
      let isFloat = type.elementType == .float32 || type.elementType == .float64
      if plan.training.graph[tensor].role.isStatic, isFloat { return elements * sizes.parameter }
      return elements * (isFloat ? sizes.activation : type.elementType.size.count)
    case .auxiliary: return elements * type.elementType.size.count
    }
  }

  /// The values of an operation with the layouts in which this device holds them.
  private func valuesTouched(by operation: TrainingGraph.Operation) -> [(TrainingGraph.Value, Layout)] {
    guard let id = operation.node else {
      guard let parameter = operation.parameter, let owner = plan.facts.owner(of: parameter) else {
        return []
      }
      let home = layout(of: parameter, at: owner.index)
      return (operation.reads + operation.writes).map { ($0, home) }
    }
    let node = plan.training.graph[id]
    let strategy = plan.strategies[id.index]
    return (operation.reads + operation.writes).map { value in
      switch value {
      case .forward(let tensor):
        if let position = node.outputs.firstIndex(of: tensor) { return (value, strategy.outputs[position]) }
        return (value, layout(of: tensor, at: id.index))
      case .error(let tensor):
        if let position = node.outputs.firstIndex(of: tensor) {
          return (value, strategy.outputErrors[position])
        }
        guard let position = node.inputs.firstIndex(of: tensor) else { return (value, strategy.outputs[0]) }
        return (value, strategy.inputErrors[position])
      case .gradient(let tensor): return (value, layout(of: tensor, at: id.index))
      case .auxiliary(_, let index):
        // A mask stands as the output it belongs to; statistics stand whole.
        let type = plan.training.type(of: .auxiliary(id, index))
        let output = plan.training.graph[node.outputs[0]].type
        let isMask = type.shape == output.shape
        return (value, isMask ? strategy.outputs[0] : .replicated(levelCount: cut.levelCount))
      case .optimizerState(let tensor, _): return (value, layout(of: tensor, at: id.index))
      }
    }
  }

  private func layout(of tensor: TensorID, at node: Int) -> Layout {
    let inputs = plan.profiles[node].node.inputs
    guard let position = inputs.firstIndex(of: tensor) else { return .replicated(levelCount: cut.levelCount) }
    return plan.strategies[node].inputs[position]
  }
}
