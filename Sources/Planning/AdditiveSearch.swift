import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Units

/// The search by additive costs over every placement.
///
/// Placements are taken in the order of a bound that their devices' arithmetic alone gives. Each is solved by
/// elimination; its best sums are priced as whole plans, unless a bound says that they cannot win.
struct AdditiveSearch {
  private let problem: PlanningProblem
  private let evaluate: PlanEvaluator
  private let bound: PlanBound
  private let profiles: [OperatorProfile]
  private let tables: CostTables

  /// Plans priced as wholes for each placement, where the sum is not the price and placements are few.
  private static let pricedSums = 6
  /// Placements beyond which only the best sum of each is priced.
  private static let fewPlacements = 8
  /// Placements priced where no bound tells which of them can win.
  private static let placementLimit = 64
  /// Alternatives that are kept.
  private static let keptOthers = 8
  /// Sums of one placement that are tried in any case until one is feasible.
  private static let fewTries = 4
  /// Failing sums of a large placement after which it is asked whether anything fits.
  private static let triesBeforeRelaxing = 64
  /// Placements of so many plans are tried to the end.
  private static let smallSpace = 20_000.0
  /// Shares of a group that are tried at most.
  private static let sharesTried = 32
  /// Operators on devices that may be resolved in all for plans that turn out not to be feasible.
  private static let feasibilityBudget = 2_000_000

  init(_ problem: PlanningProblem, _ evaluate: @escaping PlanEvaluator, bound: @escaping PlanBound) {
    self.problem = problem
    self.evaluate = evaluate
    self.bound = bound
    profiles = problem.facts.profiles
    tables = CostTables(
      machine: problem.machine, precision: problem.step.precision,
      elementSizes: ElementSizes(problem.step.precision))
  }

  func run() -> SearchOutcome {
    var found = Found()
    found.isExactSpace = problem.isAdditive
    found.remainingTries = Self.feasibilityBudget / (profiles.count * problem.machine.devices.count)
    for shares in problem.shareChoices(tables) { search(shares, &found) }
    if problem.options.refinesShares { refineShares(&found) }
    return found.outcome(keeping: Self.keptOthers)
  }

  // MARK: Shares

  /// Goes on from the best shares of each group of unlike devices, in steps that become smaller.
  private func refineShares(_ found: inout Found) {
    let given = problem.givenShares
    for (index, group) in problem.machine.groups.enumerated() where given[index] == nil {
      let candidates = ShareCandidates(problem, group, tables)
      guard candidates.areWorthwhile else { continue }
      var tried = Set(candidates.all())
      var step = max(1, candidates.units / 16)
      while step > 0, tried.count < Self.sharesTried, let shares = found.best?.shares(of: group) {
        for neighbour in candidates.neighbours(of: shares, step: step)
        where tried.count < Self.sharesTried && tried.insert(neighbour).inserted {
          search(given.merging([index: neighbour]) { _, new in new }, &found)
        }
        if found.best?.shares(of: group) == shares { step /= 2 }
      }
    }
  }

  // MARK: Placements

  private func search(_ shares: [Int: Shares], _ found: inout Found) {
    var costs = groupCosts(shares)
    var cache = PlacementCache(problem.facts, reduction: problem.step.reduction)
    var busy = BusyTimes(problem)
    let blocks = LevelBlocks(problem)
    var tied: [Int: [Int]] = [:]
    for (index, group) in problem.machine.groups.enumerated() { tied[index] = blocks.blocks(of: group) }
    if !tied.isEmpty { found.isTruncated = true }
    let placements = problem.placements()
    let ranked = placements.enumerated()
      .map { (estimate: busy.estimate($0.element, costs), offset: $0.offset, placement: $0.element) }
      .sorted { ($0.estimate, $0.offset) < ($1.estimate, $1.offset) }
    // What is left out because of its estimate is bounded all the same.
    if !problem.isAdditive { found.note(bound: placements.map { busy.bound($0, costs) }.min() ?? 0) }
    if ranked.count > Self.fewPlacements, !problem.isAdditive {
      let ordered = ranked.map { ($0.estimate, $0.placement) }
      searchBestFirst(ordered, costs: &costs, cache: &cache, tied, &found)
      return
    }
    for (position, entry) in ranked.enumerated() {
      if let best = found.best, entry.estimate >= best.value.objective, position >= Self.keptOthers {
        return
      }
      guard let (search, elimination) = solve(entry.placement, &costs, &cache, tied, &found) else { continue }
      if problem.isAdditive { found.note(bound: tied.isEmpty ? elimination.minimum : entry.estimate) }
      price(search, elimination, costs, isOneOfMany: ranked.count > Self.fewPlacements, &found)
    }
  }

  /// Solves a placement; nil where it cannot run or its tables would be too large.
  private func solve(
    _ placement: [Segment], _ costs: inout [Int: AdditiveCosts], _ cache: inout PlacementCache,
    _ tied: [Int: [Int]], _ found: inout Found
  ) -> (PlacementSearch, Elimination)? {
    let search = PlacementSearch(
      placement, axes: problem.options.axes, fixed: fixedRules, profiles: profiles, costs: &costs,
      cache: &cache, tied: tied)
    guard let elimination = Elimination(search.network) else {
      found.isTruncated = true
      return nil
    }
    found.states += elimination.comparisons
    return elimination.minimum.isFinite ? (search, elimination) : nil
  }

  /// Prices placements in the order of what they cost at least: first by their devices' arithmetic, then,
  /// for those that still look best, by the bound of their best sum; so that few are priced as wholes.
  private func searchBestFirst(
    _ placements: [(bound: Double, placement: [Segment])], costs: inout [Int: AdditiveCosts],
    cache: inout PlacementCache, _ tied: [Int: [Int]], _ found: inout Found
  ) {
    var next = 0
    var bounded: [(bound: Double, order: Int, search: PlacementSearch, elimination: Elimination)] = []
    var priced = 0
    while next < placements.count || !bounded.isEmpty {
      let waiting = next < placements.count ? placements[next].bound : .infinity
      let least = bounded.indices.min {
        (bounded[$0].bound, bounded[$0].order) < (bounded[$1].bound, bounded[$1].order)
      }
      let known = least.map { bounded[$0].bound } ?? .infinity
      if let best = found.best, min(waiting, known) >= best.value.objective, priced >= Self.keptOthers {
        return
      }
      if let least, known <= waiting {
        guard known > 0 || priced < Self.placementLimit else {
          found.isTruncated = true
          return
        }
        let entry = bounded.remove(at: least)
        priced += 1
        price(entry.search, entry.elimination, costs, isOneOfMany: true, &found)
        continue
      }
      let entry = placements[next]
      next += 1
      guard let (search, elimination) = solve(entry.placement, &costs, &cache, tied, &found) else { continue }
      let plan = problem.plan(search.stages(of: elimination.best(), machine: problem.machine, costs: costs))
      bounded.append((max(entry.bound, bound(plan)), next, search, elimination))
    }
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

  // MARK: Whole plans

  /// Prices the best sums of one placement until one is feasible; where the price is no sum, a few more.
  private func price(
    _ search: PlacementSearch, _ elimination: Elimination, _ costs: [Int: AdditiveCosts], isOneOfMany: Bool,
    _ found: inout Found
  ) {
    var enumeration = Enumeration(elimination, variableCount: search.network.variables.count)
    let wanted = problem.isAdditive || isOneOfMany ? 1 : Self.pricedSums
    let limit = isOneOfMany && !problem.isAdditive ? Self.fewTries : max(Self.fewTries, found.remainingTries)
    var priced = 0
    var tried = 0
    while priced < wanted, let next = enumeration.next() {
      if problem.isAdditive, let best = found.best, next.cost > best.value.objective { return }
      let plan = problem.plan(search.stages(of: next.values, machine: problem.machine, costs: costs))
      tried += 1
      switch evaluate(plan) {
      case .success(let value) where !problem.isLate(value):
        priced += 1
        found.add(Candidate(plan: plan, value: value))
      case .success(let value):
        found.lateness(value.time)
        // Where plans come in the order of their time all others are later still.
        if problem.isAdditive, problem.options.objective == .time { return }
      case .failure(let violations):
        found.reject(plan, violations)
        found.remainingTries -= 1
      }
      if tried >= limit || enumeration.isTruncated { break }
      if tried == Self.triesBeforeRelaxing, priced == 0, isLarge(search) {
        // Where not even plans that save memory at any price fit, thousands of others need not be tried.
        relax(search, costs, &found)
        if found.best == nil {
          found.isTruncated = true
          return
        }
      }
    }
    guard priced == 0 else { return }
    if tried >= limit || enumeration.isTruncated {
      found.isTruncated = true
      if !isOneOfMany { relax(search, costs, &found) }
    }
  }

  /// Whether a placement has too many plans to try them all.
  private func isLarge(_ search: PlacementSearch) -> Bool {
    search.network.variables.reduce(1) { $0 * Double($1.count) } > Self.smallSpace
  }

  /// Looks for a feasible plan where the best sums need too much memory: bytes are given a price, at first a
  /// low one, until a plan fits, and then the lowest price at which one does is sought.
  private func relax(_ search: PlacementSearch, _ costs: [Int: AdditiveCosts], _ found: inout Found) {
    let memory = MemoryEstimates(search, costs, problem.facts)
    var low = 0.0
    var high: Double?
    var rate = memory.startingRate(search.network)
    for _ in 0..<24 {
      guard rate.isFinite, let elimination = Elimination(memory.weighted(search.network, rate: rate)),
        elimination.minimum.isFinite
      else { return }
      found.states += elimination.comparisons
      let plan = problem.plan(
        search.stages(of: elimination.best(), machine: problem.machine, costs: costs))
      switch evaluate(plan) {
      case .success(let value) where !problem.isLate(value):
        found.add(Candidate(plan: plan, value: value))
        high = rate
      case .success(let value):
        found.lateness(value.time)
        high = rate
      case .failure(let violations):
        found.reject(plan, violations)
        low = rate
      }
      if let high, high < 1.2 * low { return }
      rate = high.map { low == 0 ? $0 / 4 : ($0 + low) / 2 } ?? 4 * rate
    }
  }
}

extension Candidate {
  /// The shares of the stage on a group; nil where there is none.
  fileprivate func shares(of group: DeviceGroup) -> Shares? {
    plan.stages.first { $0.group == group.name }?.shares
  }
}
