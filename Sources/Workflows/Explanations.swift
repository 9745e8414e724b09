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

extension Session {
  /// The plan in a few words: which devices run what, and along which axes.
  func summary(of plan: Plan, _ graph: Graph) -> String {
    plan.stages.map { stage in
      var counts: [String] = []
      var numbers: [String: Int] = [:]
      for (node, rules) in zip(stage.nodes, stage.rules) where graph.nodes[node].operator.rules.isWeighted {
        let name = rules.isEmpty ? "whole" : shortened(rules)
        if numbers[name] == nil { counts.append(name) }
        numbers[name, default: 0] += 1
      }
      let layers = counts.map { "\(numbers[$0] ?? 0) × \($0)" }.joined(separator: ", ")
      let last = graph.nodes[stage.nodes.upperBound - 1].name
      let range = plan.stages.count == 1 ? "" : " to \(last)"
      return "\(stage.group)\(range): \(layers.isEmpty ? "no layers" : layers)"
    }.joined(separator: "; ")
      + (plan.options.microBatches > 1 ? "; \(plan.options.microBatches) micro-batches" : "")
  }

  /// Axes of all levels in one word where they are the same.
  private func shortened(_ rules: [String]) -> String {
    guard let first = rules.first, !rules.allSatisfy({ $0 == first }) else { return rules.first ?? "" }
    return rules.joined(separator: "/")
  }

  /// Other plans with what they cost and why they lose.
  ///
  /// First those that people would take without a search, then the best of those that were searched. Plans
  /// that say and cost the same stand once.
  func alternatives(of decision: Decision, _ best: PlanResult) -> [PlanReport.Alternative] {
    var alternatives: [PlanReport.Alternative] = []
    var known = [
      PlanReport.Alternative(
        summary: summary(of: decision.plan, decision.training.graph), cost: best.cost,
        simulated: best.timeline.makespan, reason: "")
    ]
    func add(_ summary: String, _ name: String?, _ result: PlanResult) {
      let entry = PlanReport.Alternative(
        summary: summary, cost: result.cost, simulated: result.timeline.makespan, reason: "")
      let isKnown = known.contains {
        $0.simulated == entry.simulated && $0.cost?.bytesMoved == entry.cost?.bytesMoved
          && $0.cost?.energy == entry.cost?.energy && ($0.summary == summary || name == nil)
      }
      guard !isKnown else { return }
      known.append(entry)
      alternatives.append(
        PlanReport.Alternative(
          summary: name ?? summary, cost: result.cost, simulated: result.timeline.makespan,
          reason: reason(result, losesTo: best, name: name)))
    }
    for (words, outcome) in usualPlans() {
      switch outcome {
      case .success(let usual):
        guard let tasks = try? tasks(of: usual) else { continue }
        add(summary(of: usual.plan, usual.training.graph), words, PlanResult(tasks, on: usual.machine))
      case .failure(let fault):
        guard let first = fault.diagnostics.first else { continue }
        alternatives.append(
          PlanReport.Alternative(
            summary: words, cost: nil, reason: first.hint.map { "\(first.message) (\($0))" } ?? first.message)
        )
      }
    }
    for rival in decision.rivals {
      guard let tasks = try? tasks(of: rival) else { continue }
      add(summary(of: rival.plan, rival.training.graph), nil, PlanResult(tasks, on: rival.machine))
    }
    for candidate in decision.outcome.others.prefix(5) {
      guard let training = try? training(microBatches: candidate.plan.options.microBatches),
        let tasks = try? lowered(candidate.plan, facts: StepFacts(training), on: decision.machine)
      else { continue }
      add(summary(of: candidate.plan, training.graph), nil, PlanResult(tasks, on: decision.machine))
    }
    for entry in decision.outcome.rejected.prefix(2) {
      alternatives.append(
        PlanReport.Alternative(
          summary: summary(of: entry.plan, decision.training.graph), cost: nil,
          reason: entry.violations.violations.first?.description ?? "it cannot run"))
    }
    return alternatives
  }

  /// Why one plan is worse than another: by how much, and which resource has the more to do.
  private func reason(_ result: PlanResult, losesTo best: PlanResult, name: String?) -> String {
    let factor: Double
    let what: String
    switch request.objective {
    case .time:
      factor = result.timeline.makespan.seconds / max(best.timeline.makespan.seconds, Seconds(1e-12))
      what = "time"
    case .energy:
      factor = (result.cost.energy?.value ?? 0) / max(best.cost.energy?.value ?? 0, 1e-12)
      what = "energy"
    case .communication:
      factor = Double(result.cost.bytesMoved.count) / Double(max(best.cost.bytesMoved.count, 1))
      what = "data"
    case .memory:
      let peak = { (result: PlanResult) in result.tasks.memory.map(\.peak.count).max() ?? 0 }
      factor = Double(peak(result)) / Double(max(peak(best), 1))
      what = "memory"
    }
    let ratio: String
    if abs(factor - 1) < 5e-4 {
      ratio = "within 0.05 % of the \(what)"
    } else if abs(factor - 1) < 0.1 {
      ratio = "\(rounded(100 * abs(factor - 1), 2)) % \(factor > 1 ? "more" : "less") \(what)"
    } else if factor < 0.001 {
      ratio = "less than a thousandth of the \(what)"
    } else {
      ratio = "\(rounded(factor, 3)) × the \(what)"
    }
    // A plan that people would take may lie outside the space, in which layers use all devices of a group.
    if factor < 1 - 5e-4, let name {
      return "\(ratio): better, but outside the space that was searched; take it by --plan \(name)"
    }
    var most: (name: String, busy: SimulatedTime, own: SimulatedTime)?
    for use in result.cost.resources {
      let own = best.cost.resources.first { $0.name == use.name }?.busy ?? .zero
      if use.busy > own, use.busy - own > (most.map { $0.busy - $0.own } ?? .zero) {
        most = (use.name, use.busy, own)
      }
    }
    if let most {
      return "\(ratio): \(most.name) is busy for \(most.busy), not \(most.own)"
    }
    return factor == 1
      ? "as good: the axes named first win" : "\(ratio): its tasks wait longer for each other"
  }

  /// Why the plan is as good as it is.
  func reasons(for decision: Decision, _ result: PlanResult) -> [String] {
    var reasons = [summary(of: decision.plan, decision.training.graph)]
    if case .search = request.planSource, decision.plan.stages.count == 1,
      let name = decision.plan.stages.first?.group, !machine.groups.contains(where: { $0.name == name }),
      let group = machine.groups.first(where: { $0.devices.contains { machine[$0].name == name } })
    {
      let others = decision.rivals.contains { $0.plan.stages.contains { $0.group == group.name } }
      reasons.append(
        others
          ? "\(name) alone does better than every plan found over all \(group.devices.count) devices of "
            + "\(group.name)"
          : "no plan found over all \(group.devices.count) devices of \(group.name) can run")
    }
    if let busiest = result.cost.busiest {
      let share = busiest.busy.seconds / max(result.timeline.makespan.seconds, Seconds(1e-12))
      let percent = Int((100 * share).rounded())
      reasons.append("the busiest resource is \(busiest.name): \(busiest.busy), \(percent) % of the step")
    }
    if !decision.outcome.isExact, request.overlap != .none, request.objective == .time {
      reasons.append(
        "what runs at the same time has no closed form, so the plans with the least sums were simulated and "
          + "the fastest of them taken; without overlap ('--overlap none') the search proves its plan best")
    }
    reasons += decision.training.notes
    return reasons
  }

  /// The busiest resources, and for links what twice their bandwidth would give.
  func bottlenecks(of decision: Decision, _ result: PlanResult) -> [Bottleneck] {
    let ranked = result.cost.resources.enumerated().sorted {
      ($1.element.busy, $0.offset) < ($0.element.busy, $1.offset)
    }.map(\.element)
    var doubled: [String: SimulatedTime?] = [:]
    // Resources of one kind that are equally busy count as one, so that the list is no list of sixteen twins.
    var levels: [(ResourceUse.Kind, SimulatedTime)] = []
    let shown = ranked.prefix { use in
      if !levels.contains(where: { $0 == (use.kind, use.busy) }) { levels.append((use.kind, use.busy)) }
      return levels.count <= 6
    }
    return shown.map { use in
      var time: SimulatedTime?
      if use.kind == .link, let (name, machine) = decision.machine.doublingBandwidth(of: use.name) {
        if let known = doubled[name] {
          time = known
        } else {
          let costs = TaskCosts(result.tasks, on: machine)
          time = Simulation.simulate(result.tasks, costs: costs).makespan
          doubled[name] = time
        }
      }
      let fraction = use.busy.seconds / max(result.timeline.makespan.seconds, Seconds(1e-12))
      return Bottleneck(
        resource: use.name, kind: use.kind, busy: use.busy, fraction: fraction, timeIfDoubled: time)
    }
  }

  /// What was taken for granted.
  func assumptions(of decision: Decision) -> [Assumption] {
    var assumptions = [
      Assumption(
        what: "traffic of an operator", value: "each tensor crosses the memory once for each pass",
        why: "blocking inside the chip is assumed to keep what is reused")
    ]
    if decision.plan.stages.contains(where: { $0.rules.contains { !$0.isEmpty } }) {
      assumptions.append(
        Assumption(
          what: "additions of reductions", value: "0 s",
          why: "received addends are summed as they are written to memory, which the transfer outlasts"))
    }
    if machine.samples == nil {
      assumptions.append(
        Assumption(
          what: "loading of samples", value: "0 s",
          why:
            "the machine does not say where samples are stored ('samples:'), so they start where they are "
            + "needed"
        ))
    } else if request.overlap != .none {
      assumptions.append(
        Assumption(
          what: "loading of samples", value: "under the step before",
          why: "the samples of the next step are prefetched while this one runs"))
    }
    return assumptions
  }

  /// What a user should know: the reader's warnings, and fields of the machine that changed nothing.
  func warnings(for decision: Decision, _ result: PlanResult) -> [String] {
    var warnings = source.description.warnings.map { warning in
      (warning.location?.line).map { "line \($0): \(warning.message)" } ?? warning.message
    }
    for field in source.description.physicsFields {
      guard let changed = try? source.doubling(field) else { continue }
      let machine =
        decision.machine.mesh == source.machine.mesh ? changed : decision.machine.takingPhysics(of: changed)
      let used = Set(result.tasks.memory.map(\.device))
      func capacities(_ machine: Machine) -> [Bytes] {
        machine.devices.filter { used.contains($0.name) }.map(\.memory.capacity)
      }
      if capacities(machine) != capacities(decision.machine) { continue }
      // Rates change what the tasks cost, and not which tasks there are.
      let costs = TaskCosts(result.tasks, on: machine)
      if price(result.tasks, costs: costs) != result.cost { continue }
      if Simulation.simulate(result.tasks, costs: costs).makespan != result.timeline.makespan { continue }
      warnings.append(
        "\(field.path) (line \(field.line)) did not influence the result: doubled, it changes nothing")
    }
    return warnings
  }

  private func rounded(_ value: Double, _ digits: Int) -> String {
    var scale = 1.0
    while abs(value) * scale >= 1, scale > 1e-9 { scale /= 10 }
    while abs(value) * scale < 0.1, scale < 1e9, value != 0 { scale *= 10 }
    let factor = (0..<digits).reduce(scale) { value, _ in value * 10 }
    let result = (value * factor).rounded() / factor
    return result == result.rounded() && abs(result) < 1e15 ? "\(Int(result))" : "\(result)"
  }
}
