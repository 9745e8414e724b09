import Devices
import Diagnostics
import Machines
import Planning
import Plans
import Units

/// A region of the plan space, and the numbers of micro-batches to try in it.
struct SearchRegion {
  let options: SearchOptions
  let microBatches: [Int]
  /// Up to so many micro-batches are tried in any case, more of them only while nothing fits.
  var triedAnyway = 1
  /// Into how many cells the batch is cut; nil takes the request's.
  var cells: Int?
}

/// What looking through a region came to: its best plan, or why it has none.
struct Exploration {
  let decision: Decision?
  let rejected: [(plan: Plan, violations: PlanViolations)]
  /// The shortest step among plans that miss the deadline.
  let earliest: SimulatedTime?
  /// Whether nothing of the region was left out.
  let isComplete: Bool

  /// No plan of the region has a lesser objective than this.
  fileprivate var bound: Double {
    guard let outcome = decision?.outcome, let best = outcome.best else { return isComplete ? .infinity : 0 }
    return outcome.gap.map { best.value.objective / (1 + $0) } ?? 0
  }
}

extension Session {
  /// The best plan of a region over all its numbers of micro-batches.
  ///
  /// - Throws: An error of kind `infeasible` where no plan of the region can run.
  func best(
    of region: SearchRegion, _ origin: String, on machine: Machine
  ) throws(InputError) -> Decision {
    try decision([try explore(region, origin, on: machine)])
  }

  /// The best plan of several regions; of equally good ones that of the first.
  ///
  /// - Throws: An error of kind `infeasible` where no plan of any region can run.
  func decision(_ explorations: [Exploration]) throws(InputError) -> Decision {
    var best: Decision?
    for decision in explorations.compactMap(\.decision) {
      guard let known = best?.outcome.best else {
        best = decision
        continue
      }
      if let value = decision.outcome.best?.value, value.objective < known.value.objective { best = decision }
    }
    guard let best, let candidate = best.outcome.best else {
      throw infeasible(explorations.flatMap(\.rejected), explorations.compactMap(\.earliest).min())
    }
    if explorations.count == 1 { return best }
    let bound = explorations.map(\.bound).min() ?? 0
    let isExact = explorations.allSatisfy { $0.decision?.outcome.isExact ?? $0.isComplete }
    let gap = bound > 0 && bound < .infinity ? max(0, candidate.value.objective / bound - 1) : nil
    let outcome = SearchOutcome(
      best: candidate, others: best.outcome.others, rejected: best.outcome.rejected, isExact: isExact,
      gap: isExact ? 0 : gap,
      states: explorations.reduce(0) { $0 + ($1.decision?.outcome.states ?? 0) },
      earliest: best.outcome.earliest)
    return Decision(
      plan: best.plan, machine: best.machine, facts: best.facts, outcome: outcome, origin: best.origin,
      rivals: explorations.compactMap(\.decision).filter { $0.plan != best.plan })
  }

  /// Looks for the best plan of a region over all its numbers of micro-batches.
  func explore(
    _ region: SearchRegion, _ origin: String, on machine: Machine
  ) throws(InputError) -> Exploration {
    let tables = CostTables(
      machine: machine, precision: request.precision, elementSizes: ElementSizes(request.precision))
    var tally = SearchTally()
    for count in region.microBatches {
      if tally.best != nil, request.microBatches == nil, count > region.triedAnyway { break }
      let facts = StepFacts(try training(microBatches: count))
      let problem = PlanningProblem(
        facts: facts, machine: machine, batch: batch,
        step: step(microBatches: count, cells: region.cells ?? request.cells), options: region.options)
      let outcome = search(
        problem, evaluate: evaluator(facts, on: machine, tables: tables),
        bound: bound(facts, on: machine, tables: tables))
      if let count = outcome.tooManyPlans {
        throw InputError(
          .usage,
          "an exhaustive search would lower and price "
            + "\(count < 1e12 ? "\(Int(count))" : "over 10¹²") plans, each of "
            + "\(facts.profiles.count) operators on up to \(machine.devices.count) devices",
          hint: "use --search exact, or restrict the space by --axes, --cut or --fix")
      }
      tally.add(outcome, facts)
    }
    let decision = tally.best.map { best in
      Decision(
        plan: best.candidate.plan, machine: machine, facts: best.facts,
        outcome: tally.outcome(best.candidate), origin: origin)
    }
    return Exploration(
      decision: decision, rejected: tally.rejected, earliest: tally.earliest, isComplete: tally.isComplete)
  }
}

/// What searches with different numbers of micro-batches found together.
private struct SearchTally {
  /// The best plan so far, with the facts of its micro-batch.
  private(set) var best: (candidate: Candidate, facts: StepFacts)?
  private(set) var rejected: [(plan: Plan, violations: PlanViolations)] = []
  private(set) var earliest: SimulatedTime?
  private var others: [Candidate] = []
  private var states = 0
  private var isExact = true
  private(set) var isComplete = true
  private var leastBound = Double.infinity

  /// Adds what one search found; of equally good plans the first stays the best.
  mutating func add(_ outcome: SearchOutcome, _ facts: StepFacts) {
    states += outcome.states
    isExact = isExact && outcome.isExact
    isComplete = isComplete && outcome.isComplete
    rejected += outcome.rejected
    earliest = [earliest, outcome.earliest].compactMap { $0 }.min()
    guard let found = outcome.best else { return }
    leastBound = min(leastBound, outcome.gap.map { found.value.objective / (1 + $0) } ?? 0)
    others += outcome.others
    if let known = best?.candidate {
      guard found.value.objective < known.value.objective else {
        others.append(found)
        return
      }
      others.append(known)
    }
    best = (found, facts)
  }

  /// All of it as one outcome, the other plans from the best.
  func outcome(_ best: Candidate) -> SearchOutcome {
    let ranked = others.enumerated().sorted {
      ($0.element.value.objective, $0.offset) < ($1.element.value.objective, $1.offset)
    }.map(\.element)
    let gap =
      leastBound > 0 && leastBound < .infinity ? max(0, best.value.objective / leastBound - 1) : nil
    return SearchOutcome(
      best: best, others: ranked, rejected: rejected, isExact: isExact, gap: isExact ? 0 : gap,
      states: states, earliest: earliest)
  }
}
