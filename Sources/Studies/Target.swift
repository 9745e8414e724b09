public import Results

/// What makes a reproduced value hold.
public enum Target: Hashable, Sendable {
  /// No target is claimed; the claim is context, and its note says why.
  case none
  /// The value equals the published one.
  case equal
  /// A number deviates from the published one by at most this part of it.
  case within(Double)
  /// A number lies in a published range.
  case inside(ClosedRange<Double>)
}

extension Verdict {
  /// Judges a reproduced value: the one place where verdicts are made.
  ///
  /// - Parameters:
  ///   - reproduced: What the ordinary path gives.
  ///   - published: What was published, nil where nothing was.
  ///   - target: What makes the claim hold.
  public init(on reproduced: ClaimValue, published: ClaimValue?, target: Target) {
    let holds: Bool
    switch target {
    case .none:
      self = .context
      return
    case .equal: holds = reproduced == published
    case .within(let tolerance):
      if case .number(let value) = reproduced, case .number(let other) = published {
        holds = abs(value - other) <= tolerance * abs(other)
      } else {
        holds = false
      }
    case .inside(let range):
      if case .number(let value) = reproduced { holds = range.contains(value) } else { holds = false }
    }
    self = holds ? .holds : .misses
  }
}

/// What a claim says beyond its value, such as where a curve has its maximum.
public struct Condition: Hashable, Sendable {
  /// What is said.
  public let statement: String
  /// Whether it came out so.
  public let isMet: Bool

  /// Creates a condition.
  public init(_ statement: String, isMet: Bool) {
    self.statement = statement
    self.isMet = isMet
  }
}

extension Claim {
  /// Compares a reproduced value with a published one.
  ///
  /// - Parameter condition: What must hold besides; it is told in the note, and if it is not met the claim
  ///   misses.
  public init(
    _ id: String, what: String, source: String, published: ClaimValue?, reproduced: ClaimValue,
    target: Target, note: String = "", condition: Condition? = nil
  ) {
    var result = Verdict(on: reproduced, published: published, target: target)
    var notes = note.isEmpty ? [] : [note]
    if let condition {
      notes.insert((condition.isMet ? "" : "not so: ") + condition.statement, at: 0)
      if !condition.isMet && result == .holds { result = .misses }
    }
    var tolerance: Double?
    if case .within(let deviation) = target { tolerance = deviation }
    self.init(
      id: id, what: what, source: source, published: published, reproduced: reproduced,
      tolerance: tolerance, verdict: result, note: notes.joined(separator: "; "))
  }
}
