/// A physical quantity held as one `Double` in its base SI unit.
///
/// Conforming types differ only in meaning, so that a bandwidth is never added to a time.
public protocol Quantity: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// The number of base units.
  var value: Double { get }
  /// Creates a quantity of `value` base units.
  init(_ value: Double)
  /// The symbol of the base unit, as in "B/s".
  static var symbol: String { get }
  /// The units in which it is written.
  static var units: UnitTable { get }
}

extension Quantity {
  /// Orders two quantities by size.
  @inlinable public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
  /// The sum of two quantities.
  @inlinable public static func + (left: Self, right: Self) -> Self { Self(left.value + right.value) }
  /// The difference of two quantities.
  @inlinable public static func - (left: Self, right: Self) -> Self { Self(left.value - right.value) }
  /// The quantity, `factor` times as large.
  @inlinable public static func * (left: Self, factor: Double) -> Self { Self(left.value * factor) }
  /// The quantity, `factor` times as large.
  @inlinable public static func * (factor: Double, right: Self) -> Self { Self(factor * right.value) }
  /// The quantity divided by a number.
  @inlinable public static func / (left: Self, divisor: Double) -> Self { Self(left.value / divisor) }
  /// How many times `right` goes into `left`.
  @inlinable public static func / (left: Self, right: Self) -> Double { left.value / right.value }
  /// Adds `right` to `left`.
  @inlinable public static func += (left: inout Self, right: Self) { left = left + right }
  /// Nothing of the quantity.
  @inlinable public static var zero: Self { Self(0) }
}
