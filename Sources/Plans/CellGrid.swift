/// The cells into which a batch is cut, and the binary tree in which what they contribute is added.
///
/// The grid depends on neither machine nor plan: whoever computes a cell, its gradient is added at the same
/// place of the same tree, so that every split of the batch between cells gives the same bits. Cells are
/// consecutive samples; their sizes differ by at most one, the larger first. Node (k, i) of the tree covers
/// the cells [i · 2ᵏ, (i + 1) · 2ᵏ) that there are; it is the sum of its halves, or its left half where the
/// right one is empty.
public struct CellGrid: Hashable, Sendable {
  /// A sum of consecutive cells: a place in the tree.
  public struct Node: Hashable, Sendable {
    /// The height above the cells.
    public let height: Int
    /// The place among the nodes of that height.
    public let index: Int

    /// Creates a node.
    public init(height: Int, index: Int) {
      self.height = height
      self.index = index
    }
  }

  /// The samples of the batch.
  public let samples: Int
  /// The number of cells.
  public let count: Int

  /// Cuts a batch into cells, at most one for each sample.
  public init(samples: Int, cells: Int) {
    precondition(samples > 0 && cells > 0, "\(samples) samples in \(cells) cells")
    self.samples = samples
    self.count = min(samples, cells)
  }

  /// Whether all cells have the same size.
  public var isRegular: Bool { samples % count == 0 }

  /// The first sample of a cell; of ``count`` itself the end of the batch.
  public func firstSample(of cell: Int) -> Int {
    let (size, larger) = samples.quotientAndRemainder(dividingBy: count)
    return cell * size + min(cell, larger)
  }

  /// The samples of a cell.
  public func samples(of cell: Int) -> Range<Int> { firstSample(of: cell)..<firstSample(of: cell + 1) }

  /// The node that sums all cells.
  public var root: Node {
    Node(height: Int.bitWidth - (count - 1).leadingZeroBitCount, index: 0)
  }

  /// The cells that a node covers.
  public func cells(of node: Node) -> Range<Int> {
    let first = min(count, node.index << node.height)
    return first..<min(count, (node.index + 1) << node.height)
  }

  /// The cells whose samples all lie in some ranges that do not overlap and are in order.
  public func cells(in samples: [Range<Int>]) -> [Range<Int>] {
    var cells: [Range<Int>] = []
    var cell = 0
    for range in samples {
      while cell < count, firstSample(of: cell) < range.lowerBound { cell += 1 }
      let first = cell
      while cell < count, firstSample(of: cell + 1) <= range.upperBound { cell += 1 }
      if let last = cells.last, last.upperBound == first, first < cell {
        cells[cells.count - 1] = last.lowerBound..<cell
      } else if first < cell {
        cells.append(first..<cell)
      }
    }
    return cells
  }

  /// The fewest nodes whose cells are exactly those of some ranges that neither touch nor overlap, in order.
  ///
  /// They are what a device holds once it has added whatever it can add: no two of them are the halves of one
  /// node.
  ///
  /// - Complexity: O(ranges · log₂ cells).
  public func maximalSubtrees(of ranges: [Range<Int>]) -> [Node] {
    var nodes: [Node] = []
    for range in ranges {
      var first = range.lowerBound
      while first < range.upperBound {
        var node = Node(height: 0, index: first)
        while node.height < root.height {
          let parent = Node(height: node.height + 1, index: node.index / 2)
          let covered = cells(of: parent)
          guard covered.lowerBound == first, covered.upperBound <= range.upperBound else { break }
          node = parent
        }
        nodes.append(node)
        first = cells(of: node).upperBound
      }
    }
    return nodes
  }
}
