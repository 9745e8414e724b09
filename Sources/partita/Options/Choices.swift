public import ArgumentParser
import Diagnostics
import Graphs
public import Machines
import Units
public import Workflows

extension Request.Optimizer: ExpressibleByArgument {}
extension Request.BatchNormalization: ExpressibleByArgument {}
extension Request.Overlap: ExpressibleByArgument {}
extension Request.Reduction: ExpressibleByArgument {}
extension Request.Strategy: ExpressibleByArgument {}
extension Request.Objective: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

/// Reads what one flag holds, and says what would be legal.
enum Reading {
  /// Reads an amount of data such as `64MiB`.
  static func bytes(_ text: String) throws -> Bytes {
    do {
      return try Bytes(parsing: text)
    } catch {
      throw ValidationError(message(error, example: "64MiB"))
    }
  }

  /// Reads a time such as `20ms`.
  static func seconds(_ text: String) throws -> Seconds {
    do {
      return try Seconds(parsing: text)
    } catch {
      throw ValidationError(message(error, example: "20ms"))
    }
  }

  private static func message(_ error: QuantityError, example: String) -> String {
    "\(error.message); write it as in '\(example)', with one of \(error.legalUnits.joined(separator: ", "))"
  }

  /// Reads axes separated by commas.
  static func axes(_ text: String) throws -> [AxisRole] {
    let legal: [AxisRole] = [.batch, .inputChannel, .outputChannel, .group]
    var axes: [AxisRole] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
      guard let axis = legal.first(where: { $0.rawValue == word }) else {
        let words = legal.map(\.rawValue)
        let hint = nearestName(to: word, among: words).map { "; did you mean '\($0)'?" } ?? ""
        throw ValidationError("'\(word)' is none of \(words.joined(separator: ", "))\(hint)")
      }
      guard !axes.contains(axis) else { throw ValidationError("'\(word)' is named twice") }
      axes.append(axis)
    }
    return axes
  }

  /// Reads names of groups of devices separated by commas.
  static func groups(_ text: String) throws -> [String] {
    let names = text.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    for (position, name) in names.enumerated() {
      guard !name.isEmpty else { throw ValidationError("a name is missing in '\(text)'") }
      guard !names[..<position].contains(name) else { throw ValidationError("'\(name)' is named twice") }
    }
    return names
  }

  /// Reads `search`, `none` or the name of a layer.
  static func cut(_ text: String) -> Request.Cut {
    switch text {
    case "search": .search
    case "none": .none
    default: .after(text)
    }
  }

  /// Reads a baseline or a path.
  static func plan(_ text: String) throws -> Request.PlanSource {
    if let baseline = Request.Baseline(words: text) { return .baseline(baseline) }
    // A path has a point or a slash; what has neither was meant as a baseline.
    guard text.contains(".") || text.contains("/") else {
      let words = Request.Baseline.words
      let hint = nearestName(to: text, among: words).map { "; did you mean '\($0)'?" } ?? ""
      throw ValidationError(
        "'\(text)' is none of \(words.joined(separator: ", ")), and no path to a plan file\(hint)")
    }
    return .file(text)
  }

  /// Requires a machine.
  ///
  /// The parser would name a missing option before a misspelt one, and `--machin` could then get no hint.
  static func required(_ machine: String?) throws {
    guard machine == nil else { return }
    throw ValidationError("name a machine: '--machine FILE.yaml', or a name that 'partita machines' lists")
  }

  /// Requires a number above zero.
  static func positive(_ value: Int?, _ flag: String) throws {
    if let value, value < 1 { throw ValidationError("\(flag) must be at least 1, and is \(value)") }
  }
}
