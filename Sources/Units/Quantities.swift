/// An interval of time, in seconds.
@frozen public struct Seconds: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "s" }
  /// The units in which it is written.
  public static var units: UnitTable { .seconds }
}

/// An amount of energy, in joules.
@frozen public struct Joules: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "J" }
  /// The units in which it is written.
  public static var units: UnitTable { .joules }
}

/// A count of floating-point operations; a multiply-accumulate is two.
///
/// Stored as `Double` (exact to 2⁵³), because a large training run exceeds 64-bit integers.
@frozen public struct FLOPs: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "FLOP" }
  /// The units in which it is written.
  public static var units: UnitTable { .floatingPointOperations }
}

/// A rate of data, in bytes each second.
@frozen public struct BytesPerSecond: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "B/s" }
  /// The units in which it is written.
  public static var units: UnitTable { .byteRate }
}

/// A rate of floating-point operations each second.
@frozen public struct FLOPsPerSecond: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "FLOP/s" }
  /// The units in which it is written.
  public static var units: UnitTable { .floatingPointRate }
}

/// A frequency, in cycles each second.
@frozen public struct Hertz: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "Hz" }
  /// The units in which it is written.
  public static var units: UnitTable { .hertz }
}

/// A power, in joules each second.
@frozen public struct Watts: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "W" }
  /// The units in which it is written.
  public static var units: UnitTable { .watts }
}

/// An energy for each byte moved.
@frozen public struct JoulesPerByte: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "J/B" }
  /// The units in which it is written.
  public static var units: UnitTable { .joulesPerByte }
}

/// An energy for each operation of a device, such as a multiply-accumulate.
@frozen public struct JoulesPerOperation: Quantity {
  /// The number of base units.
  public let value: Double
  /// Creates a quantity of `value` base units.
  @inlinable public init(_ value: Double) { self.value = value }
  /// The symbol of the base unit.
  public static var symbol: String { "J/op" }
  /// The units in which it is written.
  public static var units: UnitTable { .joulesPerOperation }
}
