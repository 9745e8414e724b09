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

  /// Returns a fraction in per cent with three significant digits, such as `91.3 %`, or that it is tiny.
  static func percent(_ fraction: Double) -> String {
    let percent = 100 * fraction
    if percent != 0, abs(percent) < 0.001 { return "< 0.001 %" }
    return "\(rounded(percent, digits: 3)) %"
  }

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
  ///
  /// Where the names count without a gap, as in `gpu[0]` to `gpu[7]`, it is `gpu[0–7] (8)`.
  static func run(_ names: [String]) -> String {
    guard let first = names.first, let last = names.last, names.count > 1 else { return names.first ?? "" }
    if let from = numbered(first), let to = numbered(last), from.prefix == to.prefix,
      from.suffix == to.suffix, to.number - from.number == names.count - 1
    {
      return "\(from.prefix)\(from.number)–\(to.number)\(from.suffix) (\(names.count))"
    }
    return "\(first) … \(last) (\(names.count))"
  }

  /// The last number in a name and what stands around it; nil where it stands in the middle of a word.
  private static func numbered(_ name: String) -> (prefix: String, number: Int, suffix: String)? {
    guard let end = name.lastIndex(where: { "0"..."9" ~= $0 }) else { return nil }
    let digits = name[...end].reversed().prefix { "0"..."9" ~= $0 }
    let start = name.index(name.startIndex, offsetBy: name[...end].count - digits.count)
    guard let number = Int(name[start...end]), let before = name[..<start].last,
      before == "[" || before == " "
    else { return nil }
    return (String(name[..<start]), number, String(name[name.index(after: end)...]))
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

  /// Returns sentences in which those that say the same of different things are one.
  ///
  /// A machine file may have a dozen numbers of which there is nothing else to say than that they did not
  /// matter.
  static func merged(_ sentences: [String]) -> [String] {
    let mark = " did not influence the result"
    let things = sentences.compactMap { sentence in
      sentence.firstRange(of: mark).map { String(sentence[..<$0.lowerBound]) }
    }
    guard things.count > 1 else { return sentences }
    let others = sentences.filter { $0.firstRange(of: mark) == nil }
    return others + [
      "\(things.count) numbers of the machine did not influence the result (doubled, they change nothing): "
        + things.joined(separator: ", ")
    ]
  }
}
