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

/// Expectations: what is planned and read back must cost the same, what is named must be what is found, and
/// figures of layer tables are HyPar's (HPCA 2019).
struct PlanWorkflowTests {
  @Test(arguments: [
    ("lenet", "hypar/4", Overlap.none), ("lenet", "hypar/4", .backward), ("lenet", "hypar/4", .steady),
    ("lenet", "unequal-gpus", .backward), ("hypar/lenet-c", "hypar/8", .none),
    ("lenet", "workstation", .backward),
  ])
  func aPlanReadBackCostsTheSame(_ model: String, _ machine: String, _ overlap: Overlap) throws {
    let place = try WorkPlace()
    var request = request(model, on: machine)
    request.overlap = overlap
    let first = try plan(request)
    request.planSource = .file(try place.file("plan.json", first.plan.prettyPrinted))
    let second = try plan(request)
    #expect(second.report.cost == first.report.cost)
    #expect(second.report.simulated == first.report.simulated)
    #expect(second.report.layers == first.report.layers)
    #expect(second.report.shares == first.report.shares)
    #expect(second.plan == first.plan)
    #expect(try simulate(request).report.makespan == first.report.simulated)
  }

  @Test func theReportItselfCanBeReadAsAPlan() throws {
    // A planning result holds the plan beside keys that decide nothing.
    let place = try WorkPlace()
    var request = request()
    let text = """
      {"schema": "partita.plan/1", "model": "lenet", "cost": {"time_s": 1}, "why": ["because"], "search": {},
       "layers": [{"name": "conv1", "devices": "mesh", "axes": ["batch", "output-channel"]}]}
      """
    request.planSource = .file(try place.file("plan.json", text))
    let layers = try plan(request).report.layers
    #expect(layers.first { $0.name == "conv1" }?.axes == ["batch", "output-channel"])
  }

  @Test func ofAPlanWithSomeLayersTheRestIsSearched() throws {
    // The search over the rest can do no worse than with everything data-parallel, and keeps what was said.
    let place = try WorkPlace()
    var request = request()
    request.overlap = .none
    let free = try plan(request).report.cost.time
    let kept = """
      {"schema": "partita.plan/1", "layers": [{"name": "fc1", "axes": ["batch", "batch"]}]}
      """
    let path = try place.file("some.json", kept)
    for isFixed in [false, true] {
      var partly = request
      if isFixed { partly.fixedPlan = path } else { partly.planSource = .file(path) }
      let outcome = try plan(partly).report
      #expect(outcome.layers.first { $0.name == "fc1" }?.axes == ["batch", "batch"])
      #expect(outcome.cost.time >= free)
      partly.planSource = .baseline(.dataParallel)
      #expect(outcome.cost.time <= (try plan(partly).report.cost.time))
    }
  }

  @Test func baselinesAreTheirNames() throws {
    var request = request("hypar/lenet-c", on: "hypar/4")
    func axes(_ baseline: Request.Baseline) throws -> [[String]] {
      request.planSource = .baseline(baseline)
      return try plan(request).report.layers.map(\.axes)
    }
    let (batch, channel) = (["batch", "batch"], ["input-channel", "input-channel"])
    #expect(try axes(.dataParallel) == [batch, batch, batch, batch])
    #expect(try axes(.modelParallel) == [channel, channel, channel, channel])
    #expect(try axes(.oneWeirdTrick) == [batch, batch, channel, channel])
    #expect(try axes(.singleDevice(nil)) == [[], [], [], []])
  }

  @Test func dataParallelismOnSixteenMovesHyParsBytes() throws {
    // 15 pairs × 2 × 4 bytes for each of 430 500 weights.
    var request = request("hypar/lenet-c", on: "hypar/16", batch: 256)
    request.planSource = .baseline(.dataParallel)
    #expect(try plan(request).report.cost.bytesMoved == Bytes(120 * 430_500))
  }

  @Test func aSingleDeviceIsTheNamedOneOrTheFastest() throws {
    var request = request(on: "workstation")
    request.planSource = .baseline(.singleDevice("processor"))
    let processor = try plan(request).report
    request.planSource = .baseline(.singleDevice("gpu"))
    let gpu = try plan(request).report
    request.planSource = .baseline(.singleDevice(nil))
    let best = try plan(request).report
    #expect(processor.layers.allSatisfy { $0.devices == "processor" })
    #expect(gpu.layers.allSatisfy { $0.devices == "gpu" })
    let faster = [processor, gpu].min { $0.cost.time < $1.cost.time }
    #expect(best.cost.time == faster?.cost.time)
    #expect(best.cost.bytesMoved == .zero)
  }

  @Test func aSingleDeviceOfAMeshCanBeNamedAndReadBack() throws {
    let place = try WorkPlace()
    var request = request(on: "hypar/4")
    request.planSource = .baseline(.singleDevice("accelerator[2]"))
    let outcome = try plan(request)
    #expect(outcome.report.memory.map(\.device) == ["accelerator[2]"])
    request.planSource = .file(try place.file("plan.json", outcome.plan.prettyPrinted))
    let again = try plan(request)
    #expect(again.report.cost == outcome.report.cost)
    #expect(again.plan == outcome.plan)
  }

  @Test func aCutStandsAfterTheNamedLayer() throws {
    var request = request(on: "workstation")
    request.overlap = .none
    request.cut = .after("pool1")
    let cut = try plan(request).report
    let devices = Dictionary(uniqueKeysWithValues: cut.layers.map { ($0.name, $0.devices) })
    #expect(devices["conv1"] != devices["conv2"])
    #expect(devices["conv2"] == devices["fc2"])
    request.cut = .none
    let whole = try plan(request).report
    #expect(Set(whole.layers.map(\.devices)).count == 1)
    // The search tries every cut, and none.
    request.cut = .search
    #expect(try plan(request).report.cost.time <= min(cut.cost.time, whole.cost.time))
  }

  @Test func theSameRequestGivesTheSameReport() throws {
    for machine in ["hypar/4", "workstation", "unequal-gpus"] {
      let request = request(on: machine)
      #expect(try plan(request) == (try plan(request)))
    }
  }

  /// The rates of the catalogue's cards are 2.3 : 1, so that shares of whole samples are near 45 : 19 where
  /// arithmetic decides; what both do alike, launches and exchanges, moves them towards equal ones.
  @Test func unlikeDevicesGetUnequalSharesAndNoUsualPlanIsBetter() throws {
    var request = Request(model: "resnet18")
    request.machine = "unequal-gpus"
    request.batch = 64
    request.overlap = .backward
    let report = try plan(request).report
    let found = try #require(report.simulated)
    for usual in report.alternatives { if let time = usual.simulated { #expect(found <= time) } }
    var onlyBatch = request
    onlyBatch.axes = [.batch]
    onlyBatch.groups = [DeviceGroup.meshName]
    let weights = try #require(try plan(onlyBatch).report.shares.first?.weights)
    #expect(40...45 ~= weights[0] && weights.reduce(0, +) == 64, "\(weights)")
  }

  @Test func energyWithoutCoefficientsIsRefusedAndNotCalledInfeasible() throws {
    // The workstation's description gives no energies.
    var request = request(on: "workstation")
    request.objective = .energy
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind != .infeasible)
    #expect(fault.message.contains("energy"))
  }
}
