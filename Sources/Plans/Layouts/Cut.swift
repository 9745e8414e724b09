import Graphs
public import Machines

/// How large a share of a cut axis each coordinate of a level takes, as whole-number weights.
public struct Shares: Hashable, Sendable {
  /// For each level a weight for each coordinate.
  public let weights: [[Int]]

  /// Creates shares; every level needs a positive sum and no negative weight.
  public init(_ weights: [[Int]]) {
    precondition(
      weights.allSatisfy { level in level.allSatisfy { $0 >= 0 } && level.reduce(0, +) > 0 },
      "shares \(weights) must not be negative and must not all be zero")
    self.weights = weights
  }

  /// Equal shares for the levels of a group.
  public static func equal(_ group: DeviceGroup) -> Shares {
    Shares(group.levels.map { [Int](repeating: 1, count: $0.ways) })
  }

  /// Whether all coordinates of every level take the same share.
  public var isEqual: Bool { weights.allSatisfy { level in level.allSatisfy { $0 == level[0] } } }
}

/// Which part of a cut axis or tensor each device holds.
///
/// An axis of `n` steps falls into one block for each device of the group, numbered by the devices'
/// mixed-radix digits. Level `h` fixes digit `h`: a device whose tensor is sharded along the axis at some
/// levels holds the blocks whose digits at these levels are its own. So the levels commute, and nothing is
/// padded. ``block(_:of:)`` alone says how large the blocks are, and everything else follows from it:
///
/// - with equal shares they differ by at most one step, and what is left over is spread so that the parts of
///   each level, of all upper levels and of nearly every other set of levels differ by at most one as well;
/// - with weights `s` the boundary before block `b` is ⌊n · W(b) ∕ W⌋, where W(b) sums the products of the
///   weights of all earlier blocks;
/// - with a ``CellGrid`` the blocks of an axis whose extent is a multiple of the batch are those of the
///   cells, so that no cell is ever cut.
public struct Cut: Sendable {
  /// The group whose devices hold the parts.
  public let group: DeviceGroup
  /// The shares.
  public let shares: Shares
  /// The cells that the batch may be cut between, nil where it may be cut anywhere.
  public let grid: CellGrid?
  /// Whether all coordinates of every level take the same share.
  public let isEven: Bool
  /// For each level how many devices stand below one coordinate.
  public let strides: [Int]
  /// The ways of each level.
  public let ways: [Int]
  private let cumulativeWeights: [Int]
  private let isGridRegular: Bool
  private let tables = CutTables()

  /// Creates a cut of a group.
  public init(group: DeviceGroup, shares: Shares, grid: CellGrid? = nil) {
    precondition(
      shares.weights.map(\.count) == group.levels.map(\.ways), "shares \(shares.weights) do not fit the group"
    )
    self.group = group
    self.shares = shares
    self.grid = grid
    self.isEven = shares.isEqual
    let strides = group.levels.indices.map { group.stride(of: $0) }
    let ways = group.levels.map(\.ways)
    self.strides = strides
    self.ways = ways
    var cumulative = [0]
    for device in group.devices.indices {
      let weight = ways.indices.reduce(1) { $0 * shares.weights[$1][device / strides[$1] % ways[$1]] }
      cumulative.append(cumulative[device] + weight)
    }
    self.cumulativeWeights = cumulative
    isGridRegular = grid.map { $0.isRegular && $0.count % group.devices.count == 0 } ?? false
  }

  /// The number of devices.
  public var deviceCount: Int { group.devices.count }
  /// The number of levels.
  public var levelCount: Int { group.levels.count }

  /// The coordinate of a device at a level.
  @inlinable public func coordinate(of device: Int, at level: Int) -> Int {
    device / strides[level] % ways[level]
  }

  /// The steps of block `block` of an axis.
  public func block(_ block: Int, of extent: Int) -> Range<Int> {
    if isRegular(extent) {
      let size = extent / deviceCount
      return block * size..<(block + 1) * size
    }
    let numbering = numbering(of: extent)
    let starts = starts(of: numbering)
    let end = numbering.position(starts[block + 1], before: block + 1)
    return numbering.position(starts[block], before: block)..<end
  }

  /// Whether a device holds a block of a dimension.
  public func holds(_ block: Int, of dimension: Int, layout: Layout, device: Int) -> Bool {
    for level in 0..<layout.levelCount where layout[level] == .sharded(dimension) {
      if coordinate(of: block, at: level) != coordinate(of: device, at: level) { return false }
    }
    return true
  }

  /// The steps of a dimension that a device holds.
  public func localExtent(_ extent: Int, dimension: Int, layout: Layout, device: Int) -> Int {
    localExtent(extent, levels: levels(cutting: dimension, layout), device: device)
  }

  /// The steps that a device holds of an axis that a set of levels cuts (``levels(cutting:_:)``).
  public func localExtent(_ extent: Int, levels: UInt64, device: Int) -> Int {
    if levels == 0 { return extent }
    let parts = self.parts(levels)
    if isRegular(extent) { return extent / parts }
    let numbering = numbering(of: extent)
    return numbering.base * (deviceCount / parts)
      + numbering.scale * partSizes(numbering, levels).values[device]
  }

  /// The steps that a device holds of an axis that a set of levels cuts, as ranges that do not touch.
  public func heldRanges(_ extent: Int, levels: UInt64, device: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for block in 0..<deviceCount {
      let isHeld = (0..<levelCount).allSatisfy { level in
        levels & 1 << UInt64(level) == 0
          || coordinate(of: block, at: level) == coordinate(of: device, at: level)
      }
      let steps = self.block(block, of: extent)
      guard isHeld, !steps.isEmpty else { continue }
      if let last = ranges.last, last.upperBound == steps.lowerBound {
        ranges[ranges.count - 1] = last.lowerBound..<steps.upperBound
      } else {
        ranges.append(steps)
      }
    }
    return ranges
  }

  /// The levels at which a layout cuts a dimension, as bits.
  public func levels(cutting dimension: Int, _ layout: Layout) -> UInt64 {
    var levels: UInt64 = 0
    for level in 0..<layout.levelCount where layout[level] == .sharded(dimension) {
      levels |= 1 << UInt64(level)
    }
    return levels
  }

  /// Whether all parts of an axis that a set of levels cuts are equal.
  public func isBalanced(_ extent: Int, levels: UInt64) -> Bool {
    if levels == 0 || isRegular(extent) { return true }
    if isEven, grid == nil, extent % parts(levels) != 0 { return false }
    return partSizes(numbering(of: extent), levels).areEqual
  }

  /// The shape of the part of a tensor that a device holds; partial and replicated levels keep the whole.
  public func localShape(_ shape: [Int], _ layout: Layout, device: Int) -> [Int] {
    // Codes 0 and 1 mean that nothing is cut.
    guard layout.bits & ~0x1111_1111_1111_1111 != 0 else { return shape }
    return shape.indices.map { localExtent(shape[$0], dimension: $0, layout: layout, device: device) }
  }

  /// The elements of a tensor that a device holds.
  public func localElements(_ shape: [Int], _ layout: Layout, device: Int) -> Int {
    var product = 1
    for dimension in shape.indices {
      product *= localExtent(shape[dimension], dimension: dimension, layout: layout, device: device)
    }
    return product
  }

  /// Into how many parts a layout cuts a dimension.
  public func parts(of dimension: Int, _ layout: Layout) -> Int { parts(levels(cutting: dimension, layout)) }

  private func parts(_ levels: UInt64) -> Int {
    var parts = 1
    for level in 0..<levelCount where levels & 1 << UInt64(level) != 0 { parts *= ways[level] }
    return parts
  }

  /// Whether every device holds at least one step of every dimension, as far as its share is not zero.
  public func fits(_ shape: [Int], _ layout: Layout) -> Bool {
    for dimension in shape.indices {
      let levels = self.levels(cutting: dimension, layout)
      if levels == 0 { continue }
      if parts(levels) > shape[dimension] { return false }
      if isRegular(shape[dimension]) { continue }
      for device in 0..<deviceCount where weight(of: device) > 0 {
        if localExtent(shape[dimension], levels: levels, device: device) == 0 { return false }
      }
    }
    return true
  }

  /// The weight of a device: the product of its shares.
  public func weight(of device: Int) -> Int { cumulativeWeights[device + 1] - cumulativeWeights[device] }

  /// Whether two extents, the longer a multiple of the shorter, are cut at the same places on every device.
  func agree(_ shorter: Int, _ longer: Int, levels: UInt64) -> Bool {
    guard shorter > 0, longer % shorter == 0 else { return false }
    let factor = longer / shorter
    return (0..<deviceCount).allSatisfy { device in
      heldRanges(shorter, levels: levels, device: device).map {
        $0.lowerBound * factor..<$0.upperBound * factor
      } == heldRanges(longer, levels: levels, device: device)
    }
  }

  /// Whether all devices hold equal parts of the tensor.
  public func isUniform(_ shape: [Int], _ layout: Layout) -> Bool {
    for dimension in shape.indices
    where !isBalanced(shape[dimension], levels: levels(cutting: dimension, layout)) {
      return false
    }
    return true
  }

  /// The chunk of `count` elements that a coordinate of a level takes, by the level's shares.
  public func chunk(of count: Int, level: Int, coordinate: Int) -> Range<Int> {
    if isEven { return count * coordinate / ways[level]..<count * (coordinate + 1) / ways[level] }
    let weights = shares.weights[level]
    let before = weights[..<coordinate].reduce(0, +)
    let total = weights.reduce(0, +)
    return count * before / total..<count * (before + weights[coordinate]) / total
  }
}

// MARK: Blocks

extension Cut {
  /// How the blocks of an axis follow from a table that many axes share: block `b` begins `base` steps for
  /// each earlier block and `scale` times the table's entry after the axis.
  private struct Numbering {
    /// What the table is of: left-over steps with equal shares, an extent with unequal ones, or the cells.
    let key: Int
    let base: Int
    let scale: Int

    func position(_ entry: Int, before block: Int) -> Int { base * block + scale * entry }
  }

  private static let cells = -1

  /// Whether all blocks of an axis are equal.
  private func isRegular(_ extent: Int) -> Bool {
    guard isEven else { return false }
    return isOnGrid(extent) ? isGridRegular : extent % deviceCount == 0
  }

  /// Whether an axis is cut between cells.
  ///
  /// The extent alone decides, so that all tensors of an operator agree.
  private func isOnGrid(_ extent: Int) -> Bool {
    guard let grid else { return false }
    return extent % grid.samples == 0
  }

  private func numbering(of extent: Int) -> Numbering {
    if let grid, isOnGrid(extent) {
      return Numbering(key: Self.cells, base: 0, scale: extent / grid.samples)
    }
    guard isEven else { return Numbering(key: extent, base: 0, scale: 1) }
    return Numbering(key: extent % deviceCount, base: extent / deviceCount, scale: 1)
  }

  private func starts(of numbering: Numbering) -> [Int] {
    tables.starts(of: numbering.key) {
      guard let grid, numbering.key == Self.cells else { return boundaries(of: numbering.key) }
      return boundaries(of: grid.count).map { grid.firstSample(of: $0) }
    }
  }

  /// The first step of each block, and the end.
  private func boundaries(of extent: Int) -> [Int] {
    if isEven {
      return BalancedBlocks.sizes(of: extent, ways: ways).reduce(into: [0]) {
        $0.append($0[$0.count - 1] + $1)
      }
    }
    let total = cumulativeWeights[cumulativeWeights.count - 1]
    return cumulativeWeights.map { extent * $0 / total }
  }

  private func partSizes(_ numbering: Numbering, _ levels: UInt64) -> CutTables.Parts {
    tables.parts(of: numbering.key, levels: levels) {
      let starts = self.starts(of: numbering)
      var sums = [Int](repeating: 0, count: deviceCount)
      for block in 0..<deviceCount { sums[part(of: block, levels)] += starts[block + 1] - starts[block] }
      return (0..<deviceCount).map { sums[part(of: $0, levels)] }
    }
  }

  /// The number of the part that a device holds, by its digits at the levels.
  private func part(of device: Int, _ levels: UInt64) -> Int {
    var part = 0
    for level in 0..<levelCount where levels & 1 << UInt64(level) != 0 {
      part = part * ways[level] + coordinate(of: device, at: level)
    }
    return part
  }
}
