public import Graphs
public import Plans

/// The addends that the devices of a group bring into a sum over the batch: maximal nodes of the tree over
/// the cells, in the order of their cells, one behind the other.
public struct CellAddends: Hashable, Sendable {
  /// The cells and their tree.
  public let grid: CellGrid
  /// For each device of the group its nodes.
  public let nodes: [[CellGrid.Node]]

  /// Creates addends.
  public init(grid: CellGrid, nodes: [[CellGrid.Node]]) {
    self.grid = grid
    self.nodes = nodes
  }

  /// What the devices hold after a level is summed.
  public func summed(over level: Int, of cut: Cut) -> CellAddends {
    CellAddends(
      grid: grid,
      nodes: nodes.indices.map { device in
        let first = device - cut.coordinate(of: device, at: level) * cut.strides[level]
        return grid.merge((0..<cut.ways[level]).flatMap { nodes[first + $0 * cut.strides[level]] }).map(
          \.node)
      })
  }
}

extension ExchangeProgram {
  /// A reduce-scatter whose addends are added in a fixed tree.
  ///
  /// Every coordinate holds its addends one behind the other, one for each of its nodes, in the order of
  /// their cells. It sends to each other coordinate that one's part of all of them, adds what it receives
  /// in the tree, and ends with its part of the maximal nodes, one behind the other.
  ///
  /// - Parameters:
  ///   - step: The index of a reduce-scatter of the conversion.
  ///   - conversion: The conversion.
  ///   - device: The index of this device in the group.
  ///   - addends: What the devices of the group hold before the step.
  ///   - elementType: What one element is, float32 or float64.
  public static func fixedTreeStep(
    _ step: Int, of conversion: Conversion, device: Int, addends: CellAddends, elementType: ElementType
  ) -> ExchangeProgram {
    precondition(conversion.steps[step].operation == .reduceScatter, "only sums have a tree")
    let lane = CollectiveLane(step, of: conversion, device: device, algorithm: .direct)
    let laneNodes = lane.members.map { addends.nodes[$0] }
    let own = lane.own
    let length = lane.sources[own].count
    let merged = addends.grid.merge(laneNodes.flatMap { $0 })
    if laneNodes.map(\.count) == [1, 1], merged.count == 1 {
      // Two addends of one element are equal in either order, so that they may be added as they arrive.
      return .reduceScatter(lane, elementType, .kept)
    }
    var builder = ExchangeBuilder(elementType)
    let strips = lane.after.map { lane.sources[own].strips(of: $0) }
    /// Where a coordinate's addends of a part lie in its buffer.
    func places(of part: Int, at coordinate: Int) -> [Holding.Strip] {
      laneNodes[coordinate].indices.flatMap { addend in
        strips[part].map { Holding.Strip(offset: addend * length + $0.offset, count: $0.count) }
      }
    }
    let partCount = lane.after[own].count
    func dense(_ count: Int) -> [Holding.Strip] { [Holding.Strip(offset: 0, count: count)] }
    var outgoing: [ExchangeBuilder.Outgoing] = []
    var incoming: [ExchangeBuilder.Incoming] = []
    // Where the addends of the own part stand, coordinate by coordinate.
    var leaves: [Region] = []
    for other in lane.devices.indices {
      if other == own {
        leaves += laneNodes[own].indices.map { addend in
          Region(
            .before, strips[own].map { .init(offset: addend * length + $0.offset, count: $0.count) })
        }
        continue
      }
      outgoing.append(
        .init(
          peer: lane.devices[other], region: Region(.before, places(of: other, at: own)),
          remote: dense(laneNodes[own].count * lane.after[other].count)))
      let arrived = builder.allocate(laneNodes[other].count * partCount)
      incoming.append(
        .init(peer: lane.devices[other], region: arrived, remote: places(of: own, at: other)))
      let start = arrived.start?.offset ?? 0
      leaves += laneNodes[other].indices.map {
        Region(.scratch, offset: start + $0 * partCount, count: partCount)
      }
    }
    builder.exchange(outgoing, incoming)
    for (index, item) in merged.enumerated() where partCount > 0 {
      builder.add(
        item.sum, leaves, to: Region(.after, offset: index * partCount, count: partCount))
    }
    // The last sum alone writes to the result, element by element.
    let isOneSum = merged.count == 1 && strips[own].count == 1 && !laneNodes[own].isEmpty
    return builder.program(
      beforeCount: laneNodes[own].count * length, afterCount: merged.count * partCount,
      resultOffsetInSource: isOneSum ? strips[own][0].offset : nil)
  }
}

extension ExchangeBuilder {
  /// Writes a sum of a tree to its place.
  mutating func add(_ sum: CellGrid.TreeSum, _ leaves: [Region], to target: Region) {
    switch sum {
    case .given(let leaf):
      copy(from: leaves[leaf], to: target)
      free(leaves[leaf])
    case .halves(let left, let right): addHalves(left, right, leaves, to: target)
    }
  }

  fileprivate mutating func addHalves(
    _ left: CellGrid.TreeSum, _ right: CellGrid.TreeSum, _ leaves: [Region], to target: Region
  ) {
    let addends = [evaluate(left, leaves), evaluate(right, leaves)]
    self.sum(addends, to: target)
    for addend in addends where addend.start != target.start { free(addend) }
  }

  /// The place of a sum, which may be overwritten if it is scratch.
  mutating func evaluate(_ sum: CellGrid.TreeSum, _ leaves: [Region]) -> Region {
    switch sum {
    case .given(let leaf):
      guard leaves[leaf].start == nil else { return leaves[leaf] }
      let packed = allocate(leaves[leaf].count)
      copy(from: leaves[leaf], to: packed)
      return packed
    case .halves(let left, let right):
      let addends = [evaluate(left, leaves), evaluate(right, leaves)]
      let target = addends.first { $0.buffer == .scratch } ?? allocate(addends[0].count)
      self.sum(addends, to: target)
      for addend in addends where addend.start != target.start { free(addend) }
      return target
    }
  }
}
