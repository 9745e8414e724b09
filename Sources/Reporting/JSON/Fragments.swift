import Documents
import Results
import Units

/// Parts that several documents share. Every number stands in its base SI unit, which its key names.
extension JSONValue {
  /// Seconds.
  static func seconds(_ time: SimulatedTime?) -> JSONValue {
    time.map { .double($0.seconds.value) } ?? .null
  }

  /// Bytes.
  static func bytes(_ bytes: Bytes) -> JSONValue { .integer(bytes.count) }

  /// A number, or null where there is none.
  static func number(_ value: Double?) -> JSONValue { value.map(JSONValue.double) ?? .null }

  /// A list of texts.
  static func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
}

extension StepCost {
  var json: JSONValue { .object(members) }

  /// The members of a price, to which others may add theirs.
  var members: [JSONValue.Member] {
    [
      JSONValue.Member("time_s", .seconds(time)),
      JSONValue.Member("critical_path_s", .seconds(criticalPath)),
      JSONValue.Member("serial_sum_s", .seconds(serialSum)),
      JSONValue.Member("energy_J", .number(energy?.value)),
      JSONValue.Member("bytes_moved", .bytes(bytesMoved)),
      JSONValue.Member("time_parts", .array(timeParts.map { $0.json(key: "time_s") })),
      JSONValue.Member("energy_parts", .array(energyParts.map { $0.json(key: "energy_J") })),
    ]
  }
}

extension CostPart {
  func json(key: String) -> JSONValue {
    .object([
      JSONValue.Member("kind", .string(kind)), JSONValue.Member("name", .string(name)),
      JSONValue.Member(key, .double(value)),
    ])
  }
}

extension ResourceUse {
  var json: JSONValue {
    [
      "name": .string(name), "kind": .string(kind.rawValue), "busy_s": .seconds(busy), "bytes": .bytes(bytes),
    ]
  }
}

extension MemoryUse {
  var json: JSONValue {
    [
      "device": .string(device), "peak_bytes": .bytes(peak), "capacity_bytes": .bytes(capacity),
      "fits": .bool(fits), "task": .string(task),
      "parts": .array(parts.map { ["kind": .string($0.kind), "bytes": .bytes($0.size)] }),
    ]
  }
}

extension Bottleneck {
  var json: JSONValue {
    [
      "resource": .string(resource), "kind": .string(kind.rawValue), "busy_s": .seconds(busy),
      "fraction": .double(fraction), "time_if_doubled_s": .seconds(timeIfDoubled),
    ]
  }
}

extension Assumption {
  var json: JSONValue { ["what": .string(what), "value": .string(value), "why": .string(why)] }
}
