extension Quantity {
  /// The quantity for people: up to four significant digits and a prefixed unit, such as `1.234 ms`.
  public var description: String { Self.units.describe(value) }
}

extension Bytes: CustomStringConvertible {
  /// The amount for people: up to four significant digits and a binary prefix, such as `512 MiB`.
  public var description: String { UnitTable.bytes.describe(Double(count)) }
}

extension SimulatedTime: CustomStringConvertible {
  /// The length for people, as of ``Seconds``.
  public var description: String { seconds.description }
}

extension UnitTable {
  /// Writes `value` base units in the largest printed unit of which there is at least one.
  func describe(_ value: Double) -> String {
    guard let smallest = printed.first, let largest = printed.last, value.isFinite else { return "\(value)" }
    let base = printed.first { $0.decimalExponent == 0 && $0.binaryExponent == 0 } ?? smallest
    guard value != 0 else { return "0 \(base.symbol)" }
    let magnitude = abs(value)
    let sign = value < 0 ? "-" : ""
    // A value that rounds up to the next unit is written there: 999.96 ms is 1 s.
    let unit = printed.last { magnitude / $0.factor >= 0.99995 } ?? smallest
    let scaled = magnitude / unit.factor
    guard scaled >= 0.001, scaled < 1e6 || unit != largest else { return "\(value) \(base.symbol)" }
    return "\(sign)\(fourDigits(scaled)) \(unit.symbol)"
  }
}

extension UnitScale {
  /// How many base units the unit is.
  fileprivate var factor: Double {
    let decimal = decimalExponent < 0 ? 1 / power(-decimalExponent) : power(decimalExponent)
    return Double(sign: .plus, exponent: binaryExponent, significand: decimal)
  }

  private func power(_ exponent: Int) -> Double { (0..<exponent).reduce(1.0) { result, _ in result * 10 } }
}

/// Writes a positive number with up to four significant digits, or as a whole number from 1000 on.
private func fourDigits(_ value: Double) -> String {
  var decimals = 0
  var scale = 1.0
  while decimals < 6, value * scale < 999.95 {
    decimals += 1
    scale *= 10
  }
  let digits = "\(Int((value * scale).rounded()))"
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  var fraction = padded.suffix(decimals)
  while fraction.last == "0" { fraction.removeLast() }
  let whole = padded.dropLast(decimals)
  return fraction.isEmpty ? String(whole) : "\(whole).\(fraction)"
}
