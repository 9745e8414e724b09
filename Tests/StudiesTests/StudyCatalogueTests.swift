import Diagnostics
import Studies
import Testing

@Suite struct StudyCatalogueTests {
  @Test func unknownStudyNamesTheNearestOne() throws {
    let error = #expect(throws: InputError.self) { try study(named: "hyper") }
    // One letter apart.
    #expect(error?.diagnostics.first?.hint?.contains("hypar") == true)
  }

  @Test func everyStudyIsListedOnce() {
    #expect(Set(studyNames).count == studyNames.count)
    #expect(studyNames.first == "hypar")
  }
}
