import Diagnostics
import Machines
import Testing

@testable import Workflows

@Suite struct ThisComputerTests {
  // A set of oneDNN's list holds those before it on its line: AVX2 means AVX, and AVX SSE4.1.
  @Test func largerSetsHoldTheSmallerOnes() {
    let sets = ThisComputer.instructionSets
    #expect(sets.contains(.native))
    for (large, small) in [
      (InstructionSet.avx, InstructionSet.sse41), (.avx2, .avx), (.avx512Core, .avx2),
      (.avx512CoreBF16, .avx512Core), (.avx512CoreAMX, .avx512CoreFP16),
    ] where sets.contains(large) { #expect(sets.contains(small), "\(large) without \(small)") }
  }

  @Test func ranksComputeTogetherAsFarAsThereAreProcessors() {
    #expect(ThisComputer.togetherCount(of: 1) == 1)
    let most = ThisComputer.togetherCount(of: 1 << 20)
    #expect(1...ThisComputer.processorCount ~= most)
    #expect(ThisComputer.togetherCount(of: most) == most)
  }

  @Test func aSetThatIsMissingIsNamedWithThoseThatAreThere() {
    let missing = InstructionSet.allCases.filter { !ThisComputer.has($0) }
    for set in missing {
      do {
        try ThisComputer.require([.native, set])
        Issue.record("\(set) was not refused")
      } catch {
        #expect(error.diagnostics[0].kind == .usage && error.diagnostics[0].message.contains(set.rawValue))
        #expect(error.diagnostics[0].hint?.contains("native") == true)
      }
    }
    #expect(throws: Never.self) { try ThisComputer.require(ThisComputer.instructionSets) }
  }
}
