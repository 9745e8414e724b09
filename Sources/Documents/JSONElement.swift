public import Diagnostics

/// A value of a JSON text together with its place in the text, for readers that name the line of a fault.
public struct JSONElement: Hashable, Sendable {
  /// What the value is.
  public enum Content: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case double(Double)
    case string(String)
    case array([JSONElement])
    case object([Field])
  }

  /// A key and its value.
  public struct Field: Hashable, Sendable {
    /// The key.
    public let key: String
    /// The line of the key, from one.
    public let line: Int
    /// The column of the key, from one.
    public let column: Int
    /// The value.
    public let value: JSONElement
  }

  /// What the value is.
  public let content: Content
  /// The path of the text as the user wrote it.
  public let file: String
  /// What kind of input the text is, for errors.
  public let kind: DiagnosticKind
  /// The line of the value, from one.
  public let line: Int
  /// The column of the value, from one.
  public let column: Int

  /// The place of the value.
  public var location: SourceLocation { SourceLocation(file: file, line: line, column: column) }

  /// The value without places.
  public var value: JSONValue {
    switch content {
    case .null: .null
    case .bool(let value): .bool(value)
    case .integer(let value): .integer(value)
    case .double(let value): .double(value)
    case .string(let value): .string(value)
    case .array(let elements): .array(elements.map(\.value))
    case .object(let fields): .object(fields.map { JSONValue.Member($0.key, $0.value.value) })
    }
  }

  /// What kind of value this is, in words for errors.
  public var kindDescription: String { value.kindDescription }

  /// Returns an error at the place of this value.
  public func fault(_ message: String, hint: String? = nil) -> InputError {
    InputError(kind, message, at: location, hint: hint)
  }
}
