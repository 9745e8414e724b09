import Execution
import Graphs
import Machines
import TestSupport
import Testing
import Units

@testable import Plans

/// Transfers between two groups on real buffers, against the whole tensor and the flows that are priced.
struct ExchangeTransferTests {
  private struct Trial: Sendable {
    let shape: [Int]
    let source: Layout
    let target: Layout
    let cuts: [Cut]
    let programs: [ExchangeProgram]
  }

  private static func cut(_ random: inout SplitMix64, firstDevice: Int) -> Cut {
    let ways = [[1], [2], [3], [2, 2], [2, 3]][Int.random(in: 0..<5, using: &random)]
    let isEven = Bool.random(using: &random)
    return Cut(
      group: exchangeGroup(ways, firstDevice: firstDevice),
      shares: Shares(ways.map { (0..<$0).map { _ in isEven ? 1 : Int.random(in: 1...4, using: &random) } }))
  }

  /// A layout of whole elements.
  private static func layout(_ cut: Cut, dimensions: Int, _ random: inout SplitMix64) -> Layout {
    Layout(
      (0..<cut.levelCount).map { _ in
        let dimension = Int.random(in: -1..<dimensions, using: &random)
        return dimension < 0 ? .replicated : .sharded(dimension)
      })
  }

  /// Transfers between groups that lie apart or share devices.
  private static func trial(_ random: inout SplitMix64) -> Trial {
    let shape = (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 1...9, using: &random) }
    let cuts = [
      cut(&random, firstDevice: 0), cut(&random, firstDevice: Int.random(in: 0...6, using: &random)),
    ]
    let source = layout(cuts[0], dimensions: shape.count, &random)
    let target = layout(cuts[1], dimensions: shape.count, &random)
    return Trial(
      shape: shape, source: source, target: target, cuts: cuts,
      programs: (0..<deviceCount).map {
        .transfer(
          shape, from: source, over: cuts[0], to: target, over: cuts[1], device: DeviceID($0),
          elementType: .int64)
      })
  }

  private static let deviceCount = 12

  /// The values that a device holds or must hold: the element numbers themselves.
  private static func values(_ trial: Trial, group: Int, _ device: Int) -> [UInt64] {
    let cut = trial.cuts[group]
    guard let index = cut.group.devices.firstIndex(of: DeviceID(device)) else { return [] }
    return exchangeElements(trial.shape, group == 0 ? trial.source : trial.target, cut, index).map {
      UInt64($0 * 3 + 1)
    }
  }

  @Test func everyReceiverHasItsPartAndTheBytesAreThoseOfTheFlows() throws {
    let seed: UInt64 = 11
    var random = SplitMix64(seed: seed)
    let trials = (0..<150).map { _ in Self.trial(&random) }
    let network = ExchangeNetwork(Self.deviceCount)
    let results = ExchangeResults<[UInt64]>(Self.deviceCount, trials.count, [])
    try network.run { transport in
      for (number, trial) in trials.enumerated() {
        let program = trial.programs[transport.rank]
        let (before, after) = (
          ExchangeBuffer(Self.values(trial, group: 0, transport.rank)),
          ExchangeBuffer(byteCount: 8 * program.afterCount)
        )
        let scratch = ExchangeBuffer(byteCount: program.scratchBytes)
        // Addresses alone keep no buffer alive.
        defer { withExtendedLifetime((before, after, scratch)) {} }
        try? program.run(
          before: before.start, after: after.start, scratch: scratch.start,
          ranks: Array(0..<Self.deviceCount), over: transport)
        results.set(transport.rank, number, after.isIntact && scratch.isIntact ? after.words() : [])
      }
    }
    for (number, trial) in trials.enumerated() {
      let ways = trial.cuts.map(\.ways)
      let place: Comment =
        "seed \(seed), trial \(number): \(trial.shape) \(trial.source) to \(trial.target), \(ways)"
      for device in 0..<Self.deviceCount {
        #expect(results.get(device, number) == Self.values(trial, group: 1, device), place)
      }
      // The second implementation counts overlaps dimension by dimension.
      let flows = Plans.flows(
        trial.shape, elementSize: 8, source: trial.source, over: trial.cuts[0], target: trial.target,
        over: trial.cuts[1])
      for device in 0..<Self.deviceCount {
        let stated = flows.filter { $0.to.index == device }.map { ($0.from.index, $0.bytes.count) }
          .sorted { $0 < $1 }
        let received = trial.programs[device].bytesReceived.map { ($0.device, $0.bytes) }
        #expect(stated.elementsEqual(received) { $0 == $1 }, place)
      }
    }
  }

  // Rows of 4096 float32, 16 KiB, go straight to their places; rows of 4 are packed into one message.
  @Test func longStripsAreNotPacked() {
    let cut = Cut(group: exchangeGroup([2]), shares: Shares([[1, 1]]))
    let other = Cut(group: exchangeGroup([1], firstDevice: 2), shares: Shares([[1]]))
    func program(_ width: Int) -> ExchangeProgram {
      .transfer(
        [8, width], from: Layout([.sharded(1)]), over: cut, to: Layout([.replicated]), over: other,
        device: DeviceID(2), elementType: .float32)
    }
    #expect(program(8192).scratchBytes == 0)
    // Two senders with 8 rows of 4 elements of 4 bytes.
    #expect(program(8).scratchBytes == 2 * 8 * 4 * 4)
  }
}
