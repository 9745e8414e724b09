/// A published or reproduced value.
public enum ClaimValue: Hashable, Sendable {
  case number(Double)
  case text(String)
}

/// What came of a claim.
public enum Verdict: String, Hashable, Sendable {
  case holds, misses
  /// No target is claimed; the note says why.
  case context
}

/// One published result beside ours.
public struct Claim: Hashable, Sendable {
  /// Its stable name, such as `fig6.hypar.VGG-A`.
  public let id: String
  /// What is compared.
  public let what: String
  /// Where it was published.
  public let source: String
  /// The published value, nil where nothing was published.
  public let published: ClaimValue?
  /// What the ordinary path gives.
  public let reproduced: ClaimValue
  /// The relative deviation that is accepted; nil for text, which must be equal.
  public let tolerance: Double?
  /// What came of it.
  public let verdict: Verdict
  /// Why there is no target, or what explains a miss.
  public let note: String

  /// Creates a claim.
  public init(
    id: String, what: String, source: String, published: ClaimValue?, reproduced: ClaimValue,
    tolerance: Double?, verdict: Verdict, note: String
  ) {
    self.id = id
    self.what = what
    self.source = source
    self.published = published
    self.reproduced = reproduced
    self.tolerance = tolerance
    self.verdict = verdict
    self.note = note
  }
}

/// Something that had to be chosen because nothing gives it.
public struct Assumption: Hashable, Sendable {
  /// What was assumed.
  public let what: String
  /// The value taken.
  public let value: String
  /// Why this one.
  public let why: String

  /// Creates an assumption.
  public init(what: String, value: String, why: String) {
    self.what = what
    self.value = value
    self.why = why
  }
}

/// A study: the claims of one paper side by side with ours.
public struct StudyResult: Hashable, Sendable {
  /// Its name, such as `hypar`.
  public let study: String
  /// The paper.
  public let source: String
  /// The claims.
  public let claims: [Claim]
  /// What was assumed.
  public let assumptions: [Assumption]

  /// Creates a study's result.
  public init(study: String, source: String, claims: [Claim], assumptions: [Assumption]) {
    self.study = study
    self.source = source
    self.claims = claims
    self.assumptions = assumptions
  }
}
