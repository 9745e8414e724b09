extension JSONValue {
  /// The columns that a printed line fills at most, unless a single text is longer.
  private static let width = 100

  /// The document on several lines, with a line break at its end.
  ///
  /// Two spaces indent. An array or object stands on one line where it fits; the document itself never does.
  /// Doubles have the fewest digits that read back to the same value. Equal values have equal bytes.
  ///
  /// - Precondition: Every double is finite, since JSON knows no other.
  public var prettyPrinted: String {
    var bytes: [UInt8] = []
    write(to: &bytes, indentation: 0, column: 0, isDocument: true)
    bytes.append(UInt8(ascii: "\n"))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The document on one line, without a line break.
  public var compact: String {
    var bytes: [UInt8] = []
    _ = writeLine(to: &bytes, budget: Int.max)
    return String(decoding: bytes, as: UTF8.self)
  }

  private func write(to bytes: inout [UInt8], indentation: Int, column: Int, isDocument: Bool = false) {
    let start = bytes.count
    if !isDocument || !isFilledContainer {
      // One column stays free for a comma.
      if writeLine(to: &bytes, budget: isFilledContainer ? JSONValue.width - column - 1 : Int.max) { return }
      bytes.removeSubrange(start...)
    }
    switch self {
    case .array(let elements):
      writeLines(elements.count, "[", "]", to: &bytes, indentation: indentation) { index, bytes in
        elements[index].write(to: &bytes, indentation: indentation + 2, column: indentation + 2)
      }
    case .object(let members):
      writeLines(members.count, "{", "}", to: &bytes, indentation: indentation) { index, bytes in
        let lineStart = bytes.count
        JSONValue.write(members[index].key, to: &bytes)
        bytes.append(contentsOf: ": ".utf8)
        let column = indentation + 2 + bytes.count - lineStart
        members[index].value.write(to: &bytes, indentation: indentation + 2, column: column)
      }
    default: preconditionFailure("a scalar always fits its line")
    }
  }

  private var isFilledContainer: Bool {
    switch self {
    case .array(let elements): !elements.isEmpty
    case .object(let members): !members.isEmpty
    default: false
    }
  }

  private func writeLines(
    _ count: Int, _ open: String, _ close: String, to bytes: inout [UInt8], indentation: Int,
    _ write: (Int, inout [UInt8]) -> Void
  ) {
    bytes.append(contentsOf: open.utf8)
    for index in 0..<count {
      bytes.append(UInt8(ascii: "\n"))
      bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation + 2))
      write(index, &bytes)
      if index + 1 < count { bytes.append(UInt8(ascii: ",")) }
    }
    bytes.append(UInt8(ascii: "\n"))
    bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: indentation))
    bytes.append(contentsOf: close.utf8)
  }

  /// Writes the value on one line; returns false, with a part written, where it exceeds the budget.
  private func writeLine(to bytes: inout [UInt8], budget: Int) -> Bool {
    let start = bytes.count
    func rest(_ bytes: [UInt8]) -> Int { budget - (bytes.count - start) }
    switch self {
    case .null: bytes.append(contentsOf: "null".utf8)
    case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): bytes.append(contentsOf: String(value).utf8)
    case .double(let value):
      precondition(value.isFinite, "JSON has no \(value)")
      bytes.append(contentsOf: value.description.utf8)
    case .string(let text): JSONValue.write(text, to: &bytes)
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(contentsOf: ", ".utf8) }
        guard element.writeLine(to: &bytes, budget: rest(bytes)) else { return false }
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in members.enumerated() {
        if index > 0 { bytes.append(contentsOf: ", ".utf8) }
        JSONValue.write(member.key, to: &bytes)
        bytes.append(contentsOf: ": ".utf8)
        guard member.value.writeLine(to: &bytes, budget: rest(bytes)) else { return false }
      }
      bytes.append(UInt8(ascii: "}"))
    }
    return bytes.count - start <= budget
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(contentsOf: [UInt8(ascii: "\\"), byte])
      case 0x0A: bytes.append(contentsOf: "\\n".utf8)
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0x0D: bytes.append(contentsOf: "\\r".utf8)
      case 0..<0x20, 0x7F:
        let digits = String(byte, radix: 16)
        bytes.append(contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
