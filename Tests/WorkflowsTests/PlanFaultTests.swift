import Diagnostics
import Documents
import Machines
import Planning
import Plans
import Results
import Testing
import Units
import Workflows

/// What is refused says what, where and what to do; every expectation is read off the faulty input.
struct PlanFaultTests {
  private struct Fault {
    let text: String
    let line: Int
    let column: Int
    let message: String
    var hint: String?
  }

  @Test func everyFaultOfAPlanFileHasItsPlace() throws {
    let cases = [
      Fault(text: "{", line: 1, column: 2, message: ""),
      Fault(text: "[]", line: 1, column: 1, message: "expected an object"),
      Fault(text: "{}", line: 1, column: 1, message: "schema"),
      Fault(text: #"{"schema": "partita.plan/9"}"#, line: 1, column: 12, message: "partita.plan/1"),
      Fault(
        text: #"{"schema": "partita.plan/1", "layer": []}"#, line: 1, column: 30,
        message: "unknown key 'layer'",
        hint: "layers"),
      Fault(text: #"{"schema": "partita.plan/1", "batch": 0}"#, line: 1, column: 39, message: "between 1"),
      Fault(
        text: #"{"schema": "partita.plan/1", "layers": {}}"#, line: 1, column: 40,
        message: "expected an array"),
      Fault(
        text: #"{"schema": "partita.plan/1", "step": {"micro_batches": 0}}"#, line: 1, column: 56,
        message: "between 1"),
      Fault(
        text: "{\"schema\": \"partita.plan/1\",\n \"layers\": [\n  {\"name\": \"conv3\"}]}", line: 3,
        column: 3,
        message: "no layer 'conv3'", hint: "conv"),
      Fault(
        text: #"{"schema": "partita.plan/1", "layers": [{"axes": []}]}"#, line: 1, column: 41, message: "name"
      ),
      Fault(
        text: #"{"schema": "partita.plan/1", "layers": [{"name": "fc1", "devices": "gpu"}]}"#, line: 1,
        column: 41,
        message: "no devices 'gpu'", hint: "mesh"),
      Fault(
        text: #"{"schema": "partita.plan/1", "layers": [{"name": "fc1", "axes": ["row", "batch"]}]}"#,
        line: 1,
        column: 41, message: "cannot be split by 'row'", hint: "input-channel"),
      Fault(
        text: #"{"schema": "partita.plan/1", "layers": [{"name": "fc1", "axes": ["batch"]}]}"#, line: 1,
        column: 41,
        message: "1 axes"),
    ]
    let place = try WorkPlace()
    for one in cases {
      var request = request()
      let path = try place.file("plan.json", one.text)
      request.planSource = .file(path)
      let fault = try #require(faults { () throws(InputError) in try plan(request) }.first, "\(one.text)")
      #expect(fault.kind == .badModel, "\(one.text)")
      #expect(fault.location == SourceLocation(file: path, line: one.line, column: one.column), "\(one.text)")
      #expect(fault.message.contains(one.message), "\(one.text): \(fault.message)")
      if let hint = one.hint {
        #expect(fault.hint?.contains(hint) == true, "\(one.text): \(fault.hint ?? "")")
      }
    }
  }

  @Test func aPlanForAnotherBatchNamesBoth() throws {
    let place = try WorkPlace()
    var request = request()
    request.planSource = .file(try place.file("plan.json", #"{"schema": "partita.plan/1", "batch": 64}"#))
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind == .badModel)
    #expect(fault.message.contains("64") && fault.message.contains("32"))
  }

  @Test func severalFaultsAreReportedTogether() throws {
    let place = try WorkPlace()
    var request = request()
    let text = #"{"schema": "partita.plan/1", "layers": [{"name": "a"}, {"name": "b"}]}"#
    request.fixedPlan = try place.file("plan.json", text)
    #expect(faults { () throws(InputError) in try plan(request) }.count == 2)
  }

  @Test func whatIsNotThereIsNamedWithTheNearest() throws {
    func fault(_ change: (inout Request) -> Void) throws -> Diagnostic {
      var request = request()
      change(&request)
      return try #require(faults { () throws(InputError) in try plan(request) }.first)
    }
    let file = try fault { $0.planSource = .file("no-such.json") }
    #expect(file.kind == .missingFile)
    let layer = try fault { $0.cut = .after("pol1") }
    #expect(layer.kind == .usage && layer.hint?.contains("pool1") == true)
    let device = try fault { $0.planSource = .baseline(.singleDevice("acelerator[1]")) }
    #expect(device.kind == .usage && device.hint?.contains("accelerator[") == true)
    let machine = try fault { $0.machine = "hypar/5" }
    #expect(machine.hint != nil)
    let none = try fault { $0.machine = nil }
    #expect(none.kind == .usage)
    let mesh = try fault {
      $0.machine = "workstation"
      $0.planSource = .baseline(.dataParallel)
    }
    #expect(mesh.kind == .usage && mesh.hint?.contains("single-device") == true)
  }

  @Test func microBatchesMustDivideTheBatch() throws {
    var request = request()
    request.microBatches = 5
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind == .usage && fault.hint?.contains("divisor") == true)
    for count in [0, -1] {
      request.microBatches = count
      let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
      #expect(fault.kind == .usage || fault.kind == .infeasible, "\(count)")
    }
  }

  @Test func statisticsOfTheWholeBatchRefuseMicroBatches() throws {
    var request = request("resnet18", on: "workstation", batch: 4)
    request.microBatches = 2
    request.planSource = .baseline(.singleDevice("gpu"))
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind == .infeasible)
    #expect((fault.message + (fault.hint ?? "")).contains("--batch-norm cell or frozen"))
    request.batchNormalization = .frozen
    #expect(try plan(request).report.settings.microBatches == 2)
  }

  @Test func whereNothingFitsTheSmallestPeakIsTheHint() throws {
    // 431 080 parameters of four bytes over four devices need more than 400 kB.
    var request = request()
    request.overlap = .none
    request.microBatches = 1
    request.memoryLimit = Bytes(400_000)
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind == .infeasible)
    #expect(fault.message.contains("no plan fits"))
    #expect(fault.hint?.contains("smallest peak found is") == true)
  }

  // The arrays have no rate for half precision, so that there is nothing to descend.
  @Test func aDescentOverDevicesThatCannotRunFindsNoPlan() throws {
    var request = request("lenet", on: "hypar/2")
    request.search = .hierarchical
    request.precision = .float16
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind == .infeasible)
  }

  @Test func anUnknownNetworkIsNamedBeforeItsMissingBatch() throws {
    var request = Request(model: "no-such-network")
    request.machine = "hypar/2"
    let fault = try #require(faults { () throws(InputError) in try plan(request) }.first)
    #expect(fault.kind == .missingFile)
  }

  @Test func aDeadlineThatNothingMeetsNamesTheShortestStep() throws {
    var request = request()
    request.overlap = .none
    let best = try plan(request).report.cost.time
    request.deadline = Seconds(best.seconds.value / 2)
    for search in [Request.Strategy.exact, .hierarchical] {
      request.search = search
      let fault = try #require(faults { () throws(InputError) in try plan(request) }.first, "\(search)")
      #expect(fault.kind == .infeasible, "\(search)")
      #expect(fault.message.contains("no plan ends within"), "\(search)")
      #expect(fault.hint?.contains("--deadline") == true, "\(search)")
    }
    request.search = .exact
    request.deadline = best.seconds
    #expect(try plan(request).report.cost.time == best)
  }
}
