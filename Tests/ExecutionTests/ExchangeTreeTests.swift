import Execution
import Graphs
import Machines
import Plans
import TestSupport
import Testing
import Units

/// Sums whose order is fixed: along the tree over the cells, and on the host.
struct ExchangeTreeTests {
  private struct Trial: Sendable {
    let ways: [Int]
    let grid: CellGrid
    /// The cells of each device.
    let cells: [[Range<Int>]]
    let shape: [Int]
    let isTree: Bool
    let isOnHost: Bool
  }

  /// Every level of every split is summed; cells go to devices in any ranges.
  private static func trial(_ random: inout SplitMix64) -> Trial {
    let ways = [[2], [3], [4], [2, 2], [3, 2]][Int.random(in: 0..<5, using: &random)]
    let devices = ways.reduce(1, *)
    let count = Int.random(in: 1...20, using: &random)
    var owners = (0..<count).map { _ in Int.random(in: 0..<devices, using: &random) }
    if Bool.random(using: &random) { owners.sort() }
    let cells = (0..<devices).map { device -> [Range<Int>] in
      var ranges: [Range<Int>] = []
      for cell in 0..<count where owners[cell] == device {
        if let last = ranges.last, last.upperBound == cell {
          ranges[ranges.count - 1] = last.lowerBound..<cell + 1
        } else {
          ranges.append(cell..<cell + 1)
        }
      }
      return ranges
    }
    return Trial(
      ways: ways, grid: CellGrid(samples: 2 * count, cells: count), cells: cells,
      shape: [Int.random(in: 1...11, using: &random), Int.random(in: 1...5, using: &random)],
      isTree: true, isOnHost: Bool.random(using: &random))
  }

  /// What a cell adds to an element: no sum of such values is exact.
  private static func value(_ cell: Int, _ element: Int) -> Double {
    1 / Double(3 + (cell * 31 + element * 17) % 101)
  }

  /// The sum of a node, half by half: the definition of the tree.
  private static func sum(_ node: CellGrid.Node, _ grid: CellGrid, _ element: Int) -> Double? {
    guard !grid.cells(of: node).isEmpty else { return nil }
    if node.height == 0 { return value(node.index, element) }
    let left = sum(CellGrid.Node(height: node.height - 1, index: 2 * node.index), grid, element)
    let right = sum(CellGrid.Node(height: node.height - 1, index: 2 * node.index + 1), grid, element)
    guard let left else { return right }
    return right.map { left + $0 } ?? left
  }

  private static func sums(_ nodes: [CellGrid.Node], _ trial: Trial) -> [Double] {
    nodes.flatMap { node in
      (0..<trial.shape.reduce(1, *)).map { sum(node, trial.grid, $0) ?? .nan }
    }
  }

  /// The programs of a device, one after another.
  private static func programs(_ trial: Trial, _ device: Int) -> [ExchangeProgram] {
    let devices = trial.ways.reduce(1, *)
    let addends = CellAddends(grid: trial.grid, nodes: trial.cells.map { trial.grid.maximalSubtrees(of: $0) })
    if trial.isOnHost {
      let count = trial.shape.reduce(1, *)
      let members = (0..<devices).map { DeviceID($0) }
      return [
        .hostSum(
          count, of: members, on: DeviceID(hostIndex), device: DeviceID(device), addends: addends,
          elementType: .float64),
        .hostReturn(
          count, to: members, from: DeviceID(hostIndex), device: DeviceID(device), elementType: .float64),
      ]
    }
    guard device < devices else { return [] }
    let cut = Cut(
      group: exchangeGroup(trial.ways), shares: Shares(trial.ways.map { [Int](repeating: 1, count: $0) }))
    let partial = Layout(trial.ways.map { _ in .partial })
    return PreparedConversion(
      trial.shape, from: partial, to: partial.reduced, over: cut, device: device,
      algorithms: trial.ways.map { _ in .ring }, elementType: .float64, addends: addends)?.steps ?? []
  }

  private static let hostIndex = 6

  @Test func everySumIsThatOfTheTreeBitForBit() throws {
    let seed: UInt64 = 5
    var random = SplitMix64(seed: seed)
    let trials = (0..<120).map { _ in Self.trial(&random) }
    let network = ExchangeNetwork(Self.hostIndex + 1)
    let results = ExchangeResults<[Double]>(network.count, trials.count, [])
    try network.run { transport in
      for (number, trial) in trials.enumerated() {
        let device = transport.rank
        var values =
          device < trial.cells.count
          ? Self.sums(trial.grid.maximalSubtrees(of: trial.cells[device]), trial) : []
        for program in Self.programs(trial, device) {
          // The host sends back what it has summed, the devices receive what they have not.
          let isBroughtIn = program.beforeCount == values.count
          guard isBroughtIn || program.beforeCount == 0 else { return }
          let before = ExchangeBuffer(values)
          let after = ExchangeBuffer(byteCount: 8 * program.afterCount)
          let scratch = ExchangeBuffer(byteCount: program.scratchBytes)
          // Addresses alone keep no buffer alive.
          defer { withExtendedLifetime((before, after, scratch)) {} }
          try? program.run(
            before: before.start, after: after.start, scratch: scratch.start,
            ranks: Array(0..<transport.rankCount), over: transport)
          guard before.isIntact, after.isIntact, scratch.isIntact else { return }
          values = after.doubles(program.afterCount)
        }
        results.set(device, number, values)
      }
    }
    for (number, trial) in trials.enumerated() {
      let expected = Self.sums([trial.grid.root], trial)
      for device in trial.cells.indices {
        #expect(
          results.get(device, number) == expected,
          "seed \(seed), trial \(number): \(trial.ways), \(trial.cells), host \(trial.isOnHost)")
      }
    }
  }

  // Each of k addends of a part travels: a device receives as many as the others hold, times its part.
  @Test func everyAddendTravels() {
    // Five cells: 0, 1 and 4 here are two subtrees (4 is its own up to the right half of the root), 2 and 3
    // there are one.
    let grid = CellGrid(samples: 5, cells: 5)
    let addends = CellAddends(
      grid: grid, nodes: [grid.maximalSubtrees(of: [0..<2, 4..<5]), grid.maximalSubtrees(of: [2..<4])])
    #expect(addends.nodes.map(\.count) == [2, 1])
    let cut = Cut(group: exchangeGroup([2]), shares: Shares([[1, 1]]))
    let programs = (0..<2).compactMap { device in
      PreparedConversion(
        [10], from: Layout([.partial]), to: Layout([.replicated]), over: cut, device: device,
        algorithms: [.direct], elementType: .float32, addends: addends)?.steps.first
    }
    // Parts of 5 elements of 4 bytes.
    #expect(programs.map { $0.bytesReceived.map(\.bytes) } == [[1 * 5 * 4], [2 * 5 * 4]])
    #expect(programs.map(\.beforeCount) == [20, 10])
    #expect(programs.map(\.afterCount) == [5, 5])
  }

  // Without a tree the host adds in the order of the devices: ((a + b) + c) in float64.
  @Test func theHostAddsInTheOrderOfTheDevices() throws {
    let addends = [[0.3, 0.1], [0.2, 0.2], [0.1, 0.3]]
    let network = ExchangeNetwork(4)
    let results = ExchangeResults<[Double]>(4, 1, [])
    let members = (0..<3).map { DeviceID($0) }
    try network.run { transport in
      let device = DeviceID(transport.rank)
      let up = ExchangeProgram.hostSum(
        2, of: members, on: DeviceID(3), device: device, elementType: .float64)
      let down = ExchangeProgram.hostReturn(
        2, to: members, from: DeviceID(3), device: device, elementType: .float64)
      let own = ExchangeBuffer(transport.rank < 3 ? addends[transport.rank] : [0, 0])
      let sum = ExchangeBuffer(byteCount: 16)
      let isHost = transport.rank == 3
      // Addresses alone keep no buffer alive.
      defer { withExtendedLifetime((own, sum)) {} }
      try? up.run(before: own.start, after: sum.start, scratch: nil, ranks: [0, 1, 2, 3], over: transport)
      try? down.run(
        before: isHost ? sum.start : nil, after: isHost ? nil : sum.start, scratch: nil, ranks: [0, 1, 2, 3],
        over: transport)
      results.set(transport.rank, 0, sum.doubles(2))
    }
    // (0.3 + 0.2) + 0.1 = 0.6, and every other order gives 0.6 + 1.1·10⁻¹⁶.
    for rank in 0..<4 { #expect(results.get(rank, 0) == [(0.3 + 0.2) + 0.1, (0.1 + 0.2) + 0.3]) }
  }
}
