public import Diagnostics

extension InputError {
  /// The faults for a terminal, one on each line, as compilers write them: `file:line:column: message
  /// (hint)`.
  public var text: String { diagnostics.map(\.text).joined(separator: "\n") }
}

extension Diagnostic {
  /// The fault on one line.
  public var text: String {
    let place = location.map { "\($0.text): " } ?? ""
    let hint = hint.map { " (\($0))" } ?? ""
    // A name out of an untrusted file must not move the cursor or hide the line.
    return String(
      String.UnicodeScalarView(
        "\(place)\(message)\(hint)".unicodeScalars.map { scalar in
          scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar
        }))
  }
}

extension SourceLocation {
  fileprivate var text: String {
    var text = file
    if let line { text += ":\(line)" }
    if line != nil, let column { text += ":\(column)" }
    if let byteOffset { text += ": byte \(byteOffset)" }
    if let part { text += ": \(part)" }
    return text
  }
}
