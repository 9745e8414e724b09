public import Diagnostics

/// The fields of an object whose keys have all been checked.
public struct JSONFields: Hashable, Sendable {
  /// The object.
  public let element: JSONElement
  private let values: [String: JSONElement]
  private let required: [String]

  fileprivate init(element: JSONElement, values: [String: JSONElement], required: [String]) {
    self.element = element
    self.values = values
    self.required = required
  }

  /// The value of a key that ``JSONElement/fields(required:optional:)`` was told to require.
  public subscript(key: String) -> JSONElement {
    guard let value = values[key] else {
      preconditionFailure("'\(key)' is read but not among the required keys \(required)")
    }
    return value
  }

  /// Returns the value of an optional key; nil where it is absent or null.
  public func optional(_ key: String) -> JSONElement? {
    guard let value = values[key], value.content != .null else { return nil }
    return value
  }
}

extension JSONElement {
  /// Returns the fields of an object that has every required key and no unknown one.
  ///
  /// ```swift
  /// let fields = try element.fields(required: ["name", "axes"], optional: ["shares"])
  /// let name = try fields["name"].string()
  /// ```
  ///
  /// - Throws: ``InputError`` that lists every unknown key, with the nearest legal one, and every missing
  ///   one.
  public func fields(required: [String], optional: [String] = []) throws(InputError) -> JSONFields {
    guard case .object(let fields) = content else { throw expected("an object") }
    let legal = required + optional
    var diagnostics: [Diagnostic] = []
    for field in fields where !legal.contains(field.key) {
      let place = SourceLocation(file: file, line: field.line, column: field.column)
      let hint =
        nearestName(to: field.key, among: legal).map { "did you mean '\($0)'?" }
        ?? "known here: \(legal.joined(separator: ", "))"
      diagnostics.append(Diagnostic(kind, "unknown key '\(field.key)'", at: place, hint: hint))
    }
    let present = Dictionary(uniqueKeysWithValues: fields.map { ($0.key, $0.value) })
    for key in required where present[key] == nil {
      diagnostics.append(Diagnostic(kind, "the key '\(key)' is missing", at: location))
    }
    guard diagnostics.isEmpty else { throw InputError(diagnostics) }
    return JSONFields(element: self, values: present, required: required)
  }

  /// Returns the elements of an array.
  public func array() throws(InputError) -> [JSONElement] {
    guard case .array(let elements) = content else { throw expected("an array") }
    return elements
  }

  /// Returns the members of an object whose keys are names that the reader does not know beforehand.
  public func members() throws(InputError) -> [Field] {
    guard case .object(let fields) = content else { throw expected("an object") }
    return fields
  }

  /// Returns a text.
  public func string() throws(InputError) -> String {
    guard case .string(let text) = content else { throw expected("a string") }
    return text
  }

  /// Returns a truth value.
  public func bool() throws(InputError) -> Bool {
    guard case .bool(let value) = content else { throw expected("true or false") }
    return value
  }

  /// Returns an integer within bounds.
  public func integer(in bounds: ClosedRange<Int> = Int.min...Int.max) throws(InputError) -> Int {
    guard case .integer(let value) = content else { throw expected("an integer") }
    guard bounds.contains(value) else {
      throw fault("\(value) is not between \(bounds.lowerBound) and \(bounds.upperBound)")
    }
    return value
  }

  /// Returns a number, whole or not.
  public func number() throws(InputError) -> Double {
    switch content {
    case .integer(let value): return Double(value)
    case .double(let value): return value
    default: throw expected("a number")
    }
  }

  /// Returns the case of an enumeration that a text names.
  ///
  /// - Throws: ``InputError`` for another text, with the nearest legal one.
  public func choice<Choice>(_ type: Choice.Type) throws(InputError) -> Choice
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    let text = try string()
    if let choice = Choice(rawValue: text) { return choice }
    let legal = Choice.allCases.map(\.rawValue)
    throw fault(
      "'\(text)' is none of \(legal.joined(separator: ", "))",
      hint: nearestName(to: text, among: legal).map { "did you mean '\($0)'?" })
  }

  private func expected(_ what: String) -> InputError {
    fault("expected \(what), found \(kindDescription)")
  }
}
