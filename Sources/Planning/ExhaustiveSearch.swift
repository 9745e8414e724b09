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
  private let lazyForks: [PlacementCache.Edge]

  /// The most plans that are enumerated; beyond it the search gives up.
  static let planLimit = 300_000
  /// The most operators on devices in all plans together, which is what the time of a search grows with.
  static let workLimit = 20_000_000.0

  init(_ problem: PlanningProblem, _ evaluate: @escaping PlanEvaluator) {
    self.problem = problem
    self.evaluate = evaluate
    profiles = problem.facts.profiles
    lazyForks = PlacementCache(problem.facts, reduction: problem.step.reduction).edges.filter(\.isLazyFork)
  }

  func run() -> SearchOutcome {
    var found = Found()
    found.isExactSpace = true
    let spaces = spaces()
    let count = spaces.reduce(0) { $0 + $1.strategies.reduce(1) { $0 * Double($1.count) } }
    let work = count * Double(profiles.count * problem.machine.devices.count * problem.step.microBatches)
    guard count <= Double(Self.planLimit), work <= Self.workLimit else {
      found.tooManyPlans = count
      return found.outcome(keeping: 0)
    }
    for space in spaces { enumerate(space, &found) }
    return found.outcome(keeping: 8)
  }

  /// A placement with the shares of its groups, and for each node its strategies.
  private struct Space {
    let placement: [Segment]
    let cuts: [Cut]
    let strategies: [[Strategy]]
  }

  private func spaces() -> [Space] {
    let groups = problem.machine.groups
    let tables = CostTables(
      machine: problem.machine, precision: problem.step.precision,
      elementSizes: ElementSizes(problem.step.precision))
    let placements = problem.placements()
    return problem.shareChoices(tables).flatMap { shares in
      placements.compactMap { placement in
        // A choice for a group that has no part in a placement adds nothing to it.
        let chosen = shares.keys.filter { problem.options.fixedShares[groups[$0].name] == nil }
        guard chosen.allSatisfy({ group in placement.contains { $0.group == group } }) else { return nil }
        let cuts = placement.map { segment in
          Cut(
            group: groups[segment.group], shares: shares[segment.group] ?? .equal(groups[segment.group]),
            grid: problem.step.microGrid(samples: problem.training.graph.batch))
        }
        let strategies = zip(placement, cuts).flatMap { segment, cut in
          segment.nodes.map { node in
            let fixed = problem.options.fixed[profiles[node].node.name] ?? []
            return profiles[node].strategies(over: cut, axes: problem.options.axes, fixed: fixed)
          }
        }
        return Space(placement: placement, cuts: cuts, strategies: strategies)
      }
    }
  }

  private func measure(_ stages: [Stage], _ found: inout Found) {
    let plan = problem.plan(stages)
    switch evaluate(plan) {
    case .success(let value) where problem.isLate(value): found.lateness(value.time)
    case .success(let value): found.add(Candidate(plan: plan, value: value))
    case .failure(let violations): found.reject(plan, violations)
    }
  }

  /// Whether a fork takes what was left to it, as lazy reduction asks inside a group.
  private func keepsForks(_ placement: [Segment], _ strategies: [Strategy]) -> Bool {
    lazyForks.allSatisfy { edge in
      let isInside = placement.contains { $0.nodes.contains(edge.from) && $0.nodes.contains(edge.to) }
      return !isInside
        || strategies[edge.from].outputs[edge.output] == strategies[edge.to].inputs[edge.input]
    }
  }

  private func enumerate(_ space: Space, _ found: inout Found) {
    let strategies = space.strategies
    guard strategies.allSatisfy({ !$0.isEmpty }) else { return }
    var values = [Int](repeating: 0, count: strategies.count)
    while true {
      let stages = zip(space.placement, space.cuts).map { segment, cut in
        Stage(
          group: cut.group.name, nodes: segment.nodes,
          rules: segment.nodes.map { strategies[$0][values[$0]].names }, shares: cut.shares)
      }
      found.states += 1
      if keepsForks(space.placement, zip(strategies, values).map { $0[$1] }) { measure(stages, &found) }
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
