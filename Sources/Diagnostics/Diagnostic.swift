/// A place in an input: a file, and where known a line, a column, a byte or a named part of it.
public struct SourceLocation: Hashable, Sendable {
  /// The path of the file as the user wrote it, or another name of the input.
  public let file: String
  /// The line, from one.
  public let line: Int?
  /// The column, from one.
  public let column: Int?
  /// The offset in bytes, for binary files.
  public let byteOffset: Int?
  /// The part of the input that is meant, such as a node's name.
  public let part: String?

  /// Creates a location; whatever is unknown stays out.
  public init(
    file: String, line: Int? = nil, column: Int? = nil, byteOffset: Int? = nil, part: String? = nil
  ) {
    self.file = file
    self.line = line
    self.column = column
    self.byteOffset = byteOffset
    self.part = part
  }
}

/// What kind of input a diagnostic speaks of; the command line maps it to an exit code.
public enum DiagnosticKind: String, Hashable, Sendable {
  /// A wrong command line (exit 64).
  case usage
  /// A bad model, plan or data file (exit 65).
  case badModel
  /// A file that is not there (exit 66).
  case missingFile
  /// No plan is feasible (exit 3).
  case infeasible
  /// Reading or writing failed (exit 74).
  case inputOutput
  /// A bad machine description (exit 78).
  case badMachine
}

/// One fault of an input, as data: what, where, and what to do about it.
public struct Diagnostic: Hashable, Sendable {
  /// What kind of input it speaks of.
  public let kind: DiagnosticKind
  /// What is wrong, without its place.
  public let message: String
  /// Where it is.
  public let location: SourceLocation?
  /// What the user can do.
  public let hint: String?

  /// Creates a diagnostic.
  public init(
    _ kind: DiagnosticKind, _ message: String, at location: SourceLocation? = nil, hint: String? = nil
  ) {
    self.kind = kind
    self.message = message
    self.location = location
    self.hint = hint
  }
}

/// Bad input: one or more diagnostics, reported together.
public struct InputError: Error, Hashable, Sendable {
  /// Every fault found, in the order of the input.
  public let diagnostics: [Diagnostic]
  /// Creates an error of several diagnostics.
  public init(_ diagnostics: [Diagnostic]) { self.diagnostics = diagnostics }
  /// Creates an error of one diagnostic.
  public init(
    _ kind: DiagnosticKind, _ message: String, at location: SourceLocation? = nil, hint: String? = nil
  ) {
    self.diagnostics = [Diagnostic(kind, message, at: location, hint: hint)]
  }
}
