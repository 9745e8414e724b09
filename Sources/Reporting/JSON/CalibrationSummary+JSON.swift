public import Documents
public import Results
import Units

extension CalibrationSummary {
  /// Returns the document `partita.calibration/1`.
  ///
  /// - Parameter machineFile: The path of the machine file.
  public func json(machineFile: String) -> JSONValue {
    [
      "schema": "partita.calibration/1", "computer": .string(computer), "machine_file": .string(machineFile),
      "duration_s": .number(duration.value), "devices": .array(devices.map(\.json)),
      "exchanges": .array(
        exchanges.map {
          [
            "bytes": .bytes($0.bytes), "replacing_s": .number($0.replacing.value),
            "adding_s": .number($0.adding.value),
          ]
        }),
    ]
  }
}

extension CalibrationSummary.Device {
  fileprivate var json: JSONValue {
    [
      "name": .string(name), "count": .integer(count),
      "instruction_set": instructionSet.map(JSONValue.string) ?? .null, "kernels": .string(kernels),
      "peak_flops": .number(peak.value), "launch_s": .number(launch.value),
      "memory_bytes_per_s": .number(memoryBandwidth.value), "measured_points": .integer(measuredPoints),
      "left_out_points": .integer(leftOutPoints),
    ]
  }
}
