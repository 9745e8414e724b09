import Plans
import Testing

/// The binary counter that adds the contributions of cells.
struct CellStackTests {
  /// Runs the steps on text, so that the order of additions can be read.
  private func sums(_ cells: [Int], _ grid: CellGrid?) -> [String] {
    var stack = CellStack(grid)
    var slots = [String](repeating: "", count: 64)
    for cell in cells {
      let step = stack.push(cell)
      slots[step.slot] = "\(cell)"
      for join in 0..<step.joins {
        let target = step.slot - 1 - join
        slots[target] = "(\(slots[target])+\(slots[target + 1]))"
      }
    }
    return Array(slots[..<stack.count])
  }

  /// The same in one sum for each cell that joins others.
  private func sumsInOnePass(_ cells: [Int], _ grid: CellGrid?) -> [String] {
    var stack = CellStack(grid)
    var slots = [String](repeating: "", count: 64)
    for cell in cells {
      let step = stack.push(cell)
      slots[step.slot] = "\(cell)"
      guard let first = step.joined.first, let target = step.joined.last else { continue }
      slots[target] = step.joined.dropFirst().reduce(slots[first]) { "(\(slots[$1])+\($0))" }
    }
    return Array(slots[..<stack.count])
  }

  // Two addends of one element are equal in either order, so that the left half may come second.
  @Test(arguments: 1...20) func onePassAddsAlongTheSameTree(count: Int) {
    let grid = CellGrid(samples: count, cells: count)
    for first in 0..<count {
      let cells = Array(first..<count)
      #expect(sumsInOnePass(cells, grid) == sums(cells, grid), "cells from \(first) of \(count)")
    }
    #expect(sumsInOnePass([0, 0, 0], nil) == sums([0, 0, 0], nil))
  }

  @Test func eightCellsAreAddedInABinaryTree() {
    let grid = CellGrid(samples: 8, cells: 8)
    #expect(sums(Array(0..<8), grid) == ["(((0+1)+(2+3))+((4+5)+(6+7)))"])
  }

  @Test func aLeftHalfWithoutARightOneIsTheWholeNode() {
    let grid = CellGrid(samples: 5, cells: 5)
    #expect(sums(Array(0..<5), grid) == ["(((0+1)+(2+3))+4)"])
  }

  @Test(arguments: 1...16) func whatIsLeftAreTheMaximalSubtrees(count: Int) {
    let grid = CellGrid(samples: count, cells: count)
    for first in 0..<count {
      for end in (first + 1)...count {
        let nodes = grid.maximalSubtrees(of: [first..<end])
        var stack = CellStack(grid)
        for cell in first..<end { _ = stack.push(cell) }
        #expect(stack.count == nodes.count, "cells \(first)..<\(end) of \(count)")
        // Each cell comes on top of the subtrees of those before it.
        let most = (first..<end).map { grid.maximalSubtrees(of: [first..<$0]).count + 1 }.max()
        #expect(stack.depth == most, "cells \(first)..<\(end) of \(count)")
      }
    }
  }

  // A counter of 2ᵐ − 1 holds m sums, and the next cell makes m + 1.
  @Test(arguments: 0...5) func addingACellAtATimeHoldsABinaryCounter(power: Int) {
    let grid = CellGrid(samples: 64, cells: 64)
    #expect(CellStack.effort(grid, cells: 0..<(1 << power)).depth == power + 1)
  }

  // Of 2ᵐ cells every second makes a sum, and all sums together n − 1 additions, one less than its addends
  // for each.
  @Test(arguments: 1...5) func everySecondCellMakesASum(power: Int) {
    let count = 1 << power
    let addends = CellStack.effort(CellGrid(samples: count, cells: count), cells: 0..<count).addends
    #expect(addends.count == count / 2)
    #expect(addends.reduce(0, +) == count - 1 + count / 2)
  }

  // Cells 0 to 6 of eight: {0,1}, {0,1,2,3} of three addends, {4,5}; the seventh waits for the eighth.
  @Test func cellsWithoutTheirNeighboursAreNotAdded() {
    let grid = CellGrid(samples: 8, cells: 8)
    let effort = CellStack.effort(grid, cells: 0..<7)
    #expect(effort.addends == [2, 3, 2] && effort.depth == 3)
    // From the second on: {2,3} alone.
    #expect(CellStack.effort(grid, cells: 1..<4).addends == [2])
    #expect(CellStack.effort(nil, cells: [0, 0, 0]).addends == [2, 2])
  }

  @Test func withoutAGridEveryContributionJoinsTheFirst() {
    #expect(sums([0, 0, 0], nil) == ["((0+0)+0)"])
  }
}
