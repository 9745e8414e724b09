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

  @Test func threadsAreThoseAskedForOrOfTheDeviceOrAPartOfTheProcessors() throws {
    func threads(_ devices: [Int?], asked: Int? = nil, keepsOrder: Bool = false) -> [Int] {
      TrainingSession.threads(of: devices, asked: asked, keepsOrder: keepsOrder, processors: 8)
    }
    #expect(threads([nil]) == [8] && threads([nil, nil, nil]) == [2, 2, 2])
    #expect(threads([1]) == [1] && threads([4, nil]) == [4, 4] && threads([2, 3, nil]) == [2, 3, 2])
    // No more than this computer has, unless the user wants it.
    #expect(threads([64]) == [8] && threads([1, 64], asked: 9) == [9, 9])
    // Sums that keep their order are computed by one.
    #expect(threads([4, nil], asked: 4, keepsOrder: true) == [1, 1])

    let place = try WorkPlace()
    var request = try request(place, ["native", "native"])
    let yaml = try #require(request.planning.texts["unlike.yaml"])
    request.planning.texts["unlike.yaml"] = yaml.replacing(
      "kind: processor,", with: "kind: processor, threads: 1,")
    request.isDeterministic = false
    request.planning.groups = nil
    request.planning.planSource = .baseline(.singleDevice("d1"))
    #expect(try TrainingSession(request).threads == [1])
    request.threads = 2
    #expect(try TrainingSession(request).threads == [2])
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
