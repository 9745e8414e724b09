public import Diagnostics
import Differentiation
import Graphs
import Planning
import Plans
public import Units

/// A plan with the time of its step, and nothing else of what planning reports.
public struct TimedPlan: Hashable, Sendable {
  /// Consecutive operators on one group of devices.
  public struct Stage: Hashable, Sendable {
    /// The group's name.
    public let devices: String
    /// How many operators it has.
    public let operators: Int
    /// Its last operator.
    public let last: String

    /// Creates a stage.
    public init(devices: String, operators: Int, last: String) {
      self.devices = devices
      self.operators = operators
      self.last = last
    }
  }

  /// The stages in the order of the data.
  public let stages: [Stage]
  /// Into how many micro-batches the batch is cut.
  public let microBatches: Int
  /// How long the step takes: simulated, or the price where nothing overlaps and both are the same.
  public let time: SimulatedTime
  /// Whether no plan of the space that was searched is shorter.
  public let isExact: Bool

  /// Creates a timed plan.
  public init(stages: [Stage], microBatches: Int, time: SimulatedTime, isExact: Bool) {
    self.stages = stages
    self.microBatches = microBatches
    self.time = time
    self.isExact = isExact
  }
}

/// Finds, or takes, a plan and times its step, with the same result as ``plan(_:)``.
///
/// Nothing is explained, so that hundreds of plans can be compared.
///
/// - Throws: ``InputError`` for bad input, or of kind `infeasible` with the cheapest relaxation as its hint.
public func timed(_ request: Request) throws(InputError) -> TimedPlan {
  let session = try Session(request)
  let decision = try session.decide()
  guard let best = decision.outcome.best else { preconditionFailure("a decision without a plan") }
  let nodes = decision.training.graph.nodes
  return TimedPlan(
    stages: best.plan.stages.map {
      TimedPlan.Stage(
        devices: $0.group, operators: $0.nodes.count, last: nodes[$0.nodes.upperBound - 1].name)
    },
    microBatches: best.plan.options.microBatches, time: best.value.time, isExact: decision.outcome.isExact)
}
