import Diagnostics
import Documents
import Testing

private enum Colour: String, CaseIterable {
  case red, green
}

struct JSONReadingTests {
  private func element(_ text: String) throws -> JSONElement {
    try JSONElement(parsing: Array(text.utf8), file: "plan.json")
  }

  private func diagnostics(_ body: () throws -> Void) -> [Diagnostic] {
    do {
      try body()
      return []
    } catch let error as InputError {
      return error.diagnostics
    } catch {
      return []
    }
  }

  @Test func `fields are read by name`() throws {
    let fields = try element(#"{"name": "conv1", "ways": 2, "rate": 1, "flag": true, "note": null}"#)
      .fields(required: ["name", "ways", "rate"], optional: ["flag", "note", "absent"])
    #expect(try fields["name"].string() == "conv1")
    #expect(try fields["ways"].integer(in: 1...8) == 2)
    #expect(try fields["rate"].number() == 1)
    #expect(try fields.optional("flag")?.bool() == true)
    #expect(fields.optional("note") == nil)
    #expect(fields.optional("absent") == nil)
  }

  @Test func `unknown and missing keys are named all at once, with the nearest legal key`() throws {
    let object = try element("{\n  \"nam\": 1,\n  \"quite-other\": 2\n}")
    let found = diagnostics { _ = try object.fields(required: ["name"], optional: ["axes"]) }
    #expect(
      found.map(\.message) == ["unknown key 'nam'", "unknown key 'quite-other'", "the key 'name' is missing"])
    #expect(found.map(\.hint) == ["did you mean 'name'?", "known here: name, axes", nil])
    #expect(found.map { $0.location?.line } == [2, 3, 1])
    #expect(found.map { $0.location?.column } == [3, 3, 1])
  }

  @Test func `a value of another kind is named with its place`() throws {
    let items = try element(#"["a", 1.5, {}]"#).array()
    #expect(diagnostics { _ = try items[0].number() }.first?.message == "expected a number, found a string")
    #expect(
      diagnostics { _ = try items[1].integer() }.first?.message == "expected an integer, found a number")
    #expect(diagnostics { _ = try items[2].string() }.first?.message == "expected a string, found an object")
    #expect(diagnostics { _ = try items[2].array() }.first?.location?.column == 12)
    #expect(diagnostics { _ = try items[0].members() }.first?.message == "expected an object, found a string")
    #expect(
      diagnostics { _ = try items[0].bool() }.first?.message == "expected true or false, found a string")
  }

  @Test func `an integer out of bounds is refused`() throws {
    let found = diagnostics { _ = try element("9").integer(in: 1...8) }
    #expect(found.first?.message == "9 is not between 1 and 8")
  }

  @Test func `a choice is read, and a misspelt one gets the nearest`() throws {
    #expect(try element(#""green""#).choice(Colour.self) == .green)
    let found = diagnostics { _ = try element(#""gren""#).choice(Colour.self) }
    #expect(found.first?.message == "'gren' is none of red, green")
    #expect(found.first?.hint == "did you mean 'green'?")
  }
}
