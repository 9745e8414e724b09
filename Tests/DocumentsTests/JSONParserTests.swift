import Diagnostics
import Documents
import Testing

struct JSONParserTests {
  private func parsed(_ text: String) throws -> JSONValue {
    try JSONElement(parsing: Array(text.utf8), file: "a.json").value
  }

  private func fault(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) -> Diagnostic? {
    do {
      _ = try JSONElement(parsing: bytes, file: "a.json", limits: limits)
      return nil
    } catch {
      return error.diagnostics.first
    }
  }

  private func fault(_ text: String) -> Diagnostic? { fault(Array(text.utf8)) }

  @Test func `every kind of value is read`() throws {
    let value = try parsed(
      #" {"a": null, "b": [true, false], "c": -12, "d": 1.5e3, "e": "x", "f": {}, "g": []} "#)
    #expect(
      value
        == [
          "a": .null, "b": [true, false], "c": -12, "d": .double(1500), "e": "x", "f": [:], "g": [],
        ])
  }

  @Test func `whole numbers stay apart from others`() throws {
    #expect(try parsed("1") == .integer(1))
    #expect(try parsed("1.0") == .double(1))
    #expect(try parsed("1e0") == .double(1))
    #expect(try parsed("9223372036854775807") == .integer(.max))
    // An integer has no negative zero.
    #expect(try parsed("-0").compact == "-0.0")
  }

  // RFC 8259, section 7: escapes, and a surrogate pair for U+1D11E.
  @Test func `escapes become their characters`() throws {
    #expect(try parsed(#""\"\\\/\b\f\n\r\t\u00e9\uD834\uDD1E""#) == "\"\\/\u{8}\u{C}\n\r\té\u{1D11E}")
  }

  @Test(
    arguments: [
      ("", 1, 1, "ends where a value"), ("[1,]", 1, 4, "expected a value"), ("[1 2]", 1, 4, "',' or ']'"),
      ("{\"a\": 1,\n  \"a\": 2}", 2, 3, "duplicate key 'a'"), ("{a: 1}", 1, 2, "double quotes"),
      ("{\"a\" 1}", 1, 6, "':'"), ("01", 1, 1, "leading zero"), ("1.", 1, 1, "incomplete"),
      ("-", 1, 1, "incomplete"), ("1e", 1, 1, "incomplete"), ("1e999", 1, 1, "out of range"),
      ("9223372036854775808", 1, 1, "64 bits"), ("nul", 1, 1, "expected a value"), ("NaN", 1, 1, "value"),
      ("\"a", 1, 1, "no end"), ("\"\\x\"", 1, 2, "escape"), ("\"\\u12\"", 1, 2, "four hexadecimal"),
      ("\"\\uD834\"", 1, 2, "surrogate"), ("\"\\uD834\\u0041\"", 1, 2, "surrogate"),
      ("\"\t\"", 1, 2, "control"),
      ("1 2", 1, 3, "after the end"), ("// no\n1", 1, 1, "expected a value"),
      ("['a']", 1, 2, "expected a value"),
      ("\"é\" x", 1, 5, "after the end"), ("\u{FEFF}1", 1, 1, "byte order mark"),
    ])
  func `a fault is named with line and column`(text: String, line: Int, column: Int, message: String) throws {
    let diagnostic = try #require(fault(text))
    #expect(diagnostic.message.contains(message), "\(diagnostic.message)")
    #expect(diagnostic.location == SourceLocation(file: "a.json", line: line, column: column))
    #expect(diagnostic.kind == .badModel)
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    #expect(fault([0x22, 0xFF, 0x22])?.message.contains("UTF-8") == true)
    // An overlong form of "/".
    #expect(fault([0x22, 0xC0, 0xAF, 0x22])?.message.contains("UTF-8") == true)
  }

  @Test func `depth and size are bounded`() {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    #expect(fault(nested(101)) == nil)
    #expect(fault(nested(102))?.message == "more than 100 levels of nesting")
    #expect(fault(nested(1_000_000))?.message == "more than 100 levels of nesting")
    #expect(fault([0x31, 0x32], limits: JSONLimits(bytes: 1))?.message.contains("2 bytes") == true)
  }

  @Test func `a document cut or damaged at any byte is refused or read, never worse`() throws {
    let bytes = Array(#"{"a": [1, -2.5e-3, "é\u00e9"], "b": {"c": true, "d": null}}"#.utf8)
    for end in bytes.indices { #expect(fault(Array(bytes[..<end])) != nil, "cut at \(end)") }
    for index in bytes.indices {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[index] ^= 1 << bit
        guard let element = try? JSONElement(parsing: damaged, file: "a.json") else { continue }
        let again = try JSONElement(parsing: Array(element.value.prettyPrinted.utf8), file: "b.json")
        #expect(again.value == element.value)
      }
    }
  }
}
