import Devices
import Differentiation
import Graphs
import Machines
import Plans

/// Every plan of the space, each lowered and priced as a whole: the second opinion on the additive search.
struct ExhaustiveSearch {
  private let problem: PlanningProblem
  private let evaluate: PlanEvaluator
  private let profiles: [OperatorProfile]

  /// The most plans that are enumerated; beyond it the search gives up.
  static let planLimit = 300_000

  init(_ problem: PlanningProblem, _ evaluate: @escaping PlanEvaluator) {
    self.problem = problem
    self.evaluate = evaluate
    profiles = problem.facts.profiles
  }

  func run() -> SearchOutcome {
    var found = Found()
    found.isExactSpace = true
    let groups = problem.machine.groups
    let spaces = problem.placements().map { ($0, strategies(of: $0, groups)) }
    let count = spaces.reduce(0) { $0 + $1.1.reduce(1) { $0 * Double($1.count) } }
    guard count <= Double(Self.planLimit) else {
      found.tooManyPlans = count
      return found.outcome(keeping: 0)
    }
    for (placement, strategies) in spaces { enumerate(placement, strategies, groups, &found) }
    return found.outcome(keeping: 8)
  }

  /// For each node of a placement its strategies.
  private func strategies(of placement: [Segment], _ groups: [DeviceGroup]) -> [[Strategy]] {
    placement.flatMap { segment -> [[Strategy]] in
      let cut = Cut(group: groups[segment.group], shares: .equal(groups[segment.group]))
      return segment.nodes.map { node in
        let fixed = problem.options.fixed[profiles[node].node.name] ?? []
        return profiles[node].strategies(over: cut, axes: problem.options.axes, fixed: fixed)
      }
    }
  }

  private func enumerate(
    _ placement: [Segment], _ strategies: [[Strategy]], _ groups: [DeviceGroup], _ found: inout Found
  ) {
    guard strategies.allSatisfy({ !$0.isEmpty }) else { return }
    var values = [Int](repeating: 0, count: strategies.count)
    while true {
      let stages = placement.map { segment in
        Stage(
          group: groups[segment.group].name, nodes: segment.nodes,
          rules: segment.nodes.map { strategies[$0][values[$0]].names }, shares: .equal(groups[segment.group])
        )
      }
      found.states += 1
      let plan = problem.plan(stages)
      switch evaluate(plan) {
      case .success(let value): found.add(Candidate(plan: plan, value: value))
      case .failure(let violations): found.reject(plan, violations)
      }
      // The last operator's strategy varies fastest.
      var position = values.count - 1
      while position >= 0, values[position] == strategies[position].count - 1 {
        values[position] = 0
        position -= 1
      }
      if position < 0 { return }
      values[position] += 1
    }
  }
}
