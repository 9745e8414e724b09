public import Diagnostics
import Plans
import Pricing
public import Results

/// A plan with its price, and nothing else of what planning reports.
public struct PricedPlan: Hashable, Sendable {
  /// How the plan was found.
  public let search: PlanReport.Search
  /// The weighted layers, in topological order.
  public let layers: [PlanReport.Layer]
  /// The price of a step.
  public let cost: StepCost

  /// Creates a priced plan.
  public init(search: PlanReport.Search, layers: [PlanReport.Layer], cost: StepCost) {
    self.search = search
    self.layers = layers
    self.cost = cost
  }
}

/// Finds, or takes, a plan and prices it, with the same result as ``plan(_:)``.
///
/// Nothing is simulated or explained, so that hundreds of plans can be compared.
///
/// - Throws: ``InputError`` for bad input, or of kind `infeasible` with the cheapest relaxation as its hint.
public func priced(_ request: Request) throws(InputError) -> PricedPlan {
  let session = try Session(request)
  let decision = try session.decide()
  let tasks = try session.tasks(of: decision)
  return PricedPlan(
    search: session.searchSummary(of: decision), layers: session.layers(of: decision),
    cost: price(tasks, costs: TaskCosts(tasks, on: decision.machine)))
}
