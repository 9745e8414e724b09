import Results
import Units

/// How numbers and lists are worded in text reports.
enum Wording {
  /// Returns a count with a decimal prefix and up to four significant digits, such as `25.56 M`.
  static func count(_ value: Double) -> String {
    guard value >= 100_000 else {
      return value == value.rounded() ? "\(Int(value))" : rounded(value, digits: 4)
    }
    let prefixes = ["", " k", " M", " G", " T", " P", " E", " Z"]
    var index = 0
    var scaled = value
    while scaled >= 999.95, index < prefixes.count - 1 {
      scaled /= 1000
      index += 1
    }
    return rounded(scaled, digits: 4) + prefixes[index]
  }

  /// Returns a fraction in per cent with three significant digits, such as `91.3 %`.
  static func percent(_ fraction: Double) -> String { "\(rounded(100 * fraction, digits: 3)) %" }

  /// Returns a number with at most so many significant digits, and none after the point that are zero.
  static func rounded(_ value: Double, digits: Int) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    var magnitude = abs(value)
    guard magnitude < 1e9, magnitude >= 1e-4 else { return "\(value)" }
    var decimals = digits - 1
    while magnitude >= 10, decimals > 0 {
      magnitude /= 10
      decimals -= 1
    }
    var leading = abs(value)
    while leading < 1, decimals < 12 {
      leading *= 10
      decimals += 1
    }
    let scale = (0..<decimals).reduce(1) { scale, _ in scale * 10 }
    let units = Int((abs(value) * Double(scale)).rounded())
    var fraction = String(units % scale)
    fraction = String(repeating: "0", count: max(0, decimals - fraction.count)) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    return (value < 0 ? "-" : "") + "\(units / scale)" + (fraction.isEmpty ? "" : ".\(fraction)")
  }

  /// Returns a noun with its number, such as `1 layer` or `3 layers`.
  static func number(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

  /// Returns the name of a run of equal things: its first and last, and how many there are.
  static func run(_ names: [String]) -> String {
    guard let first = names.first, let last = names.last, names.count > 1 else { return names.first ?? "" }
    return "\(first) … \(last) (\(names.count))"
  }

  /// Groups neighbours of which the same is to be said.
  static func runs<Element, Key: Equatable>(
    of elements: [Element], by key: (Element) -> Key
  ) -> [[Element]] {
    var runs: [[Element]] = []
    for element in elements {
      if let last = runs.last?.first, key(last) == key(element) {
        runs[runs.count - 1].append(element)
      } else {
        runs.append([element])
      }
    }
    return runs
  }
}
