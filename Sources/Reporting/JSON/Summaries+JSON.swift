public import Documents
public import Results
import Units

/// Returns the document `partita.models/1`.
public func json(of models: [ModelSummary]) -> JSONValue {
  ["schema": "partita.models/1", "models": .array(models.map(\.json))]
}

/// Returns the document `partita.machines/1`.
public func json(of machines: [MachineSummary]) -> JSONValue {
  ["schema": "partita.machines/1", "machines": .array(machines.map(\.json))]
}

extension ModelSummary {
  fileprivate var json: JSONValue {
    [
      "name": .string(name), "title": .string(title), "form": .string(form.rawValue),
      "parameters": .integer(parameters), "macs_forward_per_sample": .count(multiplyAccumulates),
      "source": .string(source),
    ]
  }
}

extension MachineSummary {
  fileprivate var json: JSONValue {
    [
      "name": .string(name), "title": .string(title),
      "devices": .array(
        devices.map {
          [
            "name": .string($0.name), "kind": .string($0.kind), "count": .integer($0.count),
            "memory_bytes": .bytes($0.memory),
          ]
        }),
      "levels": .strings(levels),
    ]
  }
}
