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
    let nodes = plan.stages[stage].nodes
    let operations = plan.training.operations.indices.filter {
      plan.facts.memory.nodes[$0].map(nodes.contains) ?? false
    }
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
  let first: Int
  var last: Int
  let bytes: Int
  let part: Int
  let layout: Layout
  /// The same value in another layout, by its place among the values, or -1.
  let sibling: Int
}

private func memoryUse(_ walk: MemoryWalk, _ machineDevice: Device) -> MemoryUse {
  let inFlight = walk.inFlight
  let parts = TrainingGraph.MemoryPart.allCases
  let length = max(1, walk.operations.count)
  // What stays of a micro-batch between its forward and its backward work.
  var saved = 0
  // For each operation and part the bytes that come with it, and those that go after it.
  var begins = [Int](repeating: 0, count: length * parts.count)
  var ends = begins
  for held in walk.held {
    begins[held.first * parts.count + held.part] += held.bytes
    ends[held.last * parts.count + held.part] += held.bytes
    if held.first < walk.turn, held.last >= walk.turn, !parts[held.part].isStatic { saved += held.bytes }
  }
  var best = (total: -1, position: 0, parts: [Int](repeating: 0, count: parts.count))
  var now = best.parts
  for position in 0..<length {
    for part in parts.indices { now[part] += begins[position * parts.count + part] }
    let total = now.reduce(0, +)
    if total > best.total { best = (total, position, now) }
    for part in parts.indices { now[part] -= ends[position * parts.count + part] }
  }
  var peakParts = best.parts
  if let activations = parts.firstIndex(of: .activations) { peakParts[activations] += (inFlight - 1) * saved }
  return MemoryUse(
    device: machineDevice.name, peak: Bytes(best.total + (inFlight - 1) * saved),
    capacity: machineDevice.memory.capacity,
    parts: zip(parts, peakParts).map { MemoryUse.Part(kind: $0.rawValue, size: Bytes($1)) },
    task: walk.operations.isEmpty ? "" : walk.name(of: walk.operations[best.position]))
}

/// The values that one device holds while one micro-batch passes, as intervals of its program.
private struct MemoryWalk {
  let plan: ResolvedPlan
  let stage: Int
  let device: Int
  /// The places of the stage's operations in ``TrainingGraph/operations``, in program order.
  let operations: [Int]
  /// The position of the first backward operation.
  let turn: Int
  private(set) var held: [Held] = []
  private let sizes: ElementSizes
  private let cut: Cut

  init(_ plan: ResolvedPlan, _ stage: Int, device: Int, _ operations: [Int]) {
    self.plan = plan
    self.stage = stage
    self.device = device
    self.operations = operations
    sizes = plan.stages[stage].tasks.sizes
    cut = plan.stages[stage].tasks.cut
    let all = plan.training.operations
    turn = operations.firstIndex { all[$0].phase != .forward } ?? operations.count
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

  func name(of index: Int) -> String {
    let operation = plan.training.operations[index]
    let subject =
      operation.node.map { plan.training.graph[$0].name }
      ?? operation.parameter.map { plan.training.graph[$0].name } ?? ""
    return "\(operation.phase.rawValue) of \(subject)"
  }

  private mutating func collect() {
    let end = max(0, operations.count - 1)
    let facts = plan.facts.memory
    var places = [Int](repeating: -1, count: facts.storageCount)
    for (position, index) in operations.enumerated() {
      guard let node = facts.nodes[index] else { continue }
      let strategy = plan.strategies[node]
      for touch in facts.touches[index] {
        let layout = touch.place.layout(in: strategy) ?? .replicated(levelCount: cut.levelCount)
        let size =
          cut.localElements(touch.shape, layout, device: device) * touch.elementSize.bytes(sizes)
        if touch.gradientParts > 1 {
          // All parts stand side by side before they are added.
          held.append(
            Held(
              first: position, last: position, bytes: (touch.gradientParts - 1) * size,
              part: touch.part.ordinal, layout: layout, sibling: -1))
        }
        var storage = touch.storage
        if let other = touch.contribution, plan.addsAtOnce(other.reader, of: other.use) {
          storage = other.joined
        }
        var known = places[storage]
        while known >= 0, held[known].layout != layout { known = held[known].sibling }
        let isStatic = touch.part.isStatic
        if known >= 0 {
          held[known].last = isStatic ? end : position
          continue
        }
        let sums = touch.elementSize == .gradient ? partialSums(at: index) : (kept: 1, most: 1)
        let sibling = places[storage]
        places[storage] = held.count
        held.append(
          Held(
            first: isStatic || touch.isInput ? 0 : position, last: isStatic ? end : position,
            bytes: sums.kept * size, part: touch.part.ordinal, layout: layout, sibling: sibling))
        if sums.most > sums.kept {
          held.append(
            Held(
              first: position, last: position, bytes: (sums.most - sums.kept) * size,
              part: touch.part.ordinal, layout: layout, sibling: -1))
        }
      }
    }
  }

  /// How many partial sums of a gradient the device holds until they are summed, and at most while it
  /// computes one cell after another.
  private func partialSums(at index: Int) -> (kept: Int, most: Int) {
    guard let sums = plan.stages[stage].tasks.partialSums, let node = plan.training.operations[index].node
    else { return (1, 1) }
    let levels = plan.strategies[node.index].batchLevels
    return (
      sums.nodes(before: cut.levelCount, batchLevels: levels)[device].count,
      sums.efforts(batchLevels: levels)[device].depth
    )
  }
}
