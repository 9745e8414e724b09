import Documents
import TestSupport
import Testing

struct JSONPrintingTests {
  @Test func `what fits a line stands on one line`() {
    let value: JSONValue = ["name": "a", "axes": ["batch", "batch"], "empty": [:], "none": []]
    #expect(
      value.prettyPrinted == """
        {
          "name": "a",
          "axes": ["batch", "batch"],
          "empty": {},
          "none": []
        }

        """)
    #expect(value.compact == #"{"name": "a", "axes": ["batch", "batch"], "empty": {}, "none": []}"#)
  }

  @Test func `what does not fit a line is broken, and no line is wider than 100 columns`() {
    let rows = JSONValue.array((0..<30).map { ["row": .integer($0), "values": [1, 2, 3]] })
    let text = JSONValue.object([JSONValue.Member("rows", rows)]).prettyPrinted
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 100 })
    #expect(text.contains("\n    {\"row\": 0, \"values\": [1, 2, 3]},\n"))
    // 100 columns are `{` 1 + 97 of a text with its quotes + `}`; one more must break.
    for length in 85...100 {
      let value: JSONValue = .array([.array([.string(String(repeating: "x", count: length))])])
      for line in value.prettyPrinted.split(separator: "\n") where line.contains("[") {
        #expect(line.count <= 100)
      }
    }
  }

  // The shortest digits that read back to the same double, as the standard library prints them.
  @Test func `doubles have the fewest digits that read back`() {
    #expect(JSONValue.double(0.1).compact == "0.1")
    #expect(JSONValue.double(1e-12).compact == "1e-12")
    #expect(JSONValue.double(4).compact == "4.0")
    #expect(JSONValue.count(4_089_184_256).compact == "4089184256")
    #expect(JSONValue.count(0.5).compact == "0.5")
    #expect(JSONValue.count(1e19).compact == "1e+19")
  }

  @Test func `texts are escaped`() {
    #expect(JSONValue.string("a\"b\\c\n\t\r\u{1}\u{7F}é").compact == #""a\"b\\c\n\t\r\u0001\u007fé""#)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `what is printed reads back equal, and prints equal again`(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let value = Self.value(depth: 4, using: &generator)
    for text in [value.prettyPrinted, value.compact] {
      let again = try JSONElement(parsing: Array(text.utf8), file: "seed \(seed)").value
      #expect(again == value, "seed \(seed)")
      #expect(again.prettyPrinted == value.prettyPrinted, "seed \(seed)")
    }
  }

  private static func value(depth: Int, using generator: inout SplitMix64) -> JSONValue {
    switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &generator))
    case 2: return .integer(Int(truncatingIfNeeded: generator.next()))
    case 3:
      let double = Double(bitPattern: generator.next())
      return .double(double.isFinite ? double : 0.5)
    case 4: return .double(Double.random(in: -1...1, using: &generator))
    case 5:
      let length = Int.random(in: 0..<20, using: &generator)
      return .string(
        String(
          (0..<length).map { _ in
            Character(Unicode.Scalar(UInt32.random(in: 1..<0xD7FF, using: &generator)) ?? "x")
          }))
    case 6:
      return .array(
        (0..<Int.random(in: 0..<6, using: &generator)).map { _ in value(depth: depth - 1, using: &generator) }
      )
    default:
      return .object(
        (0..<Int.random(in: 0..<6, using: &generator)).map { index in
          JSONValue.Member("key \(index)", value(depth: depth - 1, using: &generator))
        })
    }
  }
}
