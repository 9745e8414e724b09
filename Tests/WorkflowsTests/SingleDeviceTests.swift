import Diagnostics
import Documents
import Graphs
import Machines
import Planning
import Plans
import Results
import Testing
import Units
import Workflows

/// One sample on sixteen devices: what one device does alone takes less time than any split, because every
/// conversion waits for at least one latency; so the search must come to the named baseline.
struct SingleDeviceTests {
  private func oneSample(_ objective: Objective = .time) -> Request {
    var request = request("lenet", on: "hypar/16", batch: 1)
    request.objective = objective
    return request
  }

  private func alone(_ objective: Objective) throws -> PlanReport {
    var request = oneSample(objective)
    request.planSource = .baseline(.singleDevice(nil))
    return try plan(request).report
  }

  @Test(arguments: [Overlap.none, .backward])
  func aSingleDeviceOfAMeshIsTakenWhereItIsFaster(_ overlap: Overlap) throws {
    var request = oneSample()
    request.overlap = overlap
    let report = try plan(request).report
    request.planSource = .baseline(.singleDevice(nil))
    #expect(report.cost == (try plan(request).report.cost))
    #expect(report.layers.allSatisfy { $0.devices == "accelerator[0]" && $0.axes.isEmpty })
    #expect(report.search.exact == (overlap == .none))
    #expect(
      report.why.contains { $0.contains("alone does better than every plan found over all 16 devices") })
    let mesh = try #require(report.alternatives.first { $0.summary.hasPrefix("mesh") })
    #expect(try #require(mesh.cost).time > report.cost.time)
  }

  @Test func itIsTakenForEnergyAndNotForCommunication() throws {
    let energy = try plan(oneSample(.energy)).report
    #expect(try #require(energy.cost.energy) <= (try #require(try alone(.energy).cost.energy)))
    let communication = try plan(oneSample(.communication)).report
    #expect(communication.layers.allSatisfy { $0.devices == "mesh" })
    let named = try #require(communication.alternatives.first { $0.summary == "single-device" })
    #expect(named.reason.contains("better, but outside the space"))
  }

  @Test(arguments: ["axes", "devices", "descent", "kept"])
  func aRestrictedSpaceKeepsAllDevices(_ restriction: String) throws {
    var request = oneSample()
    switch restriction {
    case "axes": request.axes = [.inputChannel, .outputChannel]
    case "devices": request.groups = ["mesh"]
    case "descent": request.search = .hierarchical
    default:
      request.texts["kept.json"] = #"{"schema": "partita.plan/1", "layers": [{"name": "conv1"}]}"#
      request.fixedPlan = "kept.json"
    }
    #expect(try plan(request).report.layers.allSatisfy { $0.devices == "mesh" })
  }

  // With 32 samples the mesh is faster, and the one device is shown as what it is: worse.
  @Test func whereTheMeshIsFasterItIsTaken() throws {
    let report = try plan(request("lenet", on: "hypar/4", batch: 256)).report
    #expect(report.layers.allSatisfy { $0.devices == "mesh" })
    let single = try #require(report.alternatives.first { $0.summary == "single-device" })
    #expect(try #require(single.simulated) > (try #require(report.simulated)))
  }

  @Test func aDeadlineThatOnlyOneDeviceMeetsIsMet() throws {
    let time = try alone(.time).cost.time
    var request = oneSample()
    request.overlap = .none
    request.deadline = time.seconds
    let report = try plan(request).report
    #expect(report.cost.time == time)
    #expect(report.search.exact)
    // A tick less, and it is the relaxation.
    request.deadline = Seconds(time.seconds.value * 0.999)
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.hint?.contains(time.seconds.description) == true)
  }
}
