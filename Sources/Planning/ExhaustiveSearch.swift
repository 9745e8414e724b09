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
    for placement in problem.placements() {
      let cuts = placement.map { Cut(group: groups[$0.group], shares: .equal(groups[$0.group])) }
      var strategies: [[Strategy]] = []
      for (segment, cut) in zip(placement, cuts) {
        for node in segment.nodes {
          let fixed = problem.options.fixed[profiles[node].node.name] ?? []
          strategies.append(profiles[node].strategies(over: cut, axes: problem.options.axes, fixed: fixed))
        }
      }
      let count = strategies.reduce(1.0) { $0 * Double($1.count) }
      guard Double(found.states) + count <= Double(Self.planLimit) else {
        found.isTruncated = true
        return found.outcome(keeping: 8)
      }
      enumerate(placement, strategies, groups, &found)
    }
    return found.outcome(keeping: 8)
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
