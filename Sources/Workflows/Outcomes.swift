public import Documents
public import Results

/// What planning gives: the report for people and scripts, and the plan itself.
public struct PlanOutcome: Hashable, Sendable {
  /// The report.
  public let report: PlanReport
  /// The plan as a document that `--plan` and `--fix` read.
  public let plan: JSONValue

  /// Creates an outcome.
  public init(report: PlanReport, plan: JSONValue) {
    self.report = report
    self.plan = plan
  }
}

/// What simulation gives: the report, and the timeline for a trace.
public struct SimulationOutcome: Hashable, Sendable {
  /// The report.
  public let report: SimulationReport
  /// What happens when on which resource.
  public let timeline: Timeline

  /// Creates an outcome.
  public init(report: SimulationReport, timeline: Timeline) {
    self.report = report
    self.timeline = timeline
  }
}
