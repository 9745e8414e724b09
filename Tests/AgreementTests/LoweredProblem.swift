import Differentiation
import Graphs
import Machines
import Planning
import Plans
import TestSupport
import Units

/// A random plan that can be lowered.
struct LoweredProblem {
  let seed: UInt64
  let problem: PlanningProblem
  let plan: Plan
  let tasks: TaskGraph
  let costs: TaskCosts

  /// Random plans: random placements, micro-batches and overlap, with a random strategy for every operator.
  static func random(
    count: Int, overlaps: [Overlap] = Overlap.allCases, from first: UInt64
  ) throws -> [LoweredProblem] {
    var result: [LoweredProblem] = []
    var seed = first
    while result.count < count {
      seed += 1
      var problems = PlanProblems(seed: seed)
      let base = try problems.problem()
      let options = StepOptions(
        overlap: problems.random.element(of: overlaps), microBatches: problems.random.number(1...3),
        reduction: problems.random.element(of: [.best, .eager]),
        gradientBucket: problems.random.element(of: [nil, Bytes(64), Bytes(1 << 20)]),
        cells: problems.random.element(of: [nil, nil, 2, 3, 6, 16]))
      let problem = PlanningProblem(
        facts: base.facts, machine: base.machine,
        batch: base.facts.training.graph.batch * options.microBatches, step: options, options: base.options)
      for _ in 0..<30 {
        let plan = problems.plan(problem)
        guard let tasks = try? lower(plan, facts: problem.facts, machine: problem.machine) else {
          continue
        }
        let costs = TaskCosts(tasks, on: problem.machine)
        result.append(
          LoweredProblem(seed: seed, problem: problem, plan: plan, tasks: tasks, costs: costs))
        break
      }
    }
    return result
  }
}

extension PlanProblems {
  /// A random plan of a problem's space, which conversions may still forbid.
  mutating func plan(_ problem: PlanningProblem) -> Plan {
    let groups = problem.machine.groups
    let count = problem.facts.training.graph.nodes.count
    var stages: [Stage] = []
    var order = groups.indices.shuffled(using: &random)
    var start = 0
    while start < count {
      let index = order.removeLast()
      let end = order.isEmpty || random.chance(60) ? count : random.number((start + 1)...count)
      stages.append(stage(problem, groups[index], start..<end))
      start = end
    }
    return Plan(
      model: problem.facts.training.graph.name, machine: problem.machine.name, batch: problem.batch,
      stages: stages,
      options: problem.step)
  }

  private mutating func stage(_ problem: PlanningProblem, _ group: DeviceGroup, _ nodes: Range<Int>) -> Stage
  {
    let shares =
      random.chance(80)
      ? Shares.equal(group)
      : Shares(group.levels.map { level in (0..<level.ways).map { _ in random.number(1...3) } })
    let cut = Cut(group: group, shares: shares)
    let rules = nodes.map { node in
      let profile = OperatorProfile(NodeID(node), in: problem.facts.training.graph)
      let strategies = profile.strategies(over: cut, axes: problem.options.axes)
      // Addends are seldom legal where they are drawn, so that most draws leave them out.
      let plain = strategies.filter { strategy in
        !strategy.names.contains { $0.hasPrefix("partial") }
      }
      let choices = random.chance(85) && !plain.isEmpty ? plain : strategies
      return choices.isEmpty ? group.levels.map { _ in "replicated" } : random.element(of: choices).names
    }
    return Stage(group: group.name, nodes: nodes, rules: rules, shares: shares)
  }
}
