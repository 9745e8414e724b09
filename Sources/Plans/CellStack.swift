/// How the contributions of cells are added as they come: the stack of a binary counter.
///
/// Slot 0 holds the first partial sum. A contribution is written to the next free slot; as long as the two
/// uppermost sums are the halves of a node of the grid's tree, the upper one is added to the lower one. So
/// in the end slots 0, 1, … hold the sums of the maximal subtrees of the cells, in order. Without a grid
/// every sum joins slot 0.
public struct CellStack: Hashable, Sendable {
  /// Where a contribution goes, and which sums join after it.
  public struct Step: Hashable, Sendable {
    /// The slot that the contribution is written to.
    public let slot: Int
    /// How often the uppermost sum is then added to the one below it.
    public let joins: Int

    /// The slots whose sums are then added, in this order, into the last of them.
    ///
    /// The slots between need not be written: nobody reads them before they are filled anew.
    public var joined: [Int] { joins == 0 ? [] : (0...joins).map { slot - $0 } }
  }

  /// What it takes to add some contributions.
  public struct Effort: Hashable, Sendable {
    /// How many contributions there are.
    public let contributions: Int
    /// The sums that are made, one after another: how many addends each has.
    public let addends: [Int]
    /// The most slots in use at once.
    public let depth: Int
  }

  private let grid: CellGrid?
  private var nodes: [CellGrid.Node] = []
  /// The most slots in use at once.
  public private(set) var depth = 0
  /// The sums that there are.
  public private(set) var count = 0

  /// Creates a stack for the cells of a grid, or for contributions without one.
  public init(_ grid: CellGrid?) { self.grid = grid }

  /// Adds the contribution of a cell; without a grid the cell's number does not matter.
  public mutating func push(_ cell: Int) -> Step {
    let slot = count
    count += 1
    depth = max(depth, count)
    guard let grid else {
      let joins = count - 1
      count = 1
      return Step(slot: slot, joins: joins)
    }
    nodes.append(CellGrid.Node(height: 0, index: cell))
    var joins = 0
    while true {
      let top = nodes[nodes.count - 1]
      guard top.height < grid.root.height else { break }
      let parent = CellGrid.Node(height: top.height + 1, index: top.index / 2)
      if top.index % 2 == 0 {
        // A left half without a right one is the whole node.
        guard grid.cells(of: parent) == grid.cells(of: top) else { break }
        nodes[nodes.count - 1] = parent
        continue
      }
      guard nodes.count > 1,
        nodes[nodes.count - 2] == CellGrid.Node(height: top.height, index: top.index - 1)
      else { break }
      nodes.removeLast(2)
      nodes.append(parent)
      joins += 1
    }
    count = nodes.count
    return Step(slot: slot, joins: joins)
  }

  /// What it takes to add the contributions of some cells one after another.
  public static func effort(_ grid: CellGrid?, cells: some Sequence<Int>) -> Effort {
    var stack = CellStack(grid)
    let steps = cells.map { stack.push($0) }
    return Effort(
      contributions: steps.count, addends: steps.map(\.joined.count).filter { $0 > 0 }, depth: stack.depth)
  }
}
