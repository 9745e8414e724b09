import Plans
import TestSupport
import Testing

/// The tree over the cells, against cells that are joined pair by pair.
struct CellGridTests {
  // 10 samples in 4 cells: 3, 3, 2, 2.
  @Test func cellsDifferByAtMostOneTheLargerFirst() {
    let grid = CellGrid(samples: 10, cells: 4)
    #expect((0..<4).map { grid.samples(of: $0) } == [0..<3, 3..<6, 6..<8, 8..<10])
    #expect(CellGrid(samples: 3, cells: 16).count == 3)
  }

  /// Sums that are joined whenever they are the halves of a node, or alone in it, until nothing can be
  /// joined.
  private static func joined(_ grid: CellGrid, _ cells: [Int]) -> [Range<Int>] {
    var sums = cells.map { (height: 0, index: $0) }
    for height in 0..<grid.root.height {
      var next: [(height: Int, index: Int)] = sums.filter { $0.height != height }
      let level = sums.filter { $0.height == height }.map(\.index)
      for index in level {
        let isLeft = index % 2 == 0
        let other = isLeft ? index + 1 : index - 1
        let isEmpty = other << height >= grid.count
        if isLeft, isEmpty || level.contains(other) {
          next.append((height + 1, index / 2))
        } else if isLeft || !level.contains(other) {
          next.append((height, index))
        }
      }
      sums = next
    }
    return sums.map { grid.cells(of: .init(height: $0.height, index: $0.index)) }
      .sorted { $0.lowerBound < $1.lowerBound }
  }

  @Test(arguments: 0..<300) func maximalSubtreesAreWhatIsLeftOnceEverythingIsJoined(_ seed: Int) {
    var random = SplitMix64(seed: UInt64(seed))
    let count = Int.random(in: 1...40, using: &random)
    let grid = CellGrid(samples: count + Int.random(in: 0...20, using: &random), cells: count)
    let cells = (0..<count).filter { _ in Int.random(in: 0..<4, using: &random) > 0 }
    let ranges = cells.reduce(into: [Range<Int>]()) { ranges, cell in
      if let last = ranges.last, last.upperBound == cell {
        ranges[ranges.count - 1] = last.lowerBound..<(cell + 1)
      } else {
        ranges.append(cell..<(cell + 1))
      }
    }
    let nodes = grid.maximalSubtrees(of: ranges)
    #expect(
      nodes.map { grid.cells(of: $0) } == Self.joined(grid, cells), "seed \(seed): \(cells) of \(count)")
    #expect(grid.maximalSubtrees(of: [0..<count]) == [grid.root], "seed \(seed)")
    #expect(
      grid.cells(in: ranges.map { grid.firstSample(of: $0.lowerBound)..<grid.firstSample(of: $0.upperBound) })
        == ranges, "seed \(seed)")
  }
}
