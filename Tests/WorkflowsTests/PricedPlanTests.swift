import Diagnostics
import Planning
import Plans
import Results
import Testing
import Units
import Workflows

@Suite struct PricedPlanTests {
  private func request(_ model: String) -> Request {
    var request = Request(model: model)
    request.machine = "hypar/4"
    request.batch = 64
    request.overlap = .none
    return request
  }

  @Test(arguments: [Request.PlanSource.search, .baseline(.dataParallel)])
  func pricedPlanIsThatOfTheReport(_ source: Request.PlanSource) throws {
    var request = request("hypar/lenet-c")
    request.planSource = source
    let report = try plan(request).report
    let priced = try priced(request)
    #expect(priced.cost == report.cost)
    #expect(priced.layers == report.layers)
    #expect(priced.search == report.search)
  }

  // One dense layer of 4096 weights, all of whose gradients two accelerators of two exchange on each level:
  // on the upper level 2 × 4096 × 4 bytes, on the lower one twice as much.
  @Test func layerTableMayBeAText() throws {
    var request = request("one.csv")
    request.texts["one.csv"] = """
      name,kind,weights,input,output,macs_forward,macs_error,macs_weight_gradient
      only,dense,4096,64,64,4096,4096,4096
      """
    request.planSource = .baseline(.dataParallel)
    #expect(try priced(request).cost.bytesMoved.count == 3 * 2 * 4096 * 4)
  }

  @Test func planMayBeAText() throws {
    var request = request("hypar/lenet-c")
    request.planSource = .file("mine.json")
    request.texts["mine.json"] = """
      {"schema": "partita.plan/1", "layers": [{"name": "fc2", "axes": ["output-channel", "batch"]}]}
      """
    let layer = try #require(try priced(request).layers.first { $0.name == "fc2" })
    #expect(layer.axes == ["output-channel", "batch"])
  }

  @Test func faultsInATextNameItsPath() throws {
    var request = request("one.csv")
    request.texts["one.csv"] = "name\n"
    let error = #expect(throws: InputError.self) { try priced(request) }
    #expect(error?.diagnostics.first?.location?.file == "one.csv")
  }
}
