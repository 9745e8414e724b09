import Machines
import Results
import Testing
import Units
import Workflows

@testable import Studies

private func network(_ name: String) -> VisionNetwork {
  guard let network = VisionNetwork.all.first(where: { $0.name == name }) else {
    preconditionFailure("no network \(name)")
  }
  return network
}

struct DPTVisionTests {
  /// The operators of the network, under the names that it is cut by.
  private func operators(of run: VisionRun) throws -> [String] {
    try inspect(run.alone).rows.map(\.name)
  }

  @Test(
    arguments: [
      ("AlexNet", VisionSchedule.flush), ("AlexNet", .steady), ("ResNet-18", .flush), ("MobileNetV1", .flush),
    ])
  func `The searched cut agrees with every layer index tried by itself`(
    name: String, schedule: VisionSchedule
  ) throws {
    // Brute force: a plan for each index, and the NPU alone; the least of their steps.
    let run = VisionRun(network: network(name), schedule: schedule)
    let found = try run.result()
    var least = found.alone
    // A tensor that two operators read is copied by a fork, which is an index of its own.
    for layer in try operators(of: run).flatMap({ [$0, "\($0).fork1"] }) {
      var request = run.partitioned
      request.cut = .after(layer)
      guard let plan = try? timed(request) else { continue }
      least = min(least, plan.time)
    }
    #expect(found.partitioned.time == least)
  }

  @Test func `Both means lie inside the published range, and nothing is gained without overlap`() throws {
    let claims = try VisionStudy().schedules()
    let judged = claims.filter { $0.verdict != .context }
    #expect(judged.map(\.id) == ["vision.mean", "vision.mean.steady", "vision.no-overlap.max"])
    for claim in judged { #expect(claim.verdict == .holds, "\(claim)") }
    // A context claim must say why.
    for claim in claims where claim.verdict == .context { #expect(!claim.note.isEmpty) }
    #expect(claims.count == Set(claims.map(\.id)).count)
  }

  @Test(arguments: [VisionSchedule.flush, .steady, .serial])
  func `Nothing in storage is the NPU alone`(schedule: VisionSchedule) throws {
    // Requirement: within 0.1 %; both are the same tasks on the same device, so that even the ticks agree.
    for name in ["AlexNet", "ResNet-18"] {
      let run = VisionRun(network: network(name), schedule: schedule)
      var request = run.partitioned
      request.cut = .none
      request.groups = ["npu"]
      #expect(try timed(request).time == timed(run.alone).time)
    }
  }

  @Test(arguments: ["AlexNet", "ResNet-18"])
  func `More drives never make the step longer`(name: String) throws {
    var before: VisionResult?
    for drives in [1, 2, 4, 8] {
      let result = try VisionRun(
        network: network(name), machine: "dpt-vision/\(drives)", schedule: .flush
      ).result()
      #expect(result.reduction >= 0)
      if let before {
        #expect(result.partitioned.time <= before.partitioned.time)
        // No link is a bottleneck here, so that the cut does not move back.
        #expect(result.frontOperators >= before.frontOperators)
      }
      before = result
    }
  }

  @Test func `The step of ResNet-18 on the NPU agrees with a closed form of its operators`() throws {
    // A model written separately, a roofline for each operator with unfused memory passes, gives 1.16 s for a
    // batch of 512 at once; sixteen micro-batches read the weights sixteen times: less than one per cent.
    let result = try VisionRun(network: network("ResNet-18"), schedule: .flush).result()
    #expect(abs(result.alone.seconds.value / 1.16 - 1) < 0.02)
  }

  @Test func `Machines of the region differ in the drives' rates alone`() throws {
    let machine = try readMachine(yaml: VisionRegion.text(arithmetic: 2, memory: 0.25), file: "region")
    let standard = try MachineCatalogue().machine(named: "dpt-vision")
    #expect(machine.links == standard.links)
    for (one, other) in zip(machine.devices, standard.devices) {
      guard case .nearStorage(let array, let flash) = one.model,
        case .nearStorage(let standardArray, let standardFlash) = other.model
      else {
        #expect(one == other)
        continue
      }
      #expect(flash == standardFlash)
      #expect(array.clock.value == 2 * standardArray.clock.value)
      #expect(array.rows == standardArray.rows)
      #expect(one.memory.bandwidth.value == 0.25 * other.memory.bandwidth.value)
      #expect(one.memory.capacity == other.memory.capacity)
    }
  }
}
