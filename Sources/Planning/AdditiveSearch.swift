import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Units

/// The search by additive costs over every placement.
struct AdditiveSearch {
  private let problem: PlanningProblem
  private let evaluate: PlanEvaluator
  private let profiles: [OperatorProfile]
  private let tables: CostTables

  /// Plans priced as wholes for each placement, where the sum is not the price.
  private static let pricedSums = 6
  /// Plans tried for each placement until one is feasible.
  private static let feasibilityLimit = 400
  /// Placements priced where no bound tells which of them can win.
  private static let placementLimit = 64
  /// Alternatives that are kept.
  private static let keptOthers = 8

  init(_ problem: PlanningProblem, _ evaluate: @escaping PlanEvaluator) {
    self.problem = problem
    self.evaluate = evaluate
    profiles = problem.training.graph.nodes.indices.map {
      OperatorProfile(NodeID($0), in: problem.training.graph)
    }
    tables = CostTables(
      machine: problem.machine, precision: problem.step.precision,
      elementSizes: ElementSizes(problem.step.precision))
  }

  /// A placement whose sums are known.
  private struct Solved {
    let search: PlacementSearch
    let elimination: Elimination
    let costs: [Int: AdditiveCosts]
    /// No plan of the placement is cheaper, whatever overlaps.
    let bound: Double
  }

  func run() -> SearchOutcome {
    var found = Found()
    found.isExactSpace = problem.isAdditive
    for shares in shareChoices() {
      let solved = solve(shares, &found)
      price(solved, &found)
    }
    return found.outcome(keeping: Self.keptOthers)
  }

  // MARK: Sums

  private func solve(_ shares: [Int: Shares], _ found: inout Found) -> [Solved] {
    var costs = groupCosts(shares)
    var cache = PlacementCache(problem.training, reduction: problem.step.reduction)
    var busy = BusyTimes(problem, profiles)
    var solved: [Solved] = []
    for placement in problem.placements() {
      let search = PlacementSearch(
        placement, axes: problem.options.axes, fixed: fixedRules, profiles: profiles, costs: &costs,
        cache: &cache)
      guard let elimination = Elimination(search.network) else {
        found.isTruncated = true
        continue
      }
      found.states += elimination.comparisons
      guard elimination.minimum.isFinite else { continue }
      let bound = problem.isAdditive ? elimination.minimum : busy.bound(search, costs)
      solved.append(Solved(search: search, elimination: elimination, costs: costs, bound: bound))
    }
    // A stable order: of equal bounds the smaller sum goes first, then the earlier placement.
    return solved.enumerated().sorted { left, right in
      let (one, other) = (left.element, right.element)
      return (one.bound, one.elimination.minimum, left.offset)
        < (other.bound, other.elimination.minimum, right.offset)
    }.map(\.element)
  }

  private func fixedRules(_ node: Int) -> [String] { problem.options.fixed[profiles[node].node.name] ?? [] }

  private func groupCosts(_ shares: [Int: Shares]) -> [Int: AdditiveCosts] {
    var costs: [Int: AdditiveCosts] = [:]
    for (index, group) in problem.machine.groups.enumerated()
    where group.devices.allSatisfy({ problem.machine[$0].supports(problem.step.precision) }) {
      let tasks = StageTasks(
        training: problem.training, machine: problem.machine, groupIndex: index,
        shares: shares[index] ?? .equal(group), options: problem.step)
      costs[index] = AdditiveCosts(
        tasks: tasks, machine: problem.machine, tables: tables, objective: problem.options.objective)
    }
    return costs
  }

  /// The shares to try: equal ones, and for groups of unlike devices those that follow their rates.
  private func shareChoices() -> [[Int: Shares]] {
    var choices: [[Int: Shares]] = [[:]]
    for (index, group) in problem.machine.groups.enumerated() {
      let candidates = ShareCandidates(problem, group, tables).all()
      guard !candidates.isEmpty else { continue }
      choices += candidates.map { [index: $0] }
    }
    return choices
  }

  // MARK: Whole plans

  /// Prices the best sums of every placement, from the lowest bound, until no bound can beat what was found.
  private func price(_ solved: [Solved], _ found: inout Found) {
    for (position, placement) in solved.enumerated() {
      if let best = found.best, placement.bound >= best.value.objective {
        found.note(bound: placement.bound)
        // Of placements that cannot win a few are still priced, as alternatives.
        if position >= Self.keptOthers { return }
      }
      if placement.bound == 0, position >= Self.placementLimit {
        found.isTruncated = true
        return
      }
      price(placement, &found)
    }
  }

  private func price(_ placement: Solved, _ found: inout Found) {
    var enumeration = Enumeration(
      placement.elimination, variableCount: placement.search.network.variables.count)
    var tried = 0
    var priced = 0
    found.note(bound: placement.bound)
    while let next = enumeration.next() {
      let plan = problem.plan(
        placement.search.stages(of: next.values, machine: problem.machine, costs: placement.costs))
      tried += 1
      if problem.isAdditive, let best = found.best, next.cost > best.value.objective { return }
      switch evaluate(plan) {
      case .success(let value) where !isLate(value):
        priced += 1
        found.add(Candidate(plan: plan, value: value))
        if problem.isAdditive || priced >= Self.pricedSums { return }
      case .success(let value): found.lateness(value.time)
      case .failure(let violations): found.reject(plan, violations)
      }
      if tried >= Self.feasibilityLimit || enumeration.isTruncated {
        if priced == 0 { found.isTruncated = true }
        return
      }
    }
  }

  private func isLate(_ value: PlanValue) -> Bool {
    problem.options.deadline.map { value.time > SimulatedTime(roundingUp: $0) } ?? false
  }
}
