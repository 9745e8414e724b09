public import Documents
public import Results
import Units

extension TrainingEvent {
  /// The document `partita.training/1`, of which a run prints one for each event; nil for a note, which is no
  /// result.
  public var json: JSONValue? {
    switch self {
    case .start(let start): Self.document("start", start.members)
    case .step(let step): Self.document("step", step.members)
    case .epoch(let epoch): Self.document("epoch", epoch.members)
    case .checkpoint(let path, let step):
      Self.document(
        "checkpoint", [JSONValue.Member("step", .integer(step)), JSONValue.Member("path", .string(path))])
    case .note: nil
    case .end(let end): Self.document("end", end.members)
    }
  }

  private static func document(_ event: String, _ members: [JSONValue.Member]) -> JSONValue {
    .object(
      [JSONValue.Member("schema", "partita.training/1"), JSONValue.Member("event", .string(event))] + members)
  }
}

extension TrainingStart {
  fileprivate var members: [JSONValue.Member] {
    [
      JSONValue.Member("model", .string(model)), JSONValue.Member("machine", .string(machine)),
      JSONValue.Member("data", .string(data)), JSONValue.Member("batch", .integer(batch)),
      JSONValue.Member("cells", cells.map(JSONValue.integer) ?? .null),
      JSONValue.Member("deterministic", .bool(isDeterministic)),
      JSONValue.Member("steps", .integer(steps)),
      JSONValue.Member("steps_per_epoch", .integer(stepsPerEpoch)),
      JSONValue.Member("first_step", .integer(firstStep)),
      JSONValue.Member("ranks", .array(ranks.map(\.json))),
      JSONValue.Member("priced_s", .seconds(priced)), JSONValue.Member("simulated_s", .seconds(simulated)),
    ]
  }
}

extension TrainingStart.Rank {
  fileprivate var json: JSONValue {
    [
      "rank": .integer(rank), "process_id": .integer(process), "device": .string(device),
      "kernels": .string(kernels),
      "instruction_set": instructionSet.map(JSONValue.string) ?? .null,
      "threads": .integer(threads),
      "rated_threads": ratedThreads.map(JSONValue.integer) ?? .null,
    ]
  }
}

extension TrainingStep {
  fileprivate var members: [JSONValue.Member] {
    [
      JSONValue.Member("step", .integer(number)), JSONValue.Member("epoch", .integer(epoch)),
      JSONValue.Member("loss", .finite(loss)), JSONValue.Member("accuracy", .finite(accuracy)),
      JSONValue.Member("learning_rate", .finite(learningRate)),
      JSONValue.Member("measured_s", .finite(duration.value)),
      JSONValue.Member("samples_per_second", .finite(samplesPerSecond)),
      JSONValue.Member("remaining_s", .finite(remaining.value)),
    ]
  }
}

extension TrainingEpoch {
  fileprivate var members: [JSONValue.Member] {
    [
      JSONValue.Member("epoch", .integer(number)), JSONValue.Member("loss", .finite(loss)),
      JSONValue.Member("accuracy", .finite(accuracy)),
      JSONValue.Member("test_accuracy", testAccuracy.map(JSONValue.finite) ?? .null),
      JSONValue.Member("samples_per_second", .finite(samplesPerSecond)),
    ]
  }
}

extension TrainingEnd {
  fileprivate var members: [JSONValue.Member] {
    [
      JSONValue.Member("steps", .integer(steps)), JSONValue.Member("weights_sha256", .string(weightsDigest)),
      JSONValue.Member("ledger", .string(ledger)),
      JSONValue.Member("test_accuracy", testAccuracy.map(JSONValue.finite) ?? .null),
      JSONValue.Member("priced_s", .seconds(priced)), JSONValue.Member("simulated_s", .seconds(simulated)),
      JSONValue.Member("measured_s", .seconds(measured)),
      JSONValue.Member("uncalibrated_s", .seconds(uncalibrated)),
      JSONValue.Member("links", .array(pairs.map(\.json))),
      JSONValue.Member("tasks", .array(tasks.map(\.json))),
      JSONValue.Member("memory", .array(memory.map(\.json))),
    ]
  }
}

extension TrainingEnd.Pair {
  fileprivate var json: JSONValue {
    [
      "from": .string(from), "to": .string(to), "simulated_bytes": .bytes(simulated),
      "measured_bytes": .bytes(measured),
    ]
  }
}

extension TrainingEnd.Task {
  fileprivate var json: JSONValue {
    [
      "category": .string(category), "name": .string(name), "device": .string(device),
      "priced_s": .seconds(priced), "measured_s": .seconds(measured),
    ]
  }
}

extension TrainingEnd.Memory {
  fileprivate var json: JSONValue {
    [
      "rank": .integer(rank), "planned_bytes": .bytes(planned), "resident_bytes": .bytes(resident),
      "library_bytes": .bytes(library), "evaluation_bytes": .bytes(evaluation),
    ]
  }
}

extension JSONValue {
  /// A measured number, or null where it has become none.
  fileprivate static func finite(_ value: Double) -> JSONValue { value.isFinite ? .double(value) : .null }
}
