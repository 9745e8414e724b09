/// Text that is no quantity of the kind that was asked for.
public struct QuantityError: Error, Hashable, Sendable {
  /// What is wrong with it.
  public enum Problem: Hashable, Sendable {
    /// It does not begin with a number such as `12`, `0.8` or `1e-6`.
    case notANumber
    /// It is a number without a unit.
    case missingUnit
    /// Its unit is not one of the legal ones.
    case unknownUnit(String)
    /// It is below zero.
    case negative
    /// It is too large for a number to hold.
    case tooLarge
    /// It is above zero, and so small that it would become zero.
    case tooSmall
    /// It is no whole number of bytes.
    case notWhole
  }

  /// The text as written.
  public let text: String
  /// What is wrong with it.
  public let problem: Problem
  /// The symbols of the legal units.
  public let legalUnits: [String]

  /// Creates an error.
  public init(text: String, problem: Problem, legalUnits: [String]) {
    self.text = text
    self.problem = problem
    self.legalUnits = legalUnits
  }

  /// What is wrong, as a clause that a diagnostic can show.
  public var message: String {
    switch problem {
    case .notANumber: return "'\(text)' does not begin with a number"
    case .missingUnit: return "'\(text)' has no unit"
    case .unknownUnit(let unit): return "'\(unit)' in '\(text)' is not a legal unit here"
    case .negative: return "'\(text)' is below zero"
    case .tooLarge: return "'\(text)' is too large"
    case .tooSmall: return "'\(text)' is too small"
    case .notWhole: return "'\(text)' is not a whole number of bytes"
    }
  }
}
