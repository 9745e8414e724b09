public import Documents
public import Results
import Units

/// Returns the document `partita.comparison/1`.
public func json(
  of comparisons: [KernelComparison], model: String, machine: String, device: String
) -> JSONValue {
  [
    "schema": "partita.comparison/1", "model": .string(model), "machine": .string(machine),
    "device": .string(device),
    "operations": .array(
      comparisons.map {
        [
          "name": .string($0.name), "kernel": .string($0.kernel), "phase": .string($0.phase),
          "predicted_s": .number($0.predicted.value), "measured_s": .number($0.measured.value),
        ]
      }),
  ]
}
