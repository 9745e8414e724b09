public import Documents
public import Results
import Units

extension PlanReport {
  /// The document `partita.plan/1`.
  public var json: JSONValue {
    [
      "schema": "partita.plan/1", "model": .string(model), "machine": .string(machine),
      "batch": .integer(batch), "step": settings.json, "search": search.json,
      "cost": .object(
        cost.members + [
          JSONValue.Member("simulated_s", .seconds(simulated)),
          JSONValue.Member("resources", .array(cost.resources.map(\.json))),
        ]),
      "memory": .array(memory.map(\.json)), "layers": .array(layers.map(\.json)),
      "shares": .array(shares.map(\.json)), "alternatives": .array(alternatives.map(\.json)),
      "why": .strings(why), "bottlenecks": .array(bottlenecks.map(\.json)),
      "assumptions": .array(assumptions.map(\.json)), "warnings": .strings(warnings),
    ]
  }
}

extension StepSettings {
  fileprivate var json: JSONValue {
    // Left out where there are none, as in a plan file, which this document can be read back as.
    let cells = cells.map { [JSONValue.Member("cells", .integer($0))] } ?? []
    return .object(
      [
        JSONValue.Member("optimizer", .string(optimizer)),
        JSONValue.Member("precision", .string(precision)),
        JSONValue.Member("batch_normalization", .string(batchNormalization)),
        JSONValue.Member("overlap", .string(overlap)),
      ] + cells + [
        JSONValue.Member("micro_batches", .integer(microBatches)),
        JSONValue.Member("reduction", .string(reduction)),
      ])
  }
}

extension PlanReport.Search {
  fileprivate var json: JSONValue {
    [
      "strategy": .string(strategy), "objective": .string(objective), "exact": .bool(exact),
      "gap": .number(gap), "states": .integer(states),
    ]
  }
}

extension PlanReport.Layer {
  fileprivate var json: JSONValue {
    ["name": .string(name), "devices": .string(devices), "axes": .strings(axes)]
  }
}

extension PlanReport.Share {
  fileprivate var json: JSONValue {
    [
      "devices": .string(devices), "level": .string(level), "axis": .string(axis),
      "fractions": .array(fractions.map(JSONValue.double)), "weights": .array(weights.map(JSONValue.integer)),
    ]
  }
}

extension PlanReport.Alternative {
  fileprivate var json: JSONValue {
    [
      "summary": .string(summary), "cost": cost?.json ?? .null, "simulated_s": .seconds(simulated),
      "reason": .string(reason),
    ]
  }
}
