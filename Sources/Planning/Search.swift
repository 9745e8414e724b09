import Devices
import Differentiation
import Graphs
public import Machines
public import Plans
public import Units

/// What a whole plan costs under the real objective, as whoever calls the search measures it.
public struct PlanValue: Hashable, Sendable {
  /// What the search minimises: ticks, joules or bytes.
  public let objective: Double
  /// The time of the step that a deadline is held against.
  public let time: SimulatedTime

  /// Creates a value.
  public init(objective: Double, time: SimulatedTime) {
    self.objective = objective
    self.time = time
  }
}

/// Lowers and prices a whole plan.
public typealias PlanEvaluator = (Plan) -> Result<PlanValue, PlanViolations>

/// A lower bound of what a plan can cost under the real objective, cheaper than pricing it; 0 where there is
/// none.
public typealias PlanBound = (Plan) -> Double

/// A plan that was priced as a whole.
public struct Candidate: Sendable {
  /// The plan.
  public let plan: Plan
  /// What it costs.
  public let value: PlanValue
}

/// What a search found.
public struct SearchOutcome: Sendable {
  /// The best plan, nil where none is feasible.
  public let best: Candidate?
  /// Other plans that were priced, from the best.
  public let others: [Candidate]
  /// Plans that would be better or equal but cannot run, with the reasons.
  public let rejected: [(plan: Plan, violations: PlanViolations)]
  /// Whether no plan of the space is better.
  public let isExact: Bool
  /// The objective's value over a lower bound of it, less one; nil where no bound is known.
  public let gap: Double?
  /// How many states, or plans, were compared.
  public let states: Int
  /// The shortest step among plans that miss the deadline.
  public let earliest: SimulatedTime?
  /// Whether nothing of the space was left out, even where nothing in it is feasible.
  public let isComplete: Bool
  /// How many plans an exhaustive search would have to compare, where that is more than it does.
  public let tooManyPlans: Double?

  /// Creates an outcome.
  public init(
    best: Candidate?, others: [Candidate], rejected: [(plan: Plan, violations: PlanViolations)],
    isExact: Bool, gap: Double?, states: Int, earliest: SimulatedTime?, isComplete: Bool = false,
    tooManyPlans: Double? = nil
  ) {
    self.best = best
    self.others = others
    self.rejected = rejected
    self.isExact = isExact
    self.gap = gap
    self.states = states
    self.earliest = earliest
    self.isComplete = isComplete
    self.tooManyPlans = tooManyPlans
  }
}

/// A network, a machine and a way of running the step: what a plan is sought for.
public struct PlanningProblem: Sendable {
  /// The training graph of one micro-batch, and what every plan asks of it.
  public let facts: StepFacts
  /// The machine.
  public let machine: Machine
  /// The global batch.
  public let batch: Int
  /// How the step is run.
  public let step: StepOptions
  /// The region of the space, and the objective.
  public let options: SearchOptions

  /// Creates a problem.
  public init(
    facts: StepFacts, machine: Machine, batch: Int, step: StepOptions, options: SearchOptions
  ) {
    self.facts = facts
    self.machine = machine
    self.batch = batch
    self.step = step
    self.options = options
  }

  /// The training graph of one micro-batch.
  var training: TrainingGraph { facts.training }

  /// The plan of some stages.
  func plan(_ stages: [Stage]) -> Plan {
    Plan(model: training.graph.name, machine: machine.name, batch: batch, stages: stages, options: step)
  }

  /// Whether a plan misses the deadline.
  func isLate(_ value: PlanValue) -> Bool {
    options.deadline.map { value.time > SimulatedTime(roundingUp: $0) } ?? false
  }

  /// Whether the price of a plan is the sum of its parts, so that an additive search is exact.
  var isAdditive: Bool {
    step.overlap == .none && options.objective != .memory || options.objective == .communication
  }
}

/// Searches the plan space of a problem.
///
/// Placements of consecutive operators on groups of devices are enumerated; inside each, one strategy for
/// each operator is found by elimination over additive costs, and the best sums are priced as whole plans.
/// Where the price is the sum (`--overlap none`, or the objective is communication) the result is exact,
/// memory limits included, because plans are tried in the order of their sums until one is feasible.
///
/// - Parameters:
///   - problem: What a plan is sought for.
///   - evaluate: Lowers and prices a plan; a violation makes it infeasible.
///   - bound: Says cheaply what a plan costs at least.
public func search(
  _ problem: PlanningProblem, evaluate: @escaping PlanEvaluator, bound: @escaping PlanBound = { _ in 0 }
) -> SearchOutcome {
  switch problem.options.strategy {
  case .exhaustive: return ExhaustiveSearch(problem, evaluate).run()
  case .hierarchical:
    guard let hierarchical = HierarchicalSearch(problem, evaluate) else {
      return AdditiveSearch(problem, evaluate, bound: bound).run()
    }
    return hierarchical.run()
  case .exact: return AdditiveSearch(problem, evaluate, bound: bound).run()
  }
}
