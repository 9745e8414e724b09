public import Diagnostics

/// What a JSON text may demand of its reader.
public struct JSONLimits: Hashable, Sendable {
  /// The most bytes of a text.
  public let bytes: Int
  /// The most arrays and objects around a value.
  public let depth: Int

  /// Creates limits; the defaults allow a plan of a few hundred thousand layers.
  public init(bytes: Int = 64 << 20, depth: Int = 100) {
    self.bytes = bytes
    self.depth = depth
  }
}

extension JSONElement {
  /// Reads a JSON text strictly as RFC 8259 has it, without duplicate keys.
  ///
  /// An integer that does not fit 64 bits, a number that overflows, invalid UTF-8, a lone surrogate, and
  /// anything beyond the limits are errors.
  ///
  /// - Throws: ``InputError`` of the given kind, with line and column.
  /// - Complexity: O(bytes).
  public init(
    parsing bytes: [UInt8], file: String, kind: DiagnosticKind = .badModel, limits: JSONLimits = JSONLimits()
  ) throws(InputError) {
    guard bytes.count <= limits.bytes else {
      throw InputError(
        kind, "the file has \(bytes.count) bytes, and at most \(limits.bytes) are read",
        at: SourceLocation(file: file))
    }
    var parser = Parser(bytes: bytes, file: file, kind: kind, limits: limits)
    self = try parser.document()
  }
}

private struct Parser {
  let bytes: [UInt8]
  let file: String
  let kind: DiagnosticKind
  let limits: JSONLimits
  var position = 0
  var line = 1
  var lineStart = 0

  init(bytes: [UInt8], file: String, kind: DiagnosticKind, limits: JSONLimits) {
    self.bytes = bytes
    self.file = file
    self.kind = kind
    self.limits = limits
  }

  mutating func document() throws(InputError) -> JSONElement {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { throw fault("the text begins with a byte order mark") }
    skipSpace()
    let element = try value(depth: 0)
    skipSpace()
    guard position == bytes.count else { throw fault("text after the end of the document") }
    return element
  }

  private mutating func value(depth: Int) throws(InputError) -> JSONElement {
    guard depth <= limits.depth else { throw fault("more than \(limits.depth) levels of nesting") }
    let (line, column) = (line, column(of: position))
    let content: JSONElement.Content
    switch peek {
    case UInt8(ascii: "{"): content = try object(depth: depth)
    case UInt8(ascii: "["): content = try array(depth: depth)
    case UInt8(ascii: "\""): content = .string(try string())
    case UInt8(ascii: "t"): content = try word("true", .bool(true))
    case UInt8(ascii: "f"): content = try word("false", .bool(false))
    case UInt8(ascii: "n"): content = try word("null", .null)
    case UInt8(ascii: "-"): content = try number()
    case nil: throw fault("the text ends where a value should be")
    default:
      guard isDigit(peek) else { throw fault("expected a value") }
      content = try number()
    }
    return JSONElement(content: content, file: file, kind: kind, line: line, column: column)
  }

  private mutating func object(depth: Int) throws(InputError) -> JSONElement.Content {
    position += 1
    var fields: [JSONElement.Field] = []
    var keys: Set<String> = []
    skipSpace()
    if consume("}") { return .object([]) }
    while true {
      let start = (line: line, column: column(of: position), position: position)
      guard peek == UInt8(ascii: "\"") else { throw fault("expected a key in double quotes") }
      let key = try string()
      guard keys.insert(key).inserted else { throw fault("duplicate key '\(key)'", at: start.position) }
      skipSpace()
      guard consume(":") else { throw fault("expected ':' after the key '\(key)'") }
      skipSpace()
      let element = try value(depth: depth + 1)
      fields.append(JSONElement.Field(key: key, line: start.line, column: start.column, value: element))
      skipSpace()
      if consume("}") { return .object(fields) }
      guard consume(",") else { throw fault("expected ',' or '}'") }
      skipSpace()
    }
  }

  private mutating func array(depth: Int) throws(InputError) -> JSONElement.Content {
    position += 1
    var elements: [JSONElement] = []
    skipSpace()
    if consume("]") { return .array([]) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if consume("]") { return .array(elements) }
      guard consume(",") else { throw fault("expected ',' or ']'") }
      skipSpace()
    }
  }

  private mutating func word(
    _ word: String, _ content: JSONElement.Content
  ) throws(InputError) -> JSONElement.Content {
    guard bytes[position...].starts(with: word.utf8) else { throw fault("expected a value") }
    position += word.utf8.count
    return content
  }

  private mutating func number() throws(InputError) -> JSONElement.Content {
    let start = position
    var isInteger = true
    let isNegative = consume("-")
    if consume("0") {
      if isDigit(peek) { throw fault("a number has no leading zero", at: start) }
    } else {
      try digits(from: start)
    }
    if consume(".") {
      isInteger = false
      try digits(from: start)
    }
    if consume("e") || consume("E") {
      isInteger = false
      if !consume("+") { _ = consume("-") }
      try digits(from: start)
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isInteger {
      guard let value = Int(text) else { throw fault("\(text) does not fit 64 bits", at: start) }
      // An integer has no negative zero; keeping the sign needs a double.
      return isNegative && value == 0 ? .double(-0.0) : .integer(value)
    }
    guard let value = Double(text), value.isFinite else { throw fault("\(text) is out of range", at: start) }
    return .double(value)
  }

  private mutating func digits(from start: Int) throws(InputError) {
    guard isDigit(peek) else { throw fault("a number is incomplete", at: start) }
    while isDigit(peek) { position += 1 }
  }

  private mutating func string() throws(InputError) -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw fault("a string is no valid UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"): try escape(into: &text)
      case 0..<0x20: throw fault("a control character in a string must be escaped")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw fault("a string has no end", at: start)
  }

  private mutating func escape(into text: inout [UInt8]) throws(InputError) {
    let start = position
    position += 1
    guard let byte = peek else { throw fault("a string has no end") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var code = try hexadecimal(from: start)
      if (0xD800..<0xDC00).contains(code), consume("\\"), consume("u") {
        let low = try hexadecimal(from: start)
        guard (0xDC00..<0xE000).contains(low) else { throw fault("a surrogate stands alone", at: start) }
        code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw fault("a surrogate stands alone", at: start) }
      text.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw fault("an unknown escape in a string", at: start)
    }
  }

  private mutating func hexadecimal(from start: Int) throws(InputError) -> UInt32 {
    guard position + 4 <= bytes.count,
      bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
    else { throw fault("'\\u' needs four hexadecimal digits", at: start) }
    position += 4
    return code
  }

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private func isDigit(_ byte: UInt8?) -> Bool {
    guard let byte else { return false }
    return (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func consume(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek {
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): position += 1
      case UInt8(ascii: "\n"):
        position += 1
        line += 1
        lineStart = position
      default: return
      }
    }
  }

  /// The column of a place in the current line, in Unicode scalars from one.
  private func column(of place: Int) -> Int {
    1 + bytes[lineStart..<place].count { $0 & 0xC0 != 0x80 }
  }

  private func fault(_ message: String, at place: Int? = nil) -> InputError {
    InputError(
      kind, message, at: SourceLocation(file: file, line: line, column: column(of: place ?? position)))
  }
}
