import Graphs
import Machines
import TestMachines
import TestSupport
import Testing
import Units

@testable import Plans

/// Sums along the fixed tree, against devices that hold sets of cells and send them.
struct PartialSumsTests {
  /// The sets of cells that are sums, joined as far as they are halves of a node.
  private static func joined(_ grid: CellGrid, _ sums: [Set<Int>]) -> [Set<Int>] {
    var sums = sums
    var height = 0
    while 1 << height < grid.count {
      for index in stride(from: 0, to: grid.count, by: 2 << height) {
        let left = Set(index..<min(grid.count, index + 1 << height))
        let right = Set(min(grid.count, index + 1 << height)..<min(grid.count, index + 2 << height))
        guard sums.contains(left), sums.contains(right) else { continue }
        sums.removeAll { $0 == left || $0 == right }
        sums.append(left.union(right))
      }
      height += 1
    }
    return sums
  }

  @Test(arguments: 0..<150) func stepsReceiveThePartialSumsThatTheOthersHold(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let ways = (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 2...3, using: &random) }
    let microBatches = Int.random(in: 1...3, using: &random)
    let own = Int.random(in: 1...20, using: &random)
    let isEven = Int.random(in: 0..<3, using: &random) > 0
    let shares = Shares(
      ways.map { count in (0..<count).map { _ in isEven ? 1 : Int.random(in: 1...3, using: &random) } })
    let group = meshMachine(ways, .ring).groups[0]
    let cut = Cut(group: group, shares: shares, grid: CellGrid(samples: 2 * own, cells: own))
    let grid = CellGrid(samples: 2 * own * microBatches, cells: own * microBatches)
    let sums = PartialSums(grid: grid, cut: cut, microBatches: microBatches)
    let batchLevels = ways.indices.filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
    let partial = Layout(ways.indices.map { batchLevels.contains($0) ? .partial : .replicated })
    let elements = Int.random(in: 1...50, using: &random)
    let steps = sums.inFixedTree(
      try #require(conversionSteps([elements], from: partial, to: partial.reduced, over: cut)),
      batchLevels: batchLevels)
    let place: Comment =
      "seed \(seed): \(ways) \(shares.weights), \(own) cells × \(microBatches), \(batchLevels)"
    // What each device computes itself: the cells of the blocks with its digits at the batch levels.
    var held = (0..<cut.deviceCount).map { device -> [Set<Int>] in
      let samples = (0..<cut.deviceCount).filter { block in
        batchLevels.allSatisfy { cut.coordinate(of: block, at: $0) == cut.coordinate(of: device, at: $0) }
      }.flatMap { Array(cut.block($0, of: 2 * own)) }
      let cells = Set(samples.map { $0 / 2 })
      #expect(samples.count == 2 * cells.count, place)
      return Self.joined(
        grid, (0..<microBatches).flatMap { batch in cells.sorted().map { [batch * own + $0] } })
    }
    for step in steps where step.operation == .reduceScatter {
      let before = held
      for device in 0..<cut.deviceCount {
        let first = device - cut.coordinate(of: device, at: step.level) * cut.strides[step.level]
        let peers = (0..<ways[step.level]).map { first + $0 * cut.strides[step.level] }
        let part = step.after.count == 1 ? step.after[0] : step.after[device]
        let sent = peers.filter { $0 != device }.reduce(0) { $0 + before[$1].count }
        #expect(step.received(by: device, ways: ways[step.level]) == sent * part, place)
        held[device] = Self.joined(grid, peers.flatMap { before[$0] })
      }
    }
    for sums in held { #expect(sums == [Set(0..<grid.count)], place) }
    // The collectives move the same bytes.
    let tables = tables(meshMachine(ways, .ring))
    for step in steps {
      let collectives = step.collectives(
        over: cut, group: 0, algorithms: ways.map { _ in .ring }, elementSize: 4)
      #expect(collectives.allSatisfy { $0.algorithm == .fixedTree }, place)
      let bytes = collectives.reduce(0) { $0 + tables.bytesReceived(by: $1).count }
      let received = (0..<cut.deviceCount).reduce(0) { $0 + step.received(by: $1, ways: ways[step.level]) }
      #expect(bytes == 4 * received, place)
      let costs = TaskCosts(graph(collectives.map { (.collective($0), []) }), tables: tables)
      for (index, collective) in collectives.enumerated() {
        #expect(tables.collectiveTime(of: collective) == costs.durations[index], place)
        #expect(tables.bytesReceived(by: collective).count == costs.bytesMoved[index], place)
      }
    }
  }

  // Four ranks of four cells each hold one subtree each, so that a rank sends what it sends directly.
  @Test func equalSharesOnPowersOfTwoCostWhatDirectCosts() throws {
    for ways in [[4], [2, 2], [2, 4, 2]] {
      let machine = meshMachine(ways, .fullyConnected)
      let cut = Cut(
        group: machine.groups[0], shares: .equal(machine.groups[0]), grid: CellGrid(samples: 32, cells: 16))
      let sums = PartialSums(grid: CellGrid(samples: 32, cells: 16), cut: cut, microBatches: 1)
      let partial = Layout(ways.map { _ in .partial })
      let steps = try #require(
        conversionSteps([1_024], from: partial, to: partial.reduced, over: cut))
      let tables = tables(machine)
      func time(_ steps: [ConversionStep]) -> [SimulatedTime] {
        steps.flatMap { step in
          step.collectives(over: cut, group: 0, algorithms: ways.map { _ in .direct }, elementSize: 4)
            .map { tables.collectiveTime(of: $0) }
        }
      }
      #expect(time(sums.inFixedTree(steps, batchLevels: Array(ways.indices))) == time(steps))
    }
  }

  // Six cells over two ranks: {0–2} is (1, 0) and (0, 2), and {3–5} is (0, 3) and (1, 2): two sums each.
  @Test func aShareOffASubtreeBoundarySendsSeveralSums() throws {
    let machine = meshMachine([2], .fullyConnected)
    let grid = CellGrid(samples: 6, cells: 6)
    let cut = Cut(group: machine.groups[0], shares: .equal(machine.groups[0]), grid: grid)
    let sums = PartialSums(grid: grid, cut: cut, microBatches: 1)
    #expect(
      sums.nodes(before: 0, batchLevels: [0]) == [
        [.init(height: 1, index: 0), .init(height: 0, index: 2)],
        [.init(height: 0, index: 3), .init(height: 2, index: 1)],
      ])
    let steps = sums.inFixedTree(
      try #require(conversionSteps([8], from: Layout([.partial]), to: Layout([.replicated]), over: cut)),
      batchLevels: [0])
    #expect(steps.map { $0.received(by: 0, ways: 2) } == [8, 4])
  }
}
