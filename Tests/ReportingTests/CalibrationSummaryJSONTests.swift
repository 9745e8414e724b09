import Documents
import Reporting
import Results
import Testing
import Units

struct CalibrationSummaryJSONTests {
  // The keys are those of Documentation/schemas/partita.calibration.1.json.
  @Test func `units stand in the keys, and what was not asked is null`() {
    let summary = CalibrationSummary(
      computer: "a computer", duration: Seconds(2),
      devices: [nil, "sse41"].map { set in
        CalibrationSummary.Device(
          name: set ?? "rank", count: 2, instructionSet: set, kernels: "k", peak: FLOPsPerSecond(3e9),
          launch: Seconds(1e-6), memoryBandwidth: BytesPerSecond(5e9), measuredPoints: 7, leftOutPoints: 1)
      },
      exchanges: [
        CalibrationSummary.Exchange(bytes: Bytes(64), replacing: Seconds(1e-6), adding: Seconds(2e-6))
      ])
    let document = summary.json(machineFile: "mine.yaml")
    #expect(document["schema"] == "partita.calibration/1" && document["machine_file"] == "mine.yaml")
    guard case .array(let devices) = document["devices"], case .array(let exchanges) = document["exchanges"]
    else {
      Issue.record("no lists: \(document.compact)")
      return
    }
    #expect(devices.map { $0["instruction_set"] } == [.null, "sse41"])
    #expect(devices[0]["peak_flops"] == .double(3e9))
    #expect(exchanges.map { $0["adding_s"] } == [.double(2e-6)])
  }
}
