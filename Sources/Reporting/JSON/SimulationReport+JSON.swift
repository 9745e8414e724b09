public import Documents
public import Results
import Units

extension SimulationReport {
  /// The document `partita.simulation/1`.
  public var json: JSONValue {
    [
      "schema": "partita.simulation/1", "machine": .string(machine), "subject": subject.json,
      "makespan_s": .seconds(makespan), "energy_J": .number(cost.energy?.value),
      "exposed_communication_s": .seconds(exposedCommunication), "price": cost.json,
      "resources": .array(resources.map(\.json)), "bottlenecks": .array(bottlenecks.map(\.json)),
      "critical_path": .array(criticalPath.map(\.json)), "memory": .array(memory.map(\.json)),
      "assumptions": .array(assumptions.map(\.json)), "warnings": .strings(warnings),
    ]
  }
}

extension SimulationReport.Subject {
  fileprivate var json: JSONValue {
    switch self {
    case .step(let model, let batch, let plan):
      ["kind": "step", "model": .string(model), "batch": .integer(batch), "plan": .string(plan)]
    case .collective(let operation, let bytes, let algorithm, let chunks):
      [
        "kind": "collective", "operation": .string(operation), "bytes": .bytes(bytes),
        "algorithm": .string(algorithm), "chunks": .integer(chunks),
      ]
    }
  }
}

extension SimulationReport.CriticalTask {
  fileprivate var json: JSONValue {
    [
      "task": .integer(task), "name": .string(name), "category": .string(category),
      "resources": .strings(resources), "start_s": .seconds(start), "time_s": .seconds(duration),
    ]
  }
}
