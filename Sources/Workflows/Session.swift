import Diagnostics
import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Pricing
import Results
import Simulation
import Units

/// One request with its network and machine read: everything that planning and simulating it need.
struct Session {
  /// What was asked for, with the step of the plan file wherever nothing else was asked for.
  let request: Request
  /// The plan that the request names or keeps, if it is a file.
  let planFile: PlanFile?
  let source: MachineSource
  let model: ModelSource
  /// The training graph of the whole batch.
  let whole: TrainingGraph

  init(_ request: Request) throws(InputError) {
    guard let name = request.machine else {
      throw InputError(
        .usage, "no machine is given", hint: "name one: --machine NAME, from 'partita machines'")
    }
    let path = request.fixedPlan ?? request.planFilePath
    if let path {
      planFile = try PlanFile(text: try text(of: path, .badModel, request.texts), file: path)
    } else {
      planFile = nil
    }
    let request = planFile.map(request.adopting) ?? request
    self.request = request
    model = ModelSource(request)
    source = try MachineSource(name, request.texts)
    whole = try Self.training(model, request, microBatches: 1)
    try checkGroups()
  }

  /// Refuses groups of devices that the machine does not have.
  private func checkGroups() throws(InputError) {
    for name in request.groups ?? [] where !machine.groups.contains(where: { $0.name == name }) {
      let near = suggestion(for: name, among: machine.groups.map(\.name))
      throw InputError(.usage, "\(machine.name) has no devices '\(name)'", hint: near)
    }
  }

  var machine: Machine { source.machine }
  var batch: Int { whole.graph.batch }

  /// The training graph of one micro-batch.
  func training(microBatches: Int) throws(InputError) -> TrainingGraph {
    microBatches == 1 ? whole : try Self.training(model, request, microBatches: microBatches)
  }

  static func training(
    _ model: ModelSource, _ request: Request, microBatches: Int
  ) throws(InputError) -> TrainingGraph {
    var graph = try model.graph(batch: request.batch)
    let batch = graph.batch
    if microBatches > 1 {
      guard batch % microBatches == 0 else {
        throw InputError(
          .usage, "a batch of \(batch) does not fall into \(microBatches) equal micro-batches",
          hint: "choose a divisor of the batch")
      }
      graph = try model.graph(batch: batch / microBatches)
    }
    let mode: BatchNormalization.Mode =
      switch request.batchNormalization {
      case .full: .full
      case .cell: .cell
      case .frozen: .frozen
      }
    guard let optimizer = Optimizer(name: request.optimizer.rawValue) else {
      preconditionFailure("no optimizer '\(request.optimizer.rawValue)'")
    }
    return try differentiate(
      graph, optimizer: optimizer, frozen: request.freeze.map { .through(node: $0) } ?? .none,
      options: DifferentiationOptions(
        masterCopies: request.precision.keepsMasterCopies ? .float32 : .none, batchNormalization: mode))
  }

  /// How the step is run with so many micro-batches and cells.
  func step(microBatches: Int, cells: Int?) -> StepOptions {
    StepOptions(
      overlap: request.overlap, microBatches: microBatches, precision: request.precision,
      reduction: request.reduction, gradientBucket: request.overlap == .none ? nil : Bytes(25 << 20),
      cells: cells)
  }

  // MARK: Whole plans

  /// Lowers a plan, with the memory limit of the request in place of larger capacities.
  func lowered(_ plan: Plan, facts: StepFacts, on machine: Machine) throws(PlanViolations) -> TaskGraph {
    // Lowering refuses what does not fit before it makes any task: a search may try many such plans.
    let limited = request.memoryLimit.map { machine.limitingMemory(to: $0) } ?? machine
    return try lower(plan, facts: facts, machine: limited)
  }

  /// The real objective of a plan: its price, and for time under overlap its simulated makespan.
  func evaluator(_ facts: StepFacts, on machine: Machine, tables: CostTables) -> PlanEvaluator {
    { plan in
      let tasks: TaskGraph
      do throws(PlanViolations) {
        tasks = try lowered(plan, facts: facts, on: machine)
      } catch {
        return .failure(error)
      }
      let costs = TaskCosts(tasks, tables: tables)
      let cost = price(tasks, costs: costs)
      // Longer times saturate, and a saturated figure is no figure.
      guard cost.serialSum < .longest else { return .failure(PlanViolations([.tooLong])) }
      let time =
        plan.options.overlap == .none ? cost.time : Simulation.simulate(tasks, costs: costs).makespan
      let objective: Double =
        switch request.objective {
        case .time: Double(time.picoseconds)
        case .energy: cost.energy?.value ?? .infinity
        case .communication: Double(cost.bytesMoved.count)
        case .memory: Double(tasks.memory.reduce(0) { max($0, $1.peak.count) })
        }
      return .success(PlanValue(objective: objective, time: time))
    }
  }

  /// A lower bound of a pipelined plan's time, from one of its micro-batches.
  func bound(_ facts: StepFacts, on machine: Machine, tables: CostTables) -> PlanBound {
    { plan in
      guard request.objective == .time, plan.options.overlap != .none else { return 0 }
      let options = StepOptions(
        overlap: .backward, microBatches: 1, precision: plan.options.precision,
        reduction: plan.options.reduction, gradientBucket: plan.options.gradientBucket,
        cells: plan.options.microGrid(samples: facts.training.graph.batch)?.count)
      let one = Plan(
        model: plan.model, machine: plan.machine, batch: facts.training.graph.batch, stages: plan.stages,
        options: options)
      guard let tasks = try? lower(one, facts: facts, machine: machine) else { return 0 }
      let bound = repetitionBound(
        tasks, costs: TaskCosts(tasks, tables: tables), microBatches: plan.options.microBatches,
        overlap: plan.options.overlap)
      return Double(bound.picoseconds)
    }
  }

  /// What the search must keep to.
  func searchOptions(
    fixed: [String: [String]] = [:], groups: [String: String] = [:], shares: [String: Shares] = [:],
    onlyGroups: [String]? = nil
  ) throws(InputError) -> SearchOptions {
    if request.objective == .energy, let missing = machine.missingEnergy {
      throw InputError(
        .badMachine, "\(machine.name) gives no \(missing), so that energy cannot be minimised",
        at: SourceLocation(file: source.file), hint: "add it to the description, or minimise something else")
    }
    let cut: CutChoice
    switch request.cut {
    case .search: cut = .search
    case .none: cut = .none
    case .after(let name):
      guard let index = whole.graph.nodes.firstIndex(where: { $0.name == name }) else {
        throw InputError(
          .usage, "the network has no layer '\(name)'",
          hint: suggestion(for: name, among: whole.graph.nodes.map(\.name)))
      }
      cut = .after(index)
    }
    return SearchOptions(
      objective: request.objective, strategy: request.search, axes: request.axes,
      deadline: request.deadline, cut: cut, fixed: fixed, fixedGroups: groups,
      fixedShares: shares, onlyGroups: onlyGroups)
  }

  /// The numbers of micro-batches that the request allows: the one asked for, or powers of two that divide
  /// the batch.
  ///
  /// Batch statistics over the whole batch allow none.
  var accumulationChoices: [Int] {
    if let count = request.microBatches { return [count] }
    let needsWholeBatch = whole.graph.nodes.contains { node in
      node.operator.rules.statistics(.forward, inputs: whole.graph.inputTypes(of: node)) > 0
    }
    return needsWholeBatch ? [1] : [1, 2, 4, 8, 16, 32].filter { batch % $0 == 0 }
  }

  /// Whether micro-batches may shorten the step, because stages on several groups overlap.
  var hasPipelines: Bool { machine.groups.count > 1 && request.overlap == .backward }
}

extension Precision {
  /// Whether parameters are kept in 32 bits beside the copies that arithmetic reads.
  var keepsMasterCopies: Bool { self == .bfloat16 || self == .float16 }
}

extension Machine {
  /// What the description must still say before the energy of a step can be known.
  fileprivate var missingEnergy: String? {
    for device in devices {
      if device.energyPerMultiplyAccumulate == nil { return "energy-per-mac of \(device.group)" }
      if device.memory.energy == nil { return "memory energy of \(device.group)" }
      if device.idlePower == nil { return "idle-power of \(device.group)" }
    }
    if let link = links.first(where: { $0.energy == nil }) { return "energy of the link \(link.name)" }
    if let level = mesh?.levels.first(where: { $0.energy == nil }) {
      return "energy of the level \(level.name)"
    }
    return nil
  }
}
