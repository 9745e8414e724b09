internal import Diagnostics

/// A fault of a model, before the file's name is known.
struct ImportFault: Error {
  /// What is wrong.
  let message: String
  /// The byte of the file at which it was seen.
  let byteOffset: Int?
  /// The node, tensor or attribute that is meant.
  let part: String?
  /// What the user can do.
  let hint: String?
  /// Which kind of failure it is.
  let kind: DiagnosticKind
  /// Whether another reading of the batch dimension could avoid it.
  let isAboutBatch: Bool

  init(
    _ message: String, at byteOffset: Int? = nil, part: String? = nil, hint: String? = nil,
    kind: DiagnosticKind = .badModel, isAboutBatch: Bool = false
  ) {
    self.message = message
    self.byteOffset = byteOffset
    self.part = part.map(shortened)
    self.hint = hint
    self.kind = kind
    self.isAboutBatch = isAboutBatch
  }

  /// Returns the fault with a place where it has none.
  func located(at byteOffset: Int, part: String) -> ImportFault {
    ImportFault(
      message, at: self.byteOffset ?? byteOffset, part: self.part ?? part, hint: hint, kind: kind,
      isAboutBatch: isAboutBatch)
  }

  /// Returns the fault as the typed error of the library.
  func inputError(file: String) -> InputError {
    InputError(
      kind, message, at: SourceLocation(file: file, byteOffset: byteOffset, part: part), hint: hint)
  }
}

/// Returns a name as one printable line of bounded length, since names come from an untrusted file.
func shortened(_ name: String) -> String {
  var result = ""
  for (count, scalar) in name.unicodeScalars.enumerated() {
    if count == 120 { return result + "…" }
    let isPrintable = scalar.value >= 0x20 && !(0x7F...0x9F).contains(scalar.value)
    result.unicodeScalars.append(isPrintable ? scalar : "\u{FFFD}")
  }
  return result
}
