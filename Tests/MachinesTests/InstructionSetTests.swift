import Machines
import Testing

@Suite struct InstructionSetTests {
  @Test(arguments: InstructionSet.allCases) func aNameIsReadInEitherCaseAndWithUnderscores(
    set: InstructionSet
  ) {
    #expect(InstructionSet(words: set.rawValue) == set)
    #expect(InstructionSet(words: String(set.rawValue.uppercased().map { $0 == "-" ? "_" : $0 })) == set)
  }

  // oneDNN's developer guide: DEFAULT is no limit.
  @Test func oneDNNsWordForNoLimitIsNative() { #expect(InstructionSet(words: "DEFAULT") == .native) }

  @Test(arguments: ["", "sse", "avx3", "AVX 2", "none"]) func otherWordsAreNone(word: String) {
    #expect(InstructionSet(words: word) == nil)
  }
}
