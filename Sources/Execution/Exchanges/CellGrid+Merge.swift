import Plans

extension CellGrid {
  /// How a node comes about that was added from others.
  indirect enum TreeSum: Hashable, Sendable {
    /// It was there: the node's place in the list.
    case given(Int)
    /// It is the sum of its halves.
    case halves(TreeSum, TreeSum)
  }

  /// The maximal nodes into which given nodes can be added, in the order of their cells, with the additions.
  ///
  /// They are the ``maximalSubtrees(of:)`` of the cells that the given nodes cover.
  ///
  /// - Precondition: No cell is covered twice.
  /// - Complexity: O(nodes · (height + log nodes)).
  func merge(_ nodes: [Node]) -> [(node: Node, sum: TreeSum)] {
    var level: [(node: Node, sum: TreeSum)] = []
    var maximal: [(node: Node, sum: TreeSum)] = []
    for height in 0...root.height {
      level += nodes.indices.filter { nodes[$0].height == height }.map { (nodes[$0], .given($0)) }
      level.sort { $0.node.index < $1.node.index }
      var next: [(node: Node, sum: TreeSum)] = []
      var position = 0
      while position < level.count {
        let (node, sum) = level[position]
        position += 1
        precondition(node.index << height < count, "\(node) of \(count) cells")
        let parent = Node(height: height + 1, index: node.index / 2)
        if height == root.height {
          maximal.append((node, sum))
        } else if node.index % 2 == 0, position < level.count, level[position].node.index == node.index + 1 {
          next.append((parent, .halves(sum, level[position].sum)))
          position += 1
        } else if node.index % 2 == 0, (node.index + 1) << height >= count {
          next.append((parent, sum))
        } else {
          maximal.append((node, sum))
        }
      }
      level = next
    }
    return maximal.sorted { cells(of: $0.node).lowerBound < cells(of: $1.node).lowerBound }
  }
}
