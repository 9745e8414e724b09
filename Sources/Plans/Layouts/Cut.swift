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
/// mixed-radix digits; with weights `s` the boundary before block `b` is ⌊n · W(b) ∕ W⌋, where W(b) sums the
/// products of the weights of all earlier blocks. Level `h` fixes digit `h`: a device whose tensor is sharded
/// along the axis at some levels holds the blocks whose digits at these levels are its own. So the levels
/// commute, and parts are as the shares say up to rounding, without padding.
public struct Cut: Sendable {
  /// The group whose devices hold the parts.
  public let group: DeviceGroup
  /// The shares.
  public let shares: Shares
  /// Whether all coordinates of every level take the same share.
  public let isEven: Bool
  /// For each level how many devices stand below one coordinate.
  public let strides: [Int]
  /// The ways of each level.
  public let ways: [Int]
  private let cumulativeWeights: [Int]

  /// Creates a cut of a group.
  public init(group: DeviceGroup, shares: Shares) {
    precondition(
      shares.weights.map(\.count) == group.levels.map(\.ways), "shares \(shares.weights) do not fit the group"
    )
    self.group = group
    self.shares = shares
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
    let total = cumulativeWeights[cumulativeWeights.count - 1]
    return extent * cumulativeWeights[block] / total..<extent * cumulativeWeights[block + 1] / total
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
    let parts = self.parts(of: dimension, layout)
    if parts == 1 { return extent }
    if isEven, extent % parts == 0 { return extent / parts }
    // Only the digits that the layout leaves free vary.
    var first = 0
    var free: [Int] = []
    for level in 0..<levelCount {
      if layout[level] == .sharded(dimension) {
        first += coordinate(of: device, at: level) * strides[level]
      } else {
        free.append(level)
      }
    }
    var sum = 0
    for combination in 0..<(deviceCount / parts) {
      var block = first
      var rest = combination
      for level in free.reversed() {
        block += rest % ways[level] * strides[level]
        rest /= ways[level]
      }
      sum += self.block(block, of: extent).count
    }
    return sum
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
  public func parts(of dimension: Int, _ layout: Layout) -> Int {
    var parts = 1
    for level in 0..<layout.levelCount where layout[level] == .sharded(dimension) { parts *= ways[level] }
    return parts
  }

  /// Whether every device holds at least one step of every dimension, as far as its share is not zero.
  public func fits(_ shape: [Int], _ layout: Layout) -> Bool {
    for dimension in shape.indices {
      let parts = self.parts(of: dimension, layout)
      if parts == 1 { continue }
      if parts > shape[dimension] { return false }
      if isEven, shape[dimension] % parts == 0 { continue }
      for device in 0..<deviceCount where weight(of: device) > 0 {
        if localExtent(shape[dimension], dimension: dimension, layout: layout, device: device) == 0 {
          return false
        }
      }
    }
    return true
  }

  /// The weight of a device: the product of its shares.
  public func weight(of device: Int) -> Int { cumulativeWeights[device + 1] - cumulativeWeights[device] }

  /// Whether all devices hold equal parts of the tensor.
  public func isUniform(_ shape: [Int], _ layout: Layout) -> Bool {
    for dimension in shape.indices {
      let parts = self.parts(of: dimension, layout)
      if parts > 1, !isEven || shape[dimension] % parts != 0 { return false }
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
