import Graphs
import Machines
import TestMachines
import TestSupport
import Testing
import Units

@testable import Plans

/// What devices hold, counted step by step: the second implementation of ``Cut``.
struct CutTests {
  /// A group, its shares and a network's axis.
  private struct Case {
    let cut: Cut
    let extent: Int

    /// Random levels, and unequal shares or a grid now and then.
    init(_ random: inout SplitMix64) {
      let ways = (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 2...3, using: &random)
      }
      let isEven = Int.random(in: 0..<3, using: &random) > 0
      let weights = ways.map { count in
        (0..<count).map { _ in isEven ? 1 : Int.random(in: 1...3, using: &random) }
      }
      let samples = Int.random(in: 1...60, using: &random)
      let grid = CellGrid(samples: samples, cells: Int.random(in: 1...24, using: &random))
      let hasGrid = Int.random(in: 0..<3, using: &random) == 0
      cut = Cut(
        group: meshMachine(ways, .ring).groups[0], shares: Shares(weights), grid: hasGrid ? grid : nil)
      extent =
        hasGrid ? samples * Int.random(in: 1...3, using: &random) : Int.random(in: 1...120, using: &random)
    }
  }

  /// A layout whose levels cut one of two dimensions, or none.
  private static func layout(_ levels: Int, _ random: inout SplitMix64) -> Layout {
    let states: [SplitState] = [.replicated, .sharded(0), .sharded(1)]
    return Layout((0..<levels).map { _ in states[Int.random(in: 0..<3, using: &random)] })
  }

  /// The block that each step belongs to.
  private static func owners(_ cut: Cut, _ extent: Int) -> [Int] {
    (0..<cut.deviceCount).flatMap { block in cut.block(block, of: extent).map { _ in block } }
  }

  private static func holds(_ cut: Cut, _ block: Int, _ dimension: Int, _ layout: Layout, _ device: Int)
    -> Bool
  {
    (0..<cut.levelCount).allSatisfy { level in
      layout[level] != .sharded(dimension)
        || cut.coordinate(of: block, at: level) == cut.coordinate(of: device, at: level)
    }
  }

  @Test(arguments: 0..<200) func partsAreTheStepsWhoseBlocksADeviceHolds(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let one = Case(&random)
    let layout = Self.layout(one.cut.levelCount, &random)
    let owners = Self.owners(one.cut, one.extent)
    let place: Comment = "seed \(seed): \(one.cut.ways) \(one.cut.shares.weights) \(one.extent) \(layout)"
    #expect(owners.count == one.extent, place)
    let held = (0..<one.cut.deviceCount).map { device in
      owners.indices.filter { Self.holds(one.cut, owners[$0], 0, layout, device) }
    }
    for device in 0..<one.cut.deviceCount {
      #expect(
        one.cut.localExtent(one.extent, dimension: 0, layout: layout, device: device) == held[device].count,
        place)
      let ranges = one.cut.heldRanges(
        one.extent, levels: one.cut.levels(cutting: 0, layout), device: device)
      #expect(ranges.flatMap { Array($0) } == held[device], place)
    }
    let sizes = held.map(\.count)
    #expect(one.cut.isUniform([one.extent, 1], layout.keeping(0)) == (Set(sizes).count < 2), place)
    #expect(one.cut.fits([one.extent], layout.keeping(0)) == !sizes.contains(0), place)
  }

  @Test(arguments: 0..<200) func equalSharesDifferByAtMostOneOnEachLevelAndOnAllUpperOnes(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let ways = (0..<Int.random(in: 1...5, using: &random)).map { _ in Int.random(in: 2...4, using: &random) }
    let group = meshMachine(ways, .ring).groups[0]
    let cut = Cut(group: group, shares: .equal(group))
    let extent = Int.random(in: 1...300, using: &random)
    func spread(_ levels: [Int]) -> Int {
      let set = levels.reduce(UInt64(0)) { $0 | 1 << UInt64($1) }
      let sizes = (0..<cut.deviceCount).map { cut.localExtent(extent, levels: set, device: $0) }
      return (sizes.max() ?? 0) - (sizes.min() ?? 0)
    }
    for level in ways.indices {
      #expect(spread([level]) <= 1, "seed \(seed): \(ways) \(extent) level \(level)")
      #expect(spread(Array(0...level)) <= 1, "seed \(seed): \(ways) \(extent) levels to \(level)")
    }
  }

  /// Every set of levels, since three two-way levels have orthogonal arrays of strength two for four rows.
  @Test func upToThreeTwoWayLevelsAreEqualOverEverySetThatDivides() {
    for count in 1...3 {
      let group = meshMachine([Int](repeating: 2, count: count), .ring).groups[0]
      let cut = Cut(group: group, shares: .equal(group))
      for extent in 1...40 {
        for levels in 1..<UInt64(1 << count) where extent % (1 << levels.nonzeroBitCount) == 0 {
          #expect(cut.isBalanced(extent, levels: levels), "\(extent) over the levels \(levels) of \(count)")
        }
      }
    }
  }

  // Four steps over four two-way levels: no array of four rows and strength two has four factors (Rao, 1947:
  // at least 1 + 4 rows), so that some pair of levels must be unequal.
  @Test func fourStepsOverFourTwoWayLevelsAreUnequalOverOnePairOfLevels() {
    let group = meshMachine([2, 2, 2, 2], .ring).groups[0]
    let cut = Cut(group: group, shares: .equal(group))
    let pairs = (0..<4).flatMap { one in ((one + 1)..<4).map { UInt64(1 << one | 1 << $0) } }
    #expect(pairs.filter { !cut.isBalanced(4, levels: $0) } == [0b1100])
  }

  /// A receiver asks the replica of its number, and every element of its part comes once.
  @Test(arguments: 0..<40) func flowsAreTheElementsThatDoNotStandThereYet(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let one = Case(&random)
    var other = Case(&random)
    let isSame = Int.random(in: 0..<2, using: &random) == 0
    if isSame { other = one }
    let shape = [one.extent, Int.random(in: 1...30, using: &random)]
    let source = Self.layout(one.cut.levelCount, &random)
    let target = Self.layout(other.cut.levelCount, &random)
    let flows = flows(
      shape, elementSize: 1, source: source, over: one.cut, target: target, over: other.cut)
    let before = shape.map { Self.owners(one.cut, $0) }
    let after = shape.map { Self.owners(other.cut, $0) }
    let replicated = (0..<one.cut.levelCount).filter { source[$0] == .replicated }
    let replicas = replicated.reduce(1) { $0 * one.cut.ways[$1] }
    var expected: [Int: Int] = [:]
    for receiver in 0..<other.cut.deviceCount {
      for sender in 0..<one.cut.deviceCount {
        let replica = replicated.reduce(0) {
          $0 * one.cut.ways[$1] + one.cut.coordinate(of: sender, at: $1)
        }
        guard replica == receiver % replicas,
          one.cut.group.devices[sender] != other.cut.group.devices[receiver]
        else { continue }
        for row in 0..<shape[0] where Self.holds(one.cut, before[0][row], 0, source, sender) {
          for column in 0..<shape[1]
          where Self.holds(one.cut, before[1][column], 1, source, sender)
            && Self.holds(other.cut, after[0][row], 0, target, receiver)
            && Self.holds(other.cut, after[1][column], 1, target, receiver)
          {
            expected[one.cut.deviceCount * receiver + sender, default: 0] += 1
          }
        }
      }
    }
    var counted: [Int: Int] = [:]
    for flow in flows {
      counted[one.cut.deviceCount * flow.to.index + flow.from.index, default: 0] += flow.bytes.count
    }
    #expect(counted == expected, "seed \(seed): \(shape) \(source) to \(target)")
  }
}

extension Layout {
  /// The layout without what cuts other dimensions.
  fileprivate func keeping(_ dimension: Int) -> Layout {
    Layout(states.map { $0 == .sharded(dimension) ? $0 : .replicated })
  }
}
