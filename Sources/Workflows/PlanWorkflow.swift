public import Diagnostics
import Differentiation
import Documents
import Graphs
import Machines
import Planning
import Plans
import Results
import Simulation
import Units

/// Finds, or takes, a plan and says what it costs and why.
///
/// - Throws: ``InputError`` for bad input, or of kind `infeasible` with the cheapest relaxation as its hint.
public func plan(_ request: Request) throws(InputError) -> PlanOutcome {
  let session = try Session(request)
  let decision = try session.decide()
  let result = try session.result(of: decision)
  let report = PlanReport(
    model: session.whole.graph.name, machine: decision.machine.name, batch: session.batch,
    settings: session.settings(of: decision.plan),
    search: session.searchSummary(of: decision), cost: result.cost, simulated: result.timeline.makespan,
    memory: result.tasks.memory,
    layers: session.layers(of: decision), shares: session.shares(of: decision),
    alternatives: session.alternatives(of: decision, result),
    why: session.reasons(for: decision, result), bottlenecks: session.bottlenecks(of: decision, result),
    assumptions: session.assumptions(of: decision), warnings: session.warnings(for: decision, result))
  return PlanOutcome(
    report: report,
    plan: decision.plan.document(
      decision.training.graph, settings: report.settings.document, shares: report.shares))
}

/// Simulates the step of a plan that is searched for, named or read.
///
/// - Throws: ``InputError`` for bad input, or of kind `infeasible` with the cheapest relaxation as its hint.
public func simulate(_ request: Request) throws(InputError) -> SimulationOutcome {
  let session = try Session(request)
  let decision = try session.decide()
  let result = try session.result(of: decision)
  let report = SimulationReport(
    subject: .step(model: session.whole.graph.name, batch: session.batch, plan: decision.origin),
    machine: decision.machine.name, makespan: result.timeline.makespan, cost: result.cost,
    criticalPath: result.criticalPath,
    resources: resourceUses(of: result.tasks, in: result.timeline, costs: result.costs),
    exposedCommunication: result.timeline.exposedCommunication(of: result.tasks),
    bottlenecks: session.bottlenecks(of: decision, result), memory: result.tasks.memory,
    assumptions: session.assumptions(of: decision), warnings: session.warnings(for: decision, result))
  return SimulationOutcome(report: report, timeline: result.timeline)
}

extension Session {
  /// How the search for a plan went.
  func searchSummary(of decision: Decision) -> PlanReport.Search {
    PlanReport.Search(
      strategy: request.search.rawValue, objective: request.objective.rawValue,
      exact: decision.outcome.isExact, gap: decision.outcome.gap, states: decision.outcome.states)
  }

  /// How the step of a plan is run.
  func settings(of plan: Plan) -> StepSettings {
    StepSettings(
      optimizer: request.optimizer.rawValue, precision: request.precision.rawValue,
      batchNormalization: request.batchNormalization.rawValue, overlap: request.overlap.rawValue,
      cells: plan.options.cells.map { min($0, batch) }, microBatches: plan.options.microBatches,
      reduction: request.reduction.rawValue)
  }

  /// The weighted layers with their devices and axes.
  func layers(of decision: Decision) -> [PlanReport.Layer] {
    decision.plan.stages.flatMap { stage in
      zip(stage.nodes, stage.rules).compactMap { node, rules in
        let node = decision.training.graph.nodes[node]
        guard node.operator.rules.isWeighted else { return nil }
        return PlanReport.Layer(name: node.name, devices: stage.group, axes: rules)
      }
    }
  }

  /// The shares of every level of the groups whose devices are unlike or take unequal ones.
  func shares(of decision: Decision) -> [PlanReport.Share] {
    decision.plan.stages.flatMap { stage -> [PlanReport.Share] in
      guard let group = decision.machine.groups.first(where: { $0.name == stage.group }),
        !stage.shares.isEqual || !decision.machine.areAlike(group.devices)
      else { return [] }
      return zip(group.levelLabels, stage.shares.weights).map { label, weights in
        let total = Double(weights.reduce(0, +))
        return PlanReport.Share(
          devices: stage.group, level: label, axis: "all",
          fractions: weights.map { Double($0) / total }, weights: weights)
      }
    }
  }
}

extension StepSettings {
  /// The settings as a part of a plan file.
  var document: JSONValue {
    .object(
      [
        JSONValue.Member("optimizer", .string(optimizer)),
        JSONValue.Member("precision", .string(precision)),
        JSONValue.Member("batch_normalization", .string(batchNormalization)),
        JSONValue.Member("overlap", .string(overlap)),
      ] + (cells.map { [JSONValue.Member("cells", .integer($0))] } ?? []) + [
        JSONValue.Member("micro_batches", .integer(microBatches)),
        JSONValue.Member("reduction", .string(reduction)),
      ])
  }
}

extension DeviceGroup.Level {
  /// The name of a level of the mesh.
  var name: String? { if case .mesh(let level) = network { level.name } else { nil } }
}
