import Differentiation
import Graphs
import Machines
import Plans

extension ProgramBuilder {
  /// One step of a conversion or reduction.
  mutating func take(
    step: Int, of index: Int, _ microBatch: Int, _ position: Int
  ) throws(ExecutionFault) {
    let movement = tasks.movements[index]
    let stage = movement.source.stage
    let conversion = try conversion(index, position)
    if case .gradients(let contributions) = movement.subject, plan.plan.options.overlap != .none {
      try reduceBesides(contributions, movement, conversion, step)
      return
    }
    finishPending()
    let passage = Passage(movement: index, microBatch: microBatch)
    if passing[passage] == nil {
      let before: BufferReference
      switch movement.subject {
      case .activation(let tensor), .samples(let tensor):
        before = try reference(.forward(tensor), movement.source.layout, stage, microBatch)
      case .error(let tensor):
        before = try reference(.error(tensor), movement.source.layout, stage, microBatch)
      case .parameter(let tensor): before = staticPlace(tensor, movement.source.layout, stage)
      case .gradients(let contributions): before = try gradients(contributions, in: movement.source.layout)
      case .statistics(let node, let operation):
        before = sums(of: StatisticsKey(node: node.index, operation: operation, microBatch: microBatch))
      }
      passing[passage] = states(of: conversion, from: before, use: use(of: movement))
    }
    let states = passing[passage] ?? []
    let after = states[step + 1]
    emit(conversion.steps[step], before: states[step], after: after)
    guard step == conversion.steps.count - 1 else { return }
    passing[passage] = nil
    switch movement.subject {
    case .activation(let tensor), .samples(let tensor):
      register(.forward(tensor), movement.target.layout, stage, microBatch, at: after)
    case .error(let tensor):
      register(.error(tensor), movement.target.layout, stage, microBatch, at: after)
    case .parameter(let tensor): register(.forward(tensor), movement.target.layout, stage, 0, at: after)
    case .gradients(let contributions): reduced(contributions, by: movement, at: after)
    case .statistics(let node, let operation):
      let key = StatisticsKey(node: node.index, operation: operation, microBatch: microBatch)
      statistics[key]?.reduced = after
    }
  }

  /// Reduces gradients beside what follows: the first step begins all of them.
  ///
  /// Messages between two ranks arrive in order, whatever they belong to, so that reductions follow one
  /// another and end before an exchange of another kind begins.
  private mutating func reduceBesides(
    _ contributions: [GradientContribution], _ movement: TaskGraph.Movement, _ conversion: PreparedConversion,
    _ step: Int
  ) throws(ExecutionFault) {
    guard step == 0 else {
      // The task of the last step is the one in which the reduction ends.
      if step == conversion.steps.count - 1, !pending.isEmpty { pending[pending.count - 1].task = task }
      return
    }
    // What another reduction leaves must be there.
    let use = use(of: movement)
    if use == .kept { finishPending() }
    let before = try gradients(contributions, in: movement.source.layout)
    let states = states(of: conversion, from: before, use: use)
    let calls = conversion.steps.enumerated().map { step, program in
      call(program, before: states[step], after: states[step + 1])
    }
    let references = calls.flatMap(\.references)
    emit(.begin(calls), touching: references)
    begunCount += calls.count
    pending.append(PendingReduction(task: task, references: references, lastExchange: begunCount))
    reduced(contributions, by: movement, at: states[calls.count])
  }

  /// Waits for the reductions that were begun, if any were.
  mutating func finishPending() {
    let now = task
    for reduction in pending {
      task = reduction.task
      emit(.finish(reduction.lastExchange), touching: reduction.references)
    }
    task = now
    pending = []
  }

  /// Where the states of a conversion stand: the source first, the result last.
  ///
  /// A state that can lie inside its neighbour does, so that nothing is copied inside the device: where the
  /// source may be overwritten, an all-reduce is one in place.
  private mutating func states(
    of conversion: PreparedConversion, from source: BufferReference, use: SourceUse
  ) -> [BufferReference] {
    let size = elementSize(of: conversion.steps[0].elementType)
    var states = [source]
    for overlay in StateOverlay.overlays(of: conversion.steps, use: use) {
      let base = overlay.isInSource ? source : memory.add(size: overlay.count * size)
      states += overlay.offsets.map { base.advanced(by: $0 * size) }
    }
    return states
  }

  /// What becomes of the data that a movement starts from, asked before its first step: nobody else reads
  /// partial sums.
  private func use(of movement: TaskGraph.Movement) -> SourceUse {
    switch movement.subject {
    case .gradients(let contributions): gradientSums[contributions[0]] == nil ? .consumed : .kept
    case .statistics: .consumed
    case .activation, .error, .parameter, .samples: .kept
    }
  }

  private mutating func conversion(
    _ index: Int, _ position: Int
  ) throws(ExecutionFault) -> PreparedConversion {
    if let known = conversions[index] { return known }
    let movement = tasks.movements[index]
    let stage = movement.source.stage
    guard
      let conversion = PreparedConversion(
        movement.shape, from: movement.source.layout, to: movement.target.layout, over: cut(of: stage),
        device: position, algorithms: algorithms(of: stage), elementType: movingType(of: movement),
        use: use(of: movement), addends: addends(of: movement))
    else {
      throw ExecutionFault("nothing leads from \(movement.source.layout) to \(movement.target.layout)")
    }
    conversions[index] = conversion
    return conversion
  }

  /// A tensor that goes from one group to another.
  mutating func transfer(_ index: Int, _ microBatch: Int) throws(ExecutionFault) {
    let movement = tasks.movements[index]
    let program = ExchangeProgram.transfer(
      movement.shape, from: movement.source.layout, over: cut(of: movement.source.stage),
      to: movement.target.layout, over: cut(of: movement.target.stage), device: ranks.devices[rank],
      elementType: movingType(of: movement))
    guard !program.isEmpty else { return }
    finishPending()
    var before: BufferReference?
    var after: BufferReference?
    if positions[movement.source.stage] != nil, program.beforeCount > 0 {
      before = try departing(movement, microBatch)
    }
    if positions[movement.target.stage] != nil, program.afterCount > 0 {
      let target = memory.add(size: program.afterCount * elementSize(of: movingType(of: movement)))
      arrived(movement, microBatch, at: target)
      after = target
    }
    emit(program, before: before, after: after)
  }

  /// Where that stands which leaves for another group.
  private mutating func departing(
    _ movement: TaskGraph.Movement, _ microBatch: Int
  ) throws(ExecutionFault) -> BufferReference {
    let source = movement.source
    switch movement.subject {
    case .activation(let tensor), .samples(let tensor):
      return try reference(.forward(tensor), source.layout, source.stage, microBatch)
    case .error(let tensor): return try reference(.error(tensor), source.layout, source.stage, microBatch)
    case .parameter(let tensor): return staticPlace(tensor, source.layout, source.stage)
    case .gradients(let contributions): return try gradients(contributions, in: source.layout)
    case .statistics: throw ExecutionFault("statistics never leave their group")
    }
  }

  /// Notes where that stands which came from another group.
  private mutating func arrived(
    _ movement: TaskGraph.Movement, _ microBatch: Int, at place: BufferReference
  ) {
    let target = movement.target
    switch movement.subject {
    case .activation(let tensor), .samples(let tensor):
      register(.forward(tensor), target.layout, target.stage, microBatch, at: place)
    case .error(let tensor): register(.error(tensor), target.layout, target.stage, microBatch, at: place)
    case .parameter(let tensor): register(.forward(tensor), target.layout, target.stage, 0, at: place)
    case .gradients(let contributions): reduced(contributions, by: movement, at: place)
    case .statistics: break
    }
  }

  // MARK: Sums over the batch

  /// The partial sums that the devices of a group bring into a movement; nil where it sums nothing over the
  /// batch, or where there is no grid.
  func addends(of movement: TaskGraph.Movement) -> CellAddends? {
    switch movement.subject {
    case .gradients, .statistics: break
    case .activation, .error, .samples, .parameter: return nil
    }
    let layout = movement.source.layout
    return plan.stages[movement.source.stage].tasks.partialSums.map { sums in
      CellAddends(
        grid: sums.grid,
        nodes: sums.nodes(
          before: layout.levelCount - 1,
          batchLevels: (0..<layout.levelCount).filter { layout[$0] == .partial }))
    }
  }

  /// The first half of a sum of gradients on the host: addends travel, and the host adds them.
  mutating func sumOnHost(_ index: Int, _ host: DeviceID, _ microBatch: Int) throws(ExecutionFault) {
    finishPending()
    let movement = tasks.movements[index]
    guard case .gradients(let contributions) = movement.subject else { return }
    let stage = movement.source.stage
    let position = positions[stage]
    let count = cut(of: stage).localElements(movement.shape, movement.source.layout, device: position ?? 0)
    let program = ExchangeProgram.hostSum(
      count, of: plan.stages[stage].group.devices, on: host, device: ranks.devices[rank],
      addends: addends(of: movement), elementType: elementType)
    let passage = Passage(movement: index, microBatch: microBatch)
    if position != nil {
      let before = try gradients(contributions, in: movement.source.layout)
      emit(program, before: before, after: nil)
    } else if ranks.devices[rank] == host {
      let sum = memory.add(size: count * scalarSize)
      emit(program, before: nil, after: sum)
      passing[passage] = [sum]
    }
  }

  /// The second half: the sum travels back.
  mutating func returnFromHost(_ index: Int, _ host: DeviceID, _ microBatch: Int) {
    finishPending()
    let movement = tasks.movements[index]
    guard case .gradients(let contributions) = movement.subject else { return }
    let stage = movement.source.stage
    let count = cut(of: stage).localElements(
      movement.shape, movement.source.layout, device: positions[stage] ?? 0)
    let program = ExchangeProgram.hostReturn(
      count, to: plan.stages[stage].group.devices, from: host, device: ranks.devices[rank],
      elementType: elementType)
    if positions[stage] != nil {
      let sum = memory.add(size: count * scalarSize)
      emit(program, before: nil, after: sum)
      reduced(contributions, by: movement, at: sum)
    } else if let sum = passing[Passage(movement: index, microBatch: microBatch)]?.first {
      emit(program, before: sum, after: nil)
    }
  }
}
