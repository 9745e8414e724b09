import Devices
import Diagnostics
import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Units

/// The plan that a request leads to, with what was found beside it.
struct Decision {
  let plan: Plan
  /// The machine, in which a single device that was named or chosen is a group of its own.
  let machine: Machine
  let facts: StepFacts
  let outcome: SearchOutcome
  /// What was sought: `search`, a baseline's words, or a plan file.
  let origin: String

  /// The training graph of one micro-batch.
  var training: TrainingGraph { facts.training }
}

extension Session {
  /// Searches, names or reads the plan of the request.
  ///
  /// - Throws: An error of kind `infeasible` with the cheapest relaxation where no plan can run.
  func decide() throws(InputError) -> Decision {
    var rules: [String: [String]] = [:]
    var groups: [String: String] = [:]
    var asked = request.microBatches
    var origin = "search"
    for path in [request.fixedPlan, planFilePath].compactMap({ $0 }) {
      let file = try PlanFile(text: try text(of: path, .badModel, request.texts), file: path)
      try check(file)
      let kept = try file.decisions(for: whole.graph, on: machine)
      rules.merge(kept.rules) { _, new in new }
      groups.merge(kept.groups) { _, new in new }
      asked = asked ?? file.microBatches
      if path == planFilePath { origin = "the plan \(path)" }
    }
    var onlyGroup: String?
    if case .baseline(let baseline) = request.planSource {
      if case .singleDevice(let name) = baseline { return try single(name) }
      return try best(of: [try baselineChoice(baseline)], baseline.words, on: machine)
    }
    if let device = try namedDevice(groups) {
      return try best(
        of: [
          (
            try searchOptions(fixed: rules, onlyGroups: [device.name]),
            asked.map { [$0] } ?? accumulationChoices, 1
          )
        ],
        origin, on: machine.isolating(device))
    }
    if !groups.isEmpty, Set(groups.values).count == 1, groups.count == whole.graph.nodes.count {
      onlyGroup = groups.values.first
    }
    let options = try searchOptions(
      fixed: rules, groups: onlyGroup == nil ? groups : [:],
      onlyGroups: onlyGroup.map { [$0] } ?? request.groups)
    return try best(
      of: [(options, asked.map { [$0] } ?? accumulationChoices, hasPipelines ? Int.max : 1)], origin,
      on: machine)
  }

  /// The single device that a plan names in place of a group; it must then name no other.
  private func namedDevice(_ groups: [String: String]) throws(InputError) -> Device? {
    let names = Set(groups.values)
    guard let device = machine.devices.first(where: { names.contains($0.name) }),
      !machine.groups.contains(where: { $0.name == device.name })
    else { return nil }
    if names.count == 1 { return device }
    throw InputError(
      .badModel, "a plan that names the device '\(device.name)' of a group can use nothing else",
      hint: "name the group '\(device.group)', or this device for every layer")
  }

  private var planFilePath: String? {
    if case .file(let path) = request.planSource { path } else { nil }
  }

  /// A plan is for one network, machine and batch.
  private func check(_ file: PlanFile) throws(InputError) {
    let location = SourceLocation(file: file.file)
    if let batch = file.batch, batch != self.batch {
      throw InputError(
        .badModel, "the plan is for a batch of \(batch), not \(self.batch)", at: location,
        hint: "say --batch \(batch), or leave the batch out of the plan")
    }
  }

  // MARK: Baselines

  /// A region to search, and the numbers of micro-batches to try: those up to `triedAnyway`, and more of them
  /// while nothing fits.
  private typealias Choice = (options: SearchOptions, microBatches: [Int], triedAnyway: Int)

  /// The options that lead to a baseline over several devices.
  private func baselineChoice(_ baseline: Request.Baseline) throws(InputError) -> Choice {
    guard let group = machine.groups.first(where: { !$0.levels.isEmpty }) else {
      throw InputError(
        .usage, "'\(baseline.words)' needs several devices of one kind, and \(machine.name) has none",
        hint: "try --plan single-device")
    }
    var fixed: [String: [String]] = [:]
    for node in whole.graph.nodes where node.operator.rules.isWeighted {
      let axis = baseline.axis(of: node.operator)
      fixed[node.name] = [String](repeating: axis.rawValue, count: group.levels.count)
    }
    var options = try searchOptions(fixed: fixed, onlyGroups: [group.name])
    options.strategy = .exact
    options.cut = .none
    return (options, accumulationChoices, 1)
  }

  /// The plans that people would take without a search, to hold a searched one against.
  ///
  /// In the data-parallel one every operator that can be is split along the batch, so that next to nothing is
  /// left to search.
  func usualPlans() -> [(words: String, outcome: Result<Decision, InputError>)] {
    guard case .search = request.planSource, request.fixedPlan == nil else { return [] }
    var plans: [(words: String, outcome: Result<Decision, InputError>)] = []
    if let group = machine.groups.first(where: { !$0.levels.isEmpty }) {
      plans.append(
        (
          "data-parallel",
          Result { () throws(InputError) in
            var fixed: [String: [String]] = [:]
            for (index, node) in whole.graph.nodes.enumerated()
            where OperatorProfile(NodeID(index), in: whole.graph).rules.contains(where: { $0.name == "batch" }
            ) {
              fixed[node.name] = [String](repeating: "batch", count: group.levels.count)
            }
            var options = try searchOptions(fixed: fixed, onlyGroups: [group.name])
            options.strategy = .exact
            options.cut = .none
            return try best(of: [(options, accumulationChoices, 1)], "data-parallel", on: machine)
          }
        ))
    }
    if machine.devices.count > 1 {
      plans.append(("single-device", Result { () throws(InputError) in try single(nil) }))
    }
    return plans
  }

  /// The best plan on one device: the named one, or of one of each kind that with the shortest step.
  private func single(_ name: String?) throws(InputError) -> Decision {
    var seen: Set<String> = []
    let kinds = machine.devices.filter { seen.insert($0.group).inserted }
    let candidates = name.map { name in
      machine.devices.filter { $0.name == name || $0.group == name }.prefix(1)
    }
    guard !(candidates ?? kinds[...]).isEmpty else {
      let near = nearestName(to: name ?? "", among: machine.devices.map(\.name)).map {
        "did you mean '\($0)'?"
      }
      throw InputError(
        .usage, "\(machine.name) has no device '\(name ?? "")'",
        hint: near ?? "it has: \(kinds.map(\.group).joined(separator: ", "))")
    }
    var best: Decision?
    var fault: InputError?
    for device in candidates ?? kinds[...] {
      let alone = machine.isolating(device)
      var options = try searchOptions(onlyGroups: [device.name])
      options.cut = .none
      do throws(InputError) {
        let decision = try self.best(
          of: [(options, accumulationChoices, 1)], "single-device:\(device.name)", on: alone)
        guard let value = decision.outcome.best?.value else { continue }
        if let known = best?.outcome.best?.value, known.time <= value.time { continue }
        best = decision
      } catch {
        fault = fault ?? error
      }
    }
    guard let best else { throw fault ?? infeasible([], nil) }
    return best
  }

  // MARK: The best

  private func best(of choices: [Choice], _ origin: String, on machine: Machine) throws(InputError)
    -> Decision
  {
    var best: Decision?
    var others: [Candidate] = []
    var rejected: [(plan: Plan, violations: PlanViolations)] = []
    var states = 0
    var isExact = true
    var earliest: SimulatedTime?
    var leastBound = Double.infinity
    let tables = CostTables(
      machine: machine, precision: request.precision, elementSizes: ElementSizes(request.precision))
    for choice in choices {
      for count in choice.microBatches {
        // More micro-batches than asked for only help where nothing fits otherwise.
        if best != nil, request.microBatches == nil, count > choice.triedAnyway { break }
        let facts = StepFacts(try training(microBatches: count))
        let problem = PlanningProblem(
          facts: facts, machine: machine, batch: batch, step: step(microBatches: count),
          options: choice.options)
        let outcome = search(
          problem, evaluate: evaluator(facts, on: machine, tables: tables),
          bound: bound(facts, on: machine, tables: tables))
        if let count = outcome.tooManyPlans {
          throw InputError(
            .usage, "an exhaustive search would compare about \(count) plans",
            hint: "use --search exact, or restrict the space by --axes, --cut or --fix")
        }
        states += outcome.states
        isExact = isExact && outcome.isExact
        rejected += outcome.rejected
        earliest = [earliest, outcome.earliest].compactMap { $0 }.min()
        guard let found = outcome.best else { continue }
        leastBound = min(leastBound, outcome.gap.map { found.value.objective / (1 + $0) } ?? 0)
        others += outcome.others
        if let known = best?.outcome.best {
          guard found.value.objective < known.value.objective else {
            others.append(found)
            continue
          }
          others.append(known)
        }
        best = Decision(
          plan: found.plan, machine: machine, facts: facts, outcome: outcome, origin: origin)
      }
    }
    guard let best, let found = best.outcome.best else { throw infeasible(rejected, earliest) }
    let gap =
      leastBound > 0 && leastBound < .infinity ? max(0, found.value.objective / leastBound - 1) : nil
    let ranked = others.enumerated().sorted {
      ($0.element.value.objective, $0.offset) < ($1.element.value.objective, $1.offset)
    }.map(\.element)
    return Decision(
      plan: best.plan, machine: machine, facts: best.facts,
      outcome: SearchOutcome(
        best: found, others: ranked, rejected: rejected, isExact: isExact, gap: isExact ? 0 : gap,
        states: states, earliest: earliest),
      origin: origin)
  }

  /// Why nothing can run, and the cheapest thing to relax.
  private func infeasible(
    _ rejected: [(plan: Plan, violations: PlanViolations)], _ earliest: SimulatedTime?
  ) -> InputError {
    let silent = machine.withoutEnergies
    if request.objective == .energy, !silent.isEmpty {
      return InputError(
        .usage,
        "the description of \(machine.name) does not give every energy, so that none can be minimised",
        hint: "give the energies of \(silent.joined(separator: ", "))")
    }
    if let earliest, let deadline = request.deadline {
      return InputError(
        .infeasible, "no plan ends within \(deadline)",
        hint: "the shortest step found takes \(earliest.seconds): relax --deadline to that")
    }
    var least: (peak: Bytes, device: String, task: String)?
    for entry in rejected {
      var worst: (peak: Bytes, device: String, task: String)?
      for case .memory(let device, let peak, _, let task) in entry.violations.violations
      where peak > (worst?.peak ?? .zero) {
        worst = (peak, device, task)
      }
      if let worst, worst.peak < (least?.peak ?? Bytes(Int.max)) { least = worst }
    }
    if let least {
      let what =
        request.memoryLimit.map { "no plan fits in \($0)" }
        ?? "no plan fits in the memories of \(machine.name)"
      return InputError(
        .infeasible, what,
        hint:
          "the smallest peak found is \(least.peak) on \(least.device) at \(least.task): allow that much, or "
          + "train a smaller batch than \(batch)"
      )
    }
    if let first = rejected.first {
      return InputError(
        .infeasible, first.violations.violations.map(\.description).joined(separator: "; "))
    }
    return InputError(
      .infeasible, "no plan of the space can run '\(whole.graph.name)' on \(machine.name)",
      hint: "allow more axes, another cut or another precision")
  }
}

extension Request.Baseline {
  /// The axis along which a weighted operator is split on every level.
  fileprivate func axis(of node: Graphs.Operator) -> AxisRole {
    switch self {
    case .dataParallel, .singleDevice: return .batch
    case .modelParallel: return .inputChannel
    case .oneWeirdTrick:
      switch node {
      case .convolution: return .batch
      case .tabulated(let layer): return layer.layer == .convolution ? .batch : .inputChannel
      default: return .inputChannel
      }
    }
  }
}

extension Machine {
  /// What gives no energy of its work, or draws an unknown power: devices by kind, links and levels.
  fileprivate var withoutEnergies: [String] {
    var names: [String] = []
    for device in devices where !names.contains(device.group) {
      let isGiven =
        device.energyPerMultiplyAccumulate != nil && device.memory.energy != nil && device.idlePower != nil
      if !isGiven { names.append(device.group) }
    }
    return names + links.filter { $0.energy == nil }.map(\.name)
      + (mesh?.levels.filter { $0.energy == nil }.map(\.name) ?? [])
  }

  /// The machine with one device as a group of its own name, outside any mesh.
  fileprivate func isolating(_ device: Device) -> Machine {
    Machine(
      name: name,
      devices: devices.map { other in
        guard other.name == device.name else { return other }
        return Device(
          name: other.name, group: other.name, model: other.model, memory: other.memory,
          energyPerMultiplyAccumulate: other.energyPerMultiplyAccumulate, idlePower: other.idlePower)
      }, switches: switches, links: links, wireNames: wireNames, mesh: nil, samples: samples)
  }
}
