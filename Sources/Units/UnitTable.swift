/// One legal way to write a quantity's unit, as a scale of the base unit.
struct UnitScale: Hashable, Sendable {
  /// What is written after the number, such as `GB/s`.
  let symbol: String
  /// The power of ten of the scale.
  let decimalExponent: Int
  /// The power of two of the scale: 10 for each binary prefix, −3 for bits.
  let binaryExponent: Int
}

/// The units in which one kind of quantity may be written.
public struct UnitTable: Hashable, Sendable {
  /// Every unit that is read.
  let scales: [UnitScale]
  /// The units that are printed, from the smallest.
  let printed: [UnitScale]

  /// The symbols of every legal unit, for messages.
  public var symbols: [String] { scales.map(\.symbol) }

  /// The scale of a symbol, or nil; both signs for micro are taken as `u`.
  func scale(of symbol: String) -> UnitScale? {
    let plain = String(
      String.UnicodeScalarView(symbol.unicodeScalars.map { $0 == "\u{B5}" || $0 == "\u{3BC}" ? "u" : $0 }))
    return scales.first { $0.symbol == plain }
  }

  private init(_ scales: [UnitScale], printed: [UnitScale]? = nil) {
    self.scales = scales
    self.printed = (printed ?? scales)
  }

  private static func decimal(
    _ base: String, from low: Int, to high: Int, binaryExponent: Int = 0
  ) -> [UnitScale] {
    let prefixes: [(String, Int)] = [
      ("a", -18), ("f", -15), ("p", -12), ("n", -9), ("u", -6), ("m", -3), ("", 0), ("k", 3), ("M", 6),
      ("G", 9), ("T", 12), ("P", 15), ("E", 18), ("Z", 21),
    ]
    return prefixes.filter { low...high ~= $0.1 }.map { prefix, exponent in
      UnitScale(symbol: prefix + base, decimalExponent: exponent, binaryExponent: binaryExponent)
    }
  }

  private static func binary(_ base: String, binaryExponent: Int = 0) -> [UnitScale] {
    ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].enumerated().map { index, prefix in
      UnitScale(
        symbol: prefix + base, decimalExponent: 0, binaryExponent: 10 * (index + 1) + binaryExponent)
    }
  }

  static var seconds: UnitTable { UnitTable(decimal("s", from: -12, to: 0)) }
  static var joules: UnitTable { UnitTable(decimal("J", from: -18, to: 9)) }
  static var floatingPointOperations: UnitTable { UnitTable(decimal("FLOP", from: 0, to: 21)) }
  static var floatingPointRate: UnitTable { UnitTable(decimal("FLOP/s", from: 0, to: 18)) }
  static var hertz: UnitTable { UnitTable(decimal("Hz", from: 0, to: 12)) }
  static var watts: UnitTable { UnitTable(decimal("W", from: -6, to: 6)) }
  static var bytes: UnitTable {
    let (decimal, binary) = (decimal("B", from: 0, to: 18), binary("B"))
    return UnitTable(decimal + binary, printed: [decimal[0]] + binary)
  }
  /// Bits are an eighth of a byte; a transfer (`T/s`) is that of a bus one byte wide.
  static var byteRate: UnitTable {
    let printed = decimal("B/s", from: 0, to: 15)
    return UnitTable(
      printed + binary("B/s") + decimal("b/s", from: 0, to: 15, binaryExponent: -3)
        + binary("b/s", binaryExponent: -3) + decimal("T/s", from: 3, to: 9),
      printed: printed)
  }
  static var joulesPerByte: UnitTable {
    let printed = decimal("J/B", from: -18, to: 0)
    // A joule for each bit is eight for each byte.
    return UnitTable(printed + decimal("J/b", from: -18, to: 0, binaryExponent: 3), printed: printed)
  }
  static var joulesPerOperation: UnitTable {
    let printed = decimal("J/op", from: -18, to: 0)
    return UnitTable(
      printed + decimal("J", from: -18, to: 0) + decimal("J/MAC", from: -18, to: 0), printed: printed)
  }
}
