import Diagnostics
import Testing

@Suite struct NearestNameTests {
  @Test(arguments: [
    ("bandwith", "bandwidth"), ("laten", "latency"), ("latecny", "latency"), ("energie", "energy"),
  ]) func aMisspeltNameFindsItsNeighbour(text: String, expected: String) {
    #expect(nearestName(to: text, among: ["bandwidth", "latency", "energy", "duplex"]) == expected)
  }

  // The distance may be a third of the longer name: 'read' to 'bus' is 4 of 4.
  @Test func aStrangeNameFindsNone() {
    #expect(nearestName(to: "read", among: ["bus", "page"]) == nil)
    #expect(nearestName(to: "anything", among: []) == nil)
    #expect(nearestName(to: "", among: ["channels"]) == nil)
  }

  // One edit is near even in a name of two letters.
  @Test func oneEditIsNear() {
    #expect(nearestName(to: "tp", among: ["to"]) == "to")
    #expect(nearestName(to: "t", among: ["to"]) == "to")
  }

  @Test func theFirstOfEquallyNearNamesIsTaken() {
    #expect(nearestName(to: "pat", among: ["cat", "hat"]) == "cat")
  }

  @Test func aSuggestionAsksOnlyWhereANameIsNear() {
    #expect(suggestion(for: "chanels", among: ["channels"]) == "did you mean 'channels'?")
    #expect(suggestion(for: "clock", among: ["channels"]) == nil)
  }
}
