import Graphs
import Synchronization

/// Which partial sums over the cells of the batch the devices of a group hold, as they add along the fixed
/// tree.
///
/// A device begins with the maximal subtrees of the cells that it computed itself, of all micro-batches. A
/// level of the group that is summed joins the cells of the devices below one part of the level above; the
/// lowest level comes first, so that before a level is summed a device's cells are those that the batch
/// levels from the top down to it leave.
public final class PartialSums: Sendable {
  /// The cells of the whole batch.
  public let grid: CellGrid
  private let cut: Cut
  private let microBatches: Int
  private let knownNodes = Mutex<[UInt64: [[CellGrid.Node]]]>([:])
  private let knownEfforts = Mutex<[UInt64: [CellStack.Effort]]>([:])

  /// Creates the sums of a group whose cut has the cells of one micro-batch.
  init(grid: CellGrid, cut: Cut, microBatches: Int) {
    self.grid = grid
    self.cut = cut
    self.microBatches = microBatches
  }

  /// The cells that a device computes where some levels split the batch.
  public func cells(of device: Int, batchLevels: [Int]) -> [Range<Int>] {
    guard let own = cut.grid else { return [0..<grid.count] }
    let held = cut.heldRanges(own.samples, levels: Self.levelSet(batchLevels), device: device)
    let cells = own.cells(in: held)
    var all: [Range<Int>] = []
    for microBatch in 0..<microBatches {
      for range in cells {
        let (first, end) = (
          microBatch * own.count + range.lowerBound, microBatch * own.count + range.upperBound
        )
        if let last = all.last, last.upperBound == first {
          all[all.count - 1] = last.lowerBound..<end
        } else {
          all.append(first..<end)
        }
      }
    }
    return all
  }

  /// For each device the sums it holds just before a level is summed, all lower ones having been; of the
  /// lowest level those that it computed itself.
  ///
  /// - Parameters:
  ///   - level: The level that is summed next.
  ///   - batchLevels: The levels that split the batch.
  public func nodes(before level: Int, batchLevels: [Int]) -> [[CellGrid.Node]] {
    let open = batchLevels.filter { $0 <= level }
    let key = Self.levelSet(open)
    return knownNodes.withLock { known in
      if let found = known[key] { return found }
      let nodes = (0..<cut.deviceCount).map {
        grid.maximalSubtrees(of: cells(of: $0, batchLevels: open))
      }
      known[key] = nodes
      return nodes
    }
  }

  /// For each device what it takes to add what its cells contribute to one value, of all micro-batches.
  public func efforts(batchLevels: [Int]) -> [CellStack.Effort] {
    let key = Self.levelSet(batchLevels)
    return knownEfforts.withLock { known in
      if let found = known[key] { return found }
      let efforts = (0..<cut.deviceCount).map { device in
        CellStack.effort(grid, cells: cells(of: device, batchLevels: batchLevels).joined())
      }
      known[key] = efforts
      return efforts
    }
  }

  /// A set of levels, as bits.
  private static func levelSet(_ levels: [Int]) -> UInt64 { levels.reduce(0) { $0 | 1 << UInt64($1) } }

  /// The steps with the partial sums that their reduce-scatters send; those of a sum over the batch, from
  /// which only complete sums are gathered.
  func inFixedTree(_ steps: [ConversionStep], batchLevels: [Int]) -> [ConversionStep] {
    steps.map { step in
      var step = step
      guard step.operation == .reduceScatter else {
        step.addends = [1]
        return step
      }
      let counts = nodes(before: step.level, batchLevels: batchLevels).map(\.count)
      let (stride, ways) = (cut.strides[step.level], cut.ways[step.level])
      let incoming = counts.indices.map { device in
        let first = device - cut.coordinate(of: device, at: step.level) * stride
        return (0..<ways).reduce(-counts[device]) { $0 + counts[first + $1 * stride] }
      }
      let areEqual = counts.allSatisfy { $0 == counts[0] }
      step.addends = areEqual ? [counts[0]] : counts
      step.addendsReceived = areEqual ? [incoming[0]] : incoming
      return step
    }
  }
}
