/// An amount of data, in bytes.
///
/// Stored as an integer, because conservation of bytes is tested exactly.
@frozen public struct Bytes: Hashable, Comparable, Sendable {
  /// The number of bytes.
  public let count: Int
  /// Creates an amount of `count` bytes.
  @inlinable public init(_ count: Int) { self.count = count }
  /// No data.
  @inlinable public static var zero: Bytes { Bytes(0) }
  /// Orders two amounts by size.
  @inlinable public static func < (left: Bytes, right: Bytes) -> Bool { left.count < right.count }
  /// The sum of two amounts.
  @inlinable public static func + (left: Bytes, right: Bytes) -> Bytes { Bytes(left.count + right.count) }
  /// The difference of two amounts.
  @inlinable public static func - (left: Bytes, right: Bytes) -> Bytes { Bytes(left.count - right.count) }
  /// The amount, `factor` times as large.
  @inlinable public static func * (left: Bytes, factor: Int) -> Bytes { Bytes(left.count * factor) }
  /// The amount, `factor` times as large.
  @inlinable public static func * (factor: Int, right: Bytes) -> Bytes { Bytes(factor * right.count) }
  /// Adds `right` to `left`.
  @inlinable public static func += (left: inout Bytes, right: Bytes) { left = left + right }
}
