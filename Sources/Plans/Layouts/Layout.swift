public import Graphs

/// Where a tensor stands over the levels of a device group: one ``SplitState`` for each level, from the top.
///
/// Packed into 64 bits, four for each level, so that the search compares and stores layouts cheaply.
@frozen public struct Layout: Hashable, Sendable {
  /// Four bits for each level, the top level in the lowest: 0 replicated, 1 partial, 2 + d sharded along d.
  public let bits: UInt64
  /// The number of levels.
  public let levelCount: Int

  /// The most levels that a layout can describe.
  public static let levelLimit = 16
  /// One more than the highest dimension that a layout can be sharded along.
  public static let dimensionLimit = 14

  /// Creates a layout from its packed form, which must come from ``bits`` of a layout with as many levels.
  @inlinable public init(packed bits: UInt64, levelCount: Int) {
    self.bits = bits
    self.levelCount = levelCount
  }

  /// Creates a layout from the state at each level.
  public init(_ states: [SplitState]) {
    precondition(states.count <= Self.levelLimit, "\(states.count) levels, at most \(Self.levelLimit)")
    var bits: UInt64 = 0
    for (level, state) in states.enumerated() { bits |= Self.code(of: state) << UInt64(4 * level) }
    self.init(packed: bits, levelCount: states.count)
  }

  /// Creates a layout in which each device of `levelCount` levels holds the whole.
  public static func replicated(levelCount: Int) -> Layout { Layout(packed: 0, levelCount: levelCount) }

  /// The state at a level.
  @inlinable public subscript(level: Int) -> SplitState {
    switch (bits >> UInt64(4 * level)) & 15 {
    case 0: .replicated
    case 1: .partial
    case let code: .sharded(Int(code) - 2)
    }
  }

  /// The same layout with another state at one level.
  @inlinable public func with(_ state: SplitState, at level: Int) -> Layout {
    let shift = UInt64(4 * level)
    return Layout(packed: bits & ~(15 << shift) | Self.code(of: state) << shift, levelCount: levelCount)
  }

  /// The states from the top.
  public var states: [SplitState] { (0..<levelCount).map { self[$0] } }
  /// Whether an addend stands anywhere in place of the whole.
  public var isPartial: Bool { (0..<levelCount).contains { self[$0] == .partial } }
  /// The layout after every partial level has been reduced to the whole.
  public var reduced: Layout {
    (0..<levelCount).reduce(self) { $0[$1] == .partial ? $0.with(.replicated, at: $1) : $0 }
  }

  @inlinable static func code(of state: SplitState) -> UInt64 {
    switch state {
    case .replicated: 0
    case .partial: 1
    case .sharded(let dimension): UInt64(2 + dimension)
    }
  }
}

extension Layout: CustomStringConvertible {
  /// The states as `R`, `P` or `S` with the dimension, from the top: `S0·P·R`.
  public var description: String {
    states.map { state in
      switch state {
      case .replicated: "R"
      case .partial: "P"
      case .sharded(let dimension): "S\(dimension)"
      }
    }.joined(separator: "·")
  }
}
