import Kernels
import Machines
import Testing

@testable import Workflows

@Suite struct InstructionSetKernelsTests {
  // The values that oneDNN's developer guide lists for its variable.
  @Test func limitsAreInTheWordsOfOneDNN() {
    #expect(
      [InstructionSet.native, .sse41, .avx2VNNI2, .avx512CoreBF16].map(\.limit)
        == ["DEFAULT", "SSE41", "AVX2_VNNI_2", "AVX512_CORE_BF16"])
  }

  // Each is what the other reads.
  @Test func everyLimitIsReadAsItsSet() {
    for set in InstructionSet.allCases { #expect(InstructionSet(words: set.limit) == set) }
  }

  // Reference kernels and loops of our own are for every processor.
  @Test func withoutOneDNNNoSetIsUsed() {
    #expect(InstructionSet(usedBy: ReferenceKernelLibrary()) == nil)
    #expect(InstructionSet(usedBy: FastKernelLibrary(paths: [])) == nil)
  }
}
