import Diagnostics
import Machines
import Testing

@testable import Workflows

/// What is refused before a rank is started, and what ranks are told to keep to.
@Suite struct TrainingSessionTests {
  /// A machine of devices of some instruction sets in one mesh.
  private func machine(_ sets: [String]) -> String {
    let devices = sets.enumerated().map { index, set in
      """
        d\(index): {kind: processor, instruction-set: \(set), peak: {float32: 100 GFLOP/s}, efficiency: 1,
             launch: 1 us, memory: {capacity: 8 GiB, bandwidth: 10 GB/s, efficiency: 1}, source: assumed}

      """
    }
    let names = sets.indices.map { "d\($0)" }.joined(separator: ", ")
    return """
      schema: partita.machine/1
      name: unlike
      devices:
      \(devices.joined())mesh:
        over: [\(names)]
        levels: [{name: m, ways: \(sets.count), topology: ring, bandwidth: 9 GB/s, duplex: full,
                  latency: 1 us, source: assumed}]

      """
  }

  private func request(_ place: WorkPlace, _ sets: [String]) throws -> TrainingRequest {
    let row = [String](repeating: "0.5", count: 784).joined(separator: ",")
    let rows = (0..<20).map { "\(row),\($0 % 10)\n" }.joined()
    var request = TrainingRequest(model: "lenet", data: try place.file("train.csv", rows))
    request.planning.machine = "unlike.yaml"
    request.planning.texts["unlike.yaml"] = machine(sets)
    request.planning.groups = ["mesh"]
    request.planning.batch = 8
    return request
  }

  private func fault(_ request: TrainingRequest) -> Diagnostic? {
    do {
      _ = try TrainingSession(request)
    } catch {
      return (error as? InputError)?.diagnostics.first
    }
    return nil
  }

  @Test(.enabled(if: ThisComputer.has(.sse41))) func ranksKeepToTheSetsOfTheirDevices() throws {
    let place = try WorkPlace()
    var request = try request(place, ["native", "sse41"])
    let session = try TrainingSession(request)
    #expect(session.instructionSets == [.native, .sse41])
    // Sums of unequal sets differ by rounding.
    #expect(!session.isDeterministic)
    // What is asked for comes before what the machine says.
    request.instructionSets = [.native, .native]
    let asked = try TrainingSession(request)
    #expect(asked.instructionSets == [.native, .native] && asked.isDeterministic)
    // A device alone keeps to its own.
    request.instructionSets = []
    request.planning.groups = nil
    request.planning.planSource = .baseline(.singleDevice("d1"))
    #expect(try TrainingSession(request).instructionSets == [.sse41])
  }

  @Test func aSetForEachRankAndOneThatThereIs() throws {
    let place = try WorkPlace()
    var request = try request(place, ["native", "native"])
    request.instructionSets = [.native]
    let count = try #require(fault(request))
    #expect(count.kind == .usage && count.message.contains("names 1, and the plan runs on 2 devices"))
    guard let missing = InstructionSet.allCases.first(where: { !ThisComputer.has($0) }) else { return }
    let device = try #require(fault(try self.request(place, ["native", missing.rawValue])))
    #expect(device.kind == .badMachine && device.location?.file == "unlike.yaml")
    #expect(device.message.contains("'d1'") && device.message.contains(missing.rawValue))
  }

  @Test func whyFewSamplesOrCellsRunOnNoPlan() throws {
    let place = try WorkPlace()
    var request = try request(place, ["native", "native", "native"])
    request.planning.batch = 2
    let samples = try #require(fault(request))
    #expect(samples.kind == .infeasible && samples.message.contains("no sample for each of 3 ranks"))
    request.planning.batch = 8
    request.planning.cells = 2
    let cells = try #require(fault(request))
    #expect(cells.kind == .infeasible && cells.message.contains("2 cells has no cell for each of 3 ranks"))
  }
}
