import Plans
import TestSupport
import Testing

@testable import Execution

struct CellGridMergeTests {
  // The second implementation is `maximalSubtrees(of:)`, which goes from the cells up.
  @Test(arguments: 1...40)
  func mergedNodesAreTheMaximalSubtreesOfTheirCells(count: Int) {
    let grid = CellGrid(samples: count, cells: count)
    var random = SplitMix64(seed: UInt64(count))
    for _ in 0..<20 {
      let owners = (0..<count).map { _ in Int.random(in: 0..<3, using: &random) }
      func ranges(_ owned: [Int]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        for cell in owned {
          if let last = ranges.last, last.upperBound == cell {
            ranges[ranges.count - 1] = last.lowerBound..<cell + 1
          } else {
            ranges.append(cell..<cell + 1)
          }
        }
        return ranges
      }
      func cells(_ owner: [Int]) -> [Int] { owners.indices.filter { owner.contains(owners[$0]) } }
      let nodes = [0, 1].flatMap { grid.maximalSubtrees(of: ranges(cells([$0]))) }
      #expect(
        grid.merge(nodes).map(\.node) == grid.maximalSubtrees(of: ranges(cells([0, 1]))),
        "\(count) cells of \(owners)")
    }
  }

  // ((0 + 1) + (2 + 3)) + 4: the right half of the root is cell 4 alone.
  @Test func anEmptyRightHalfCostsNoAddition() {
    let grid = CellGrid(samples: 5, cells: 5)
    let merged = grid.merge((0..<5).map { CellGrid.Node(height: 0, index: $0) })
    #expect(merged.map(\.node) == [grid.root])
    let whole = CellGrid.TreeSum.halves(
      .halves(.halves(.given(0), .given(1)), .halves(.given(2), .given(3))), .given(4))
    #expect(merged.first?.sum == whole)
  }
}
