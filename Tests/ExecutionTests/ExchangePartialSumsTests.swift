import Execution
import Graphs
import Machines
import TestSupport
import Testing
import Units

@testable import Plans

/// Sums along the tree as they are priced, against what the devices send.
struct ExchangePartialSumsTests {
  // The second implementation counts partial sums level by level from the cells that devices have.
  @Test(arguments: 1...30) func programsReceiveWhatIsPriced(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let ways = [[2], [3], [2, 2], [3, 2], [2, 2, 2]][Int.random(in: 0..<5, using: &random)]
    let isEven = Bool.random(using: &random)
    let shares = Shares(
      ways.map { (0..<$0).map { _ in isEven ? 1 : Int.random(in: 1...4, using: &random) } })
    let cells = Int.random(in: ways.reduce(1, *)...20, using: &random)
    let microBatches = Int.random(in: 1...2, using: &random)
    let samples = Int.random(in: cells...3 * cells, using: &random)
    let cut = Cut(
      group: exchangeGroup(ways), shares: shares, grid: CellGrid(samples: samples, cells: cells))
    let sums = PartialSums(
      grid: CellGrid(samples: samples * microBatches, cells: cells * microBatches), cut: cut,
      microBatches: microBatches)
    let partial = Layout(ways.map { _ in .partial })
    let shape = [Int.random(in: 1...40, using: &random)]
    let batchLevels = Array(ways.indices)
    let steps = sums.inFixedTree(
      try #require(conversionSteps(shape, from: partial, to: partial.reduced, over: cut)),
      batchLevels: batchLevels)
    let addends = CellAddends(
      grid: sums.grid, nodes: sums.nodes(before: ways.count - 1, batchLevels: batchLevels))
    let programs = try (0..<cut.deviceCount).map {
      try #require(
        PreparedConversion(
          shape, from: partial, to: partial.reduced, over: cut, device: $0,
          algorithms: ways.map { _ in .ring }, elementType: .float32, addends: addends))
    }
    for (index, step) in steps.enumerated() {
      var expected = [[Int]](repeating: [Int](repeating: 0, count: cut.deviceCount), count: cut.deviceCount)
      let lanes = cut.strides[step.level]
      for collective in step.collectives(
        over: cut, group: 0, algorithms: ways.map { _ in .ring }, elementSize: 4)
      {
        for lane in 0..<lanes {
          let rounds = collective.algorithm.rounds(
            collective.operation, sizes: collective.parts.sizes(lane: lane, ways: ways[step.level]),
            addends: collective.addends)
          for round in rounds {
            for message in round.messages {
              let to = collective.firstDevice + message.to * lanes + lane
              expected[to][collective.firstDevice + message.from * lanes + lane] +=
                message.bytes * round.repetitions
            }
          }
        }
      }
      for device in 0..<cut.deviceCount {
        var received = [Int](repeating: 0, count: cut.deviceCount)
        for (sender, bytes) in programs[device].steps[index].bytesReceived { received[sender] += bytes }
        let place: Comment =
          "seed \(seed): \(ways) \(shares.weights), \(cells) cells, \(microBatches) micro-batches, \(step)"
        #expect(received == expected[device], place)
        #expect(received.reduce(0, +) == 4 * step.received(by: device, ways: ways[step.level]), place)
      }
    }
  }
}
