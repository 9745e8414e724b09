public import Devices
public import Differentiation
public import Graphs
public import Machines
public import Units

/// What the operators of a training graph do on one group of devices, task by task.
///
/// Lowering puts these tasks into a ``TaskGraph`` and the search adds up their costs, so that both speak of
/// the same work and the same bytes. A class, since lowering hands it on at every task.
public final class StageTasks: Sendable {
  /// The training step.
  public let training: TrainingGraph
  /// The group's index in ``Machine/groups``.
  public let groupIndex: Int
  /// The group and the shares of its devices.
  public let cut: Cut
  /// How the step is run.
  public let options: StepOptions
  /// Bytes of an element by what it is.
  public let sizes: ElementSizes
  /// Whether all devices of the group are alike, so that equal parts cost equal time.
  public let isHomogeneous: Bool
  /// The host that sums gradients, where the devices are near storage and the machine has a processor beside
  /// them.
  public let hub: DeviceID?
  /// Whether links join all devices of the group, so that they can exchange data at all.
  public let isJoined: Bool
  /// The partial sums over the cells of the batch; nil where there is no grid.
  public let partialSums: PartialSums?
  /// Whether a device's kernels were measured, so that work says which of them does it.
  let hasMeasuredKernels: Bool
  /// The elements over which a device passes between one use of a value and the next, about.
  let passedElements: Int
  /// For each node the inputs whose gradients are those of parameters, in the order in which they are made.
  let gradientInputs: [[Int]]
  /// The default algorithm of each level.
  let algorithms: [CollectiveAlgorithm]

  /// Creates the tasks of a group.
  public init(
    training: TrainingGraph, machine: Machine, groupIndex: Int, shares: Shares, options: StepOptions
  ) {
    let group = machine.groups[groupIndex]
    self.training = training
    self.groupIndex = groupIndex
    let cut = Cut(
      group: group, shares: shares, grid: options.microGrid(samples: training.graph.batch))
    self.cut = cut
    partialSums = options.grid(microBatch: training.graph.batch).map {
      PartialSums(grid: $0, cut: cut, microBatches: options.microBatches)
    }
    self.options = options
    self.sizes = ElementSizes(options.precision)
    isHomogeneous = machine.areAlike(group.devices)
    hasMeasuredKernels = group.devices.contains { machine[$0].kernelRates != nil }
    passedElements = training.passedElements(devices: cut.deviceCount)
    gradientInputs = training.gradientInputs
    hub = Self.hub(of: group, in: machine)
    let isListed = group.levels.contains { $0.network == .listed }
    isJoined = !isListed || Routes(machine).join(group.devices)
    algorithms = group.levels.map { CollectiveAlgorithm.standard(for: $0) }
  }

  // MARK: Arithmetic

  /// The work of one operation of a node on each device; one value where all devices do the same.
  ///
  /// In every phase the extents are those of the forward phase's parts: an axis that is cut is cut in all
  /// three.
  public func work(
    of operation: TrainingGraph.Operation, _ profile: OperatorProfile, _ strategy: Strategy,
    part: OperationPart = .whole
  ) -> [Work] {
    let rules = profile.node.operator.rules
    return perDevice(profile, strategy) { device in
      let inputs = localTypes(profile.inputTypes, strategy.inputs, device)
      let outputs = localTypes(profile.outputTypes, strategy.outputs, device)
      if inputs.contains(where: { $0.elementCount == 0 }) { return Work() }
      let phase = operation.workPhase
      func before() -> Work { rules.workBeforeStatistics(phase, inputs: inputs, outputs: outputs) }
      let whole =
        operation.rule.map { rules.work(of: $0, inputs: inputs, outputs: outputs) }
        ?? rules.work(phase, inputs: inputs, outputs: outputs)
      let work =
        switch part {
        case .whole: whole
        case .beforeStatistics: before()
        case .afterStatistics: whole.less(before())
        }
      guard hasMeasuredKernels, !work.isEmpty else { return work }
      var result = withKernel(work, profile, phase, part: part, inputs: inputs, outputs: outputs)
      result.kernel?.sums = sums(
        of: operation, profile, strategy, part: part, inputs: inputs, device: device)
      return result
    }
  }

  /// Adds to work which kernel does it, one cell of the batch after another where there is a grid.
  private func withKernel(
    _ work: Work, _ profile: OperatorProfile, _ phase: Phase, part: OperationPart, inputs: [TensorType],
    outputs: [TensorType]
  ) -> Work {
    var result = work
    guard var use = profile.node.operator.kernelUse(phase, inputs: inputs, outputs: outputs) else {
      return work
    }
    switch part {
    case .whole: break
    case .beforeStatistics: use.kind = .batchStatistics
    case .afterStatistics: use.kind = .batchScaling
    }
    if let grid = cut.grid, let all = profile.inputTypes[0].shape.first, let here = inputs[0].shape.first {
      // Parts of a split batch hold whole cells.
      use.calls = max(1, min(here, (here * grid.count + all - 1) / all))
    }
    result.kernel = use
    placeInStep(&result)
    return result
  }

  /// Tells the kernel of some work how many devices compute at once and what the step passes over.
  private func placeInStep(_ work: inout Work) {
    work.kernel?.devices = cut.deviceCount
    work.kernel?.passedElements = passedElements
  }

  /// The parts in which an operation runs: two where the devices sum statistics in between.
  public func parts(
    of operation: TrainingGraph.Operation, _ profile: OperatorProfile, _ strategy: Strategy
  ) -> [OperationPart] {
    let phase = operation.workPhase
    return statistics(phase, profile, strategy).isEmpty ? [.whole] : [.beforeStatistics, .afterStatistics]
  }

  /// The work of updating one parameter on each device; one value where all devices do the same.
  public func updateWork(_ parameter: TensorID, layout: Layout) -> [Work] {
    let shape = training.graph[parameter].type.shape
    let devices = cut.isUniform(shape, layout) && isHomogeneous ? 1 : cut.deviceCount
    return (0..<devices).map { device in
      var work = training.optimizer.updateWork(
        elements: cut.localElements(shape, layout, device: device), masterCopies: training.masterCopies)
      placeInStep(&work)
      return work
    }
  }

  /// The work of adding what one node contributes to a gradient to what another did, on each device; one
  /// value where all devices do the same.
  public func additionWork(_ parameter: TensorID, layout: Layout) -> [Work] {
    let shape = training.graph[parameter].type.shape
    let devices = cut.isUniform(shape, layout) && isHomogeneous ? 1 : cut.deviceCount
    return (0..<devices).map { device in
      let elements = cut.localElements(shape, layout, device: device)
      guard elements > 0 else { return Work() }
      var kernel = KernelUse(.sum, .weightGradient)
      kernel.elements = elements
      var work = Work(
        elementOperations: Double(elements), gradientElements: 3 * elements, kernel: kernel)
      placeInStep(&work)
      return work
    }
  }

  private func perDevice(_ profile: OperatorProfile, _ strategy: Strategy, _ work: (Int) -> Work) -> [Work] {
    let isUniform =
      isHomogeneous
      && zip(profile.inputTypes, strategy.inputs).allSatisfy { cut.isUniform($0.shape, $1) }
      && zip(profile.outputTypes, strategy.outputs).allSatisfy { cut.isUniform($0.shape, $1) }
      && (!hasMeasuredKernels || addsAlike(strategy))
    return (0..<(isUniform ? 1 : cut.deviceCount)).map(work)
  }

  private func localTypes(_ types: [TensorType], _ layouts: [Layout], _ device: Int) -> [TensorType] {
    zip(types, layouts).map { $0.with(shape: cut.localShape($0.shape, $1, device: device)) }
  }

  // MARK: Communication

  /// The steps that bring an activation or error from one layout to another, or nil where none do.
  ///
  /// With eager reduction a partial tensor is first summed to the whole on each device.
  public func conversion(_ shape: [Int], from: Layout, to: Layout) -> [ConversionStep]? {
    var steps: [ConversionStep] = []
    for target in stops(from: from, to: to) {
      guard let part = conversionSteps(shape, from: target.from, to: target.to, over: cut) else { return nil }
      steps += part
    }
    return isJoined || steps.isEmpty ? steps : nil
  }

  /// The layouts through which a tensor goes from one to another: with eager reduction the whole comes first.
  func stops(from: Layout, to: Layout) -> [(from: Layout, to: Layout)] {
    guard options.reduction == .eager, from.isPartial, from != to else { return [(from, to)] }
    return [(from, from.reduced), (from.reduced, to)]
  }

  /// The steps that sum batch statistics in one phase of a node; none where the rule asks for none.
  public func statistics(
    _ phase: Phase, _ profile: OperatorProfile, _ strategy: Strategy
  ) -> [ConversionStep] {
    let (shape, partial) = statisticsPlace(phase, profile, strategy)
    guard !shape.contains(0), partial.isPartial else { return [] }
    return sum(shape, from: partial, to: partial.reduced, batchLevels: strategy.statisticsLevels)
  }

  /// The shape of all statistics, some for each channel, and their layout before they are summed.
  func statisticsPlace(
    _ phase: Phase, _ profile: OperatorProfile, _ strategy: Strategy
  ) -> (shape: [Int], partial: Layout) {
    let count = profile.node.operator.rules.statistics(phase, inputs: profile.inputTypes)
    guard count > 0 else { return ([0], .replicated(levelCount: cut.levelCount)) }
    let channels = profile.inputTypes[0].shape[1]
    precondition(count % channels == 0, "\(count) statistics of \(channels) channels")
    let states = strategy.rules.indices.map { level -> SplitState in
      if strategy.rules[level].sumsStatistics { return .partial }
      return strategy.inputs[0][level] == .sharded(1) ? .sharded(1) : .replicated
    }
    return ([count / channels, channels], Layout(states))
  }

  /// The steps that sum a parameter's gradient over the levels where it is partial.
  ///
  /// - Parameters:
  ///   - shape: The shape of the gradient, or the elements of several.
  ///   - gradient: Where it stands.
  ///   - parameter: Where the parameter lives.
  ///   - batchLevels: The levels that split the batch (``Strategy/batchLevels``).
  public func gradientReduction(
    _ shape: [Int], gradient: Layout, parameter: Layout, batchLevels: [Int]
  ) -> [ConversionStep] {
    sum(shape, from: gradient, to: parameter, batchLevels: batchLevels)
  }

  /// Whether what two nodes contribute to the gradient of a parameter is added up before it is summed over
  /// the devices: both must leave it alike.
  ///
  /// Where there is a grid each is summed along its tree by itself, because their sum must not depend on how
  /// the cells are divided.
  public func addAtOnce(
    _ one: Strategy, _ input: Int, _ other: Strategy, _ otherInput: Int
  ) -> Bool {
    partialSums == nil && one.inputErrors[input] == other.inputErrors[otherInput]
      && one.batchLevels == other.batchLevels
  }

  /// The steps of a sum over the batch: along the fixed tree where there is a grid.
  private func sum(
    _ shape: [Int], from: Layout, to: Layout, batchLevels: [Int]
  ) -> [ConversionStep] {
    let steps = conversionSteps(shape, from: from, to: to, over: cut) ?? []
    return partialSums?.inFixedTree(steps, batchLevels: batchLevels) ?? steps
  }

  /// The collectives of a step.
  public func collectives(
    _ step: ConversionStep, elementSize: Int, selection: CollectiveSelection = .all
  ) -> [Collective] {
    step.collectives(
      over: cut, group: groupIndex, algorithms: algorithms, elementSize: elementSize,
      selection: selection)
  }

  /// The first collective of a step in which every device's part has the same size.
  public func collective(_ operation: CollectiveOperation, level: Int, part: Bytes) -> Collective {
    Collective(
      operation: operation, algorithm: algorithms[level], group: groupIndex, level: level, firstDevice: 0,
      parts: .even(part), resultParts: operation == .allToAll ? .even(part) : nil)
  }

  /// What summing gradients on the host takes: every device sends its addends, the host reads them all and
  /// writes the sum, and every device receives it.
  ///
  /// - Parameters:
  ///   - elements: The elements of the gradient's part on each device.
  ///   - batchLevels: The levels that split the batch.
  /// - Precondition: The group has a ``hub``.
  public func hubSum(elements: [Int], batchLevels: [Int]) -> (up: [Flow], work: Work, down: [Flow]) {
    guard let hub else { preconditionFailure("a group without a host has no sum there") }
    let devices = cut.group.devices
    let addends =
      partialSums?.nodes(before: cut.levelCount, batchLevels: batchLevels).map(\.count)
      ?? [Int](repeating: 1, count: devices.count)
    func bytes(_ elements: Int) -> Bytes { Bytes(elements * sizes.gradient) }
    let sent = zip(elements, addends).map { $0 * $1 }
    let sum = elements.max() ?? 0
    return (
      devices.indices.map { Flow(from: devices[$0], to: hub, bytes: bytes(sent[$0])) },
      Work(
        elementOperations: Double(sent.reduce(0, +) - sum), gradientElements: sent.reduce(0, +) + sum),
      devices.indices.map { Flow(from: hub, to: devices[$0], bytes: bytes(elements[$0])) }
    )
  }

  private static func hub(of group: DeviceGroup, in machine: Machine) -> DeviceID? {
    guard group.levels.contains(where: { $0.network == .listed }) else { return nil }
    guard
      group.devices.allSatisfy({
        if case .nearStorage = machine[$0].model { true } else { false }
      })
    else { return nil }
    return machine.devices.indices.lazy.map { DeviceID($0) }.first { device in
      guard !group.devices.contains(device), case .processor = machine[device].model else { return false }
      return true
    }
  }
}
