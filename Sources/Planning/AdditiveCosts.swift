import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Units

/// What single operators and conversions of one group of devices cost under an additive objective.
///
/// The parts are those of ``Plans/StageTasks``, each priced by the tables that price whole plans; with
/// barriers between them their sum is the price of the plan. Time is in ticks and communication in bytes,
/// whole numbers that `Double` adds exactly.
struct AdditiveCosts {
  let tasks: StageTasks
  let machine: Machine
  let tables: CostTables
  let objective: Objective
  /// The operations of each node: forward, then backward.
  private let operations: [[TrainingGraph.Operation]]
  /// The homes of the parameters that several nodes read.
  private let homes: [TensorID: Int]
  private var conversions: [[Int]: ConversionCosts] = [:]
  /// Costs of uneven steps, which many conversions share, by the bytes of an element.
  private var steps: [Int: [ConversionStep: Double]] = [:]

  init(tasks: StageTasks, machine: Machine, tables: CostTables, objective: Objective) {
    self.tasks = tasks
    self.machine = machine
    self.tables = tables
    self.objective = objective
    var operations = [[TrainingGraph.Operation]](repeating: [], count: tasks.training.graph.nodes.count)
    for operation in tasks.training.operations {
      if let node = operation.node { operations[node.index].append(operation) }
    }
    self.operations = operations
    var homes: [TensorID: Int] = [:]
    for use in tasks.training.parameterUses() where !use.others.isEmpty {
      homes[use.parameter] = use.home.node
    }
    self.homes = homes
  }

  /// The cost of all phases of a node under a strategy: arithmetic, statistics, gradient reductions and
  /// updates of the parameters that live with it.
  func cost(of profile: OperatorProfile, _ strategy: Strategy) -> Double {
    let microBatches = Double(tasks.options.microBatches)
    var sum = microBatches * loadCost(profile, strategy)
    for operation in operations[profile.id.index] {
      for part in tasks.parts(of: operation, profile, strategy) {
        sum += microBatches * cost(of: tasks.work(of: operation, profile, strategy, part: part))
      }
      sum +=
        microBatches
        * cost(
          of: tasks.statistics(operation.workPhase, profile, strategy), elementSize: tasks.sizes.gradient)
      for case .gradient(let parameter) in operation.writes
      where homes[parameter].map({ $0 == profile.id.index }) ?? true {
        sum += parameterCost(parameter, profile, strategy)
      }
    }
    return sum
  }

  private func parameterCost(_ parameter: TensorID, _ profile: OperatorProfile, _ strategy: Strategy)
    -> Double
  {
    guard let position = profile.node.inputs.firstIndex(of: parameter) else { return 0 }
    let shape = profile.inputTypes[position].shape
    let home = strategy.inputs[position]
    return cost(of: tasks.updateWork(parameter, layout: home))
      + reductionCost(shape, strategy.inputErrors[position], to: home, strategy.batchLevels)
  }

  /// The cost of summing a gradient over the devices of the group.
  private func reductionCost(
    _ shape: [Int], _ gradient: Layout, to target: Layout, _ batchLevels: [Int]
  ) -> Double {
    let steps = tasks.gradientReduction(
      shape, gradient: gradient, parameter: target, batchLevels: batchLevels)
    if let hub = tasks.hub, gradient.isPartial, !steps.isEmpty {
      let through = tasks.hubSum(
        elements: (0..<tasks.cut.deviceCount).map { tasks.cut.localElements(shape, gradient, device: $0) },
        batchLevels: batchLevels)
      guard tables.canExchange(through.up + through.down) else { return .infinity }
      return cost(of: .exchange(through.up)) + cost(of: .compute(hub, through.work))
        + cost(of: .exchange(through.down))
    }
    return tasks.isJoined || steps.isEmpty ? cost(of: steps, elementSize: tasks.sizes.gradient) : .infinity
  }

  /// The cost of another node that reads a parameter which lives with a node of this group: the parameter is
  /// brought there, and what the node contributes to the gradient is brought back and added.
  func sharingCost(
    _ use: ParameterUse, _ home: Strategy, _ reader: ParameterUse.Reader, _ strategy: Strategy,
    at other: AdditiveCosts
  ) -> Double {
    let shape = tasks.training.graph[use.parameter].type.shape
    let isInside = tasks.groupIndex == other.tasks.groupIndex
    let own = home.inputs[use.home.input]
    var sum = movingCost(
      shape, from: own, to: strategy.inputs[reader.input], at: other, elementSize: tasks.sizes.parameter)
    guard reader.contributes,
      !isInside || !tasks.addAtOnce(home, use.home.input, strategy, reader.input)
    else { return sum }
    let gradient = strategy.inputErrors[reader.input]
    let whole = isInside ? own : other.tasks.wholeBeforeLeaving(shape, gradient)
    sum += other.reductionCost(shape, gradient, to: whole, strategy.batchLevels)
    if !isInside {
      sum += other.movingCost(shape, from: whole, to: own, at: self, elementSize: tasks.sizes.gradient)
    }
    return sum + cost(of: tasks.additionWork(use.parameter, layout: own))
  }

  /// The cost of moving a tensor that is not partial once in a step.
  private func movingCost(
    _ shape: [Int], from: Layout, to: Layout, at other: AdditiveCosts, elementSize: Int
  ) -> Double {
    if tasks.groupIndex == other.tasks.groupIndex {
      guard let steps = tasks.conversion(shape, from: from, to: to) else { return .infinity }
      return cost(of: steps, elementSize: elementSize)
    }
    let flows = tasks.flows(shape, from: from, to: to, at: other.tasks, elementSize: elementSize)
    guard tables.canExchange(flows) else { return .infinity }
    return flows.isEmpty ? 0 : cost(of: .exchange(flows))
  }

  /// What of a node's operations decides their cost.
  func operationKey(_ node: Int) -> [OperationKey] {
    operations[node].map { operation in
      let inputs = tasks.training.graph.nodes[node].inputs
      let targets = operation.rule?.inputs ?? []
      return OperationKey(
        phase: operation.phase, targets: targets,
        foreign: targets.filter { input in homes[inputs[input]].map { $0 != node } ?? false })
    }
  }

  /// The cost of bringing a tensor from one layout to another; infinity where that cannot be done.
  mutating func conversionCost(
    _ shape: [Int], elementSize: Int, from: Layout, to: Layout
  ) -> Double {
    if from == to { return 0 }
    if let even = evenConversionCost(shape, elementSize, from: from, to: to) { return even }
    let key = ConversionKey(from: from.bits, to: to.bits, elementSize: elementSize)
    if let known = conversions[shape]?.costs[key] { return known }
    let conversion = tasks.conversion(shape, from: from, to: to)
    var alone = 0.0
    for step in conversion ?? [] {
      let known = steps[elementSize]?[step] ?? self.cost(of: [step], elementSize: elementSize)
      steps[elementSize, default: [:]][step] = known
      alone += known
    }
    let cost = conversion == nil ? .infinity : alone * Double(tasks.options.microBatches)
    conversions[shape, default: ConversionCosts()].costs[key] = cost
    return cost
  }

  /// The cost of a conversion in which all devices hold equal parts throughout, which is nearly always; nil
  /// elsewhere.
  ///
  /// It follows the steps of ``Plans/conversionSteps(_:from:to:over:)`` with one number for all devices,
  /// since the search asks for millions of conversions.
  private func evenConversionCost(
    _ shape: [Int], _ elementSize: Int, from: Layout, to: Layout
  ) -> Double? {
    let cut = tasks.cut
    guard cut.isEven, objective != .energy, tasks.isJoined,
      tasks.options.reduction != .eager || !from.isPartial
    else { return nil }
    var held = 1
    for dimension in shape.indices {
      var cutting: UInt64 = 0
      var extent = shape[dimension]
      for level in 0..<cut.levelCount {
        let before = from[level] == .sharded(dimension)
        if before { extent /= cut.ways[level] }
        if before || to[level] == .sharded(dimension) { cutting |= 1 << UInt64(level) }
      }
      guard cut.isBalanced(shape[dimension], levels: cutting) else { return nil }
      held *= extent
    }
    var sum = 0.0
    for level in 0..<cut.levelCount {
      if to[level] == .partial, from[level] != .partial { return .infinity }
      if from[level] == .replicated, case .sharded = to[level] { held /= cut.ways[level] }
    }
    for level in (0..<cut.levelCount).reversed() where from[level] == .partial && to[level] != .partial {
      guard held % cut.ways[level] == 0 else { return nil }
      held /= cut.ways[level]
      sum += evenCost(.reduceScatter, level, part: held * elementSize)
    }
    for level in 0..<cut.levelCount {
      if case .sharded(let old) = from[level], case .sharded(let new) = to[level], old != new {
        guard held % cut.ways[level] == 0 else { return nil }
        sum += evenCost(.allToAll, level, part: held * elementSize)
      }
    }
    for level in 0..<cut.levelCount where to[level] == .replicated && from[level] != .replicated {
      sum += evenCost(.allGather, level, part: held * elementSize)
      held *= cut.ways[level]
    }
    return sum * Double(tasks.options.microBatches)
  }

  /// The cost of one step of an even conversion, in which every device's part has so many bytes.
  private func evenCost(_ operation: CollectiveOperation, _ level: Int, part bytes: Int) -> Double {
    if objective == .communication {
      let ways = tasks.cut.ways[level]
      let received = operation == .allToAll ? bytes / ways * (ways - 1) : bytes * (ways - 1)
      return Double(received * tasks.cut.deviceCount)
    }
    return ticks(tables.collectiveTime(of: tasks.collective(operation, level: level, part: Bytes(bytes))))
  }

  /// The cost of bringing a tensor to another group.
  mutating func departureCost(
    _ shape: [Int], elementSize: Int, from: Layout, to: Layout, at other: AdditiveCosts
  ) -> Double {
    guard !to.isPartial else { return .infinity }
    let whole = tasks.wholeBeforeLeaving(shape, from)
    let flows = tasks.flows(shape, from: whole, to: to, at: other.tasks, elementSize: elementSize)
    guard tables.canExchange(flows) else { return .infinity }
    let transfer = flows.isEmpty ? 0 : cost(of: .exchange(flows))
    return conversionCost(shape, elementSize: elementSize, from: from, to: whole) + transfer
      * Double(tasks.options.microBatches)
  }

  /// Whether a node reads samples that stand on storage and must be brought before the step.
  func loads(_ profile: OperatorProfile) -> Bool {
    machine.samples != nil
      && profile.node.inputs.contains { tasks.training.graph[$0].role == .sample }
  }

  /// The cost of reading the samples that a node needs and of bringing them, where nothing may overlap.
  private func loadCost(_ profile: OperatorProfile, _ strategy: Strategy) -> Double {
    guard loads(profile), tasks.options.overlap == .none || objective != .time else { return 0 }
    var sum = 0.0
    for (position, tensor) in profile.node.inputs.enumerated()
    where tasks.training.graph[tensor].role == .sample {
      guard
        let load = tasks.load(
          profile.inputTypes[position].shape, to: strategy.inputs[position], from: machine)
      else { continue }
      let reads = load.reads.map { cost(of: $0) }
      sum += objective == .communication ? 0 : (reads.max() ?? 0)
      if !load.flows.isEmpty {
        sum += tables.canExchange(load.flows) ? cost(of: .exchange(load.flows)) : .infinity
      }
    }
    return sum
  }

  /// The cost of work on the devices of the group at once.
  private func cost(of works: [Work]) -> Double {
    let devices = tasks.cut.group.devices
    switch objective {
    case .time, .memory: return time(of: works)
    case .communication: return 0
    case .energy:
      return idleEnergy(time(of: works))
        + devices.indices.reduce(0) { sum, device in
          let work = works.count == 1 ? works[0] : works[device]
          return work.isEmpty ? sum : sum + tables.energy(of: .compute(devices[device], work))
        }
    }
  }

  /// The ticks that the devices of the group take for work at once.
  func time(of works: [Work]) -> Double {
    let devices = tasks.cut.group.devices
    if works.count == 1 {
      return works[0].isEmpty ? 0 : ticks(tables.computeTime(of: works[0], on: devices[0]))
    }
    return devices.indices.reduce(0) { longest, device in
      works[device].isEmpty
        ? longest : max(longest, ticks(tables.computeTime(of: works[device], on: devices[device])))
    }
  }

  /// The cost of the steps of a conversion, one after another.
  private func cost(of steps: [ConversionStep], elementSize: Int) -> Double {
    var sum = 0.0
    for step in steps {
      switch objective {
      case .time, .memory: sum += time(of: step, elementSize)
      case .communication:
        // Where all parts are equal one collective stands for all.
        let span = tasks.cut.ways[step.level] * tasks.cut.strides[step.level]
        let count = step.isUniform ? tasks.cut.deviceCount / span : 1
        for collective in tasks.collectives(step, elementSize: elementSize, selection: .representative) {
          sum += Double(count * tables.bytesReceived(by: collective).count)
        }
      case .energy:
        sum += idleEnergy(time(of: step, elementSize))
        for collective in tasks.collectives(step, elementSize: elementSize) {
          sum += tables.energy(of: .collective(collective))
        }
      }
    }
    return sum
  }

  private func time(of step: ConversionStep, _ elementSize: Int) -> Double {
    let collectives = tasks.collectives(step, elementSize: elementSize, selection: .representative)
    return collectives.reduce(0) { max($0, ticks(tables.collectiveTime(of: $1))) }
  }

  /// The cost of one task alone.
  private func cost(of kind: TaskGraph.Kind) -> Double {
    switch objective {
    case .time, .memory: ticks(tables.duration(of: kind))
    case .communication: Double(tables.bytesReceived(of: kind).count)
    case .energy: tables.energy(of: kind) + idleEnergy(ticks(tables.duration(of: kind)))
    }
  }

  /// What all devices draw in a time, whatever they do.
  private func idleEnergy(_ ticks: Double) -> Double {
    machine.devices.reduce(0) { $0 + ($1.idlePower?.value ?? 0) } * ticks / 1e12
  }

  private func ticks(_ time: SimulatedTime) -> Double { Double(time.picoseconds) }
}

private struct ConversionKey: Hashable {
  let from: UInt64
  let to: UInt64
  let elementSize: Int
}

private struct ConversionCosts {
  var costs: [ConversionKey: Double] = [:]
}
