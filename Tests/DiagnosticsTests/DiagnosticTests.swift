import Diagnostics
import Testing

@Suite struct DiagnosticTests {
  @Test func anErrorOfOneDiagnosticKeepsItsParts() {
    let place = SourceLocation(file: "m.yaml", line: 3, column: 7, part: "links[0]")
    let error = InputError(.badMachine, "no link", at: place, hint: "list one")
    #expect(error == InputError([Diagnostic(.badMachine, "no link", at: place, hint: "list one")]))
    #expect(error.diagnostics.first?.location?.line == 3)
  }
}
