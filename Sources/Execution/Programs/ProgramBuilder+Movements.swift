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
    let program = conversion.steps[step]
    let passage = Passage(movement: index, microBatch: microBatch)
    let before: BufferReference
    if let left = passing[passage] {
      before = left
    } else {
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
    }
    let size = elementSize(of: movingType(of: movement))
    let after = memory.add(size: program.afterCount * size)
    emit(.exchange(program, before: before, after: after), touching: [before, after])
    passing[passage] = after
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
  /// Messages between two ranks arrive in order, whatever they belong to, so that one reduction ends before
  /// another exchange begins.
  private mutating func reduceBesides(
    _ contributions: [GradientContribution], _ movement: TaskGraph.Movement, _ conversion: PreparedConversion,
    _ step: Int
  ) throws(ExecutionFault) {
    guard step == 0 else {
      // The task of the last step is the one in which the reduction ends.
      if step == conversion.steps.count - 1 { pendingTask = task }
      return
    }
    finishPending()
    var before = try gradients(contributions, in: movement.source.layout)
    var calls: [ExchangeCall] = []
    for program in conversion.steps {
      let after = memory.add(size: program.afterCount * scalarSize)
      let scratch = memory.add(size: max(1, program.scratchBytes))
      calls.append(ExchangeCall(program: program, before: before, after: after, scratch: scratch))
      before = after
    }
    pending = calls.flatMap(\.references)
    pendingTask = task
    emit(.begin(calls), touching: pending)
    reduced(contributions, by: movement, at: before)
  }

  /// Waits for the reduction that was begun, if one was.
  mutating func finishPending() {
    guard let last = pendingTask else { return }
    let now = task
    task = last
    emit(.finish, touching: pending)
    task = now
    pendingTask = nil
    pending = []
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
        addends: addends(of: movement))
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
    emit(
      .exchange(program, before: before, after: after), touching: [before, after].compactMap { $0 })
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
  private func addends(of movement: TaskGraph.Movement) -> CellAddends? {
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
      emit(.exchange(program, before: before, after: nil), touching: [before])
    } else if ranks.devices[rank] == host {
      let sum = memory.add(size: count * scalarSize)
      emit(.exchange(program, before: nil, after: sum), touching: [sum])
      passing[passage] = sum
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
      emit(.exchange(program, before: nil, after: sum), touching: [sum])
      reduced(contributions, by: movement, at: sum)
    } else if let sum = passing[Passage(movement: index, microBatch: microBatch)] {
      emit(.exchange(program, before: sum, after: nil), touching: [sum])
    }
  }
}
