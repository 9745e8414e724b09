public import Documents
public import Results
import Units

extension Inspection {
  /// The document `partita.inspection/1`.
  public var json: JSONValue {
    [
      "schema": "partita.inspection/1", "model": .string(model), "batch": .integer(batch),
      "parameters": .integer(parameters),
      "operators": .object(operators.map { JSONValue.Member($0.kind, .integer($0.count)) }),
      "macs": multiplyAccumulates.json, "saved_activation_bytes": .bytes(savedActivations),
      "unsupported": .array(unsupported.map { ["kind": .string($0.kind), "nodes": .strings($0.nodes)] }),
      "rows": .array(rows.map(\.json)),
    ]
  }
}

extension Inspection.MultiplyAccumulates {
  fileprivate var json: JSONValue {
    ["forward": .count(forward), "error": .count(error), "weight_gradient": .count(weightGradient)]
  }
}

extension Inspection.Row {
  fileprivate var json: JSONValue {
    [
      "name": .string(name), "kind": .string(kind),
      "output_shape": .array(outputShape.map(JSONValue.integer)), "parameters": .integer(parameters),
      "macs": multiplyAccumulates.json, "saved_activation_bytes": .bytes(savedActivations),
    ]
  }
}
