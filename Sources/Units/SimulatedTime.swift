/// A length of simulated time, in whole picoseconds.
///
/// Integers make the order of events independent of the order of additions. `Int64` picoseconds last
/// 106 days; ``init(roundingUp:)`` and sums saturate beyond ``longest``, so that no input traps.
@frozen public struct SimulatedTime: Hashable, Comparable, Sendable {
  /// The number of picoseconds.
  public let picoseconds: Int64
  /// Creates a length of `picoseconds` picoseconds.
  @inlinable public init(_ picoseconds: Int64) { self.picoseconds = picoseconds }
  /// Creates the smallest whole number of picoseconds that is not less than `seconds`.
  ///
  /// A product such as 0.3 s · 10¹² that exceeds a whole number by less than one part in 10¹² is taken
  /// as that number, since the excess is the rounding of the product and not time. Lengths beyond
  /// ``longest``, and what is not a number, become ``longest``; negative ones become none.
  @inlinable public init(roundingUp seconds: Seconds) {
    let exact = seconds.value * 1e12
    guard exact < 4e18 else {
      self = SimulatedTime.longest
      return
    }
    guard exact > 0 else {
      self = SimulatedTime.zero
      return
    }
    let nearest = exact.rounded()
    let whole = abs(exact - nearest) <= 1e-12 * nearest ? nearest : exact.rounded(.up)
    self.picoseconds = Int64(whole)
  }
  /// No time.
  @inlinable public static var zero: SimulatedTime { SimulatedTime(0) }
  /// The length to which conversions saturate: 4·10¹⁸ picoseconds, 46 days.
  @inlinable public static var longest: SimulatedTime { SimulatedTime(4_000_000_000_000_000_000) }
  /// The same length in seconds.
  @inlinable public var seconds: Seconds { Seconds(Double(picoseconds) / 1e12) }
  /// Orders two lengths.
  @inlinable public static func < (left: SimulatedTime, right: SimulatedTime) -> Bool {
    left.picoseconds < right.picoseconds
  }
  /// The sum of two lengths, saturating.
  @inlinable public static func + (left: SimulatedTime, right: SimulatedTime) -> SimulatedTime {
    let (sum, overflow) = left.picoseconds.addingReportingOverflow(right.picoseconds)
    return SimulatedTime(overflow ? (left.picoseconds < 0 ? Int64.min : Int64.max) : sum)
  }
  /// The difference of two lengths, saturating.
  @inlinable public static func - (left: SimulatedTime, right: SimulatedTime) -> SimulatedTime {
    let (difference, overflow) = left.picoseconds.subtractingReportingOverflow(right.picoseconds)
    return SimulatedTime(overflow ? (left.picoseconds < 0 ? Int64.min : Int64.max) : difference)
  }
  /// The length, `factor` times as long, saturating.
  @inlinable public static func * (left: SimulatedTime, factor: Int) -> SimulatedTime {
    let (product, overflow) = left.picoseconds.multipliedReportingOverflow(by: Int64(factor))
    return SimulatedTime(
      overflow ? ((left.picoseconds < 0) != (factor < 0) ? Int64.min : Int64.max) : product)
  }
  /// Adds `right` to `left`.
  @inlinable public static func += (left: inout SimulatedTime, right: SimulatedTime) { left = left + right }
}
