import Execution
import Kernels
import Machines
import Testing
import Units

@testable import Workflows

@Suite struct CalibrateKindsTests {
  // The file that carries the numbers keeps four digits of them.
  @Test func whatAProcessMeasuredArrivesInFourDigits() throws {
    let library = ReferenceKernelLibrary()
    let sent = try #require(calibrateKernels(library, seconds: 0.2))
    let received = try #require(KernelAnswer(KernelAnswer(sent, library).messages))
    #expect(received.library == library.description && received.instructionSet == nil)
    let kernels = try received.calibration()
    #expect(kernels.measuredCount == sent.measuredCount && kernels.leftOutCount == sent.leftOutCount)
    #expect(abs(kernels.peak.value / sent.peak.value - 1) < 1e-3)
    #expect(abs(kernels.efficiency / sent.efficiency - 1) < 1e-3)
    #expect(abs(kernels.memoryBandwidth.value / sent.memoryBandwidth.value - 1) < 1e-3)
    #expect(kernels.rates.tables.map(\.axes) == sent.rates.tables.map(\.axes))
    for (left, right) in zip(kernels.rates.tables, sent.rates.tables) {
      for (one, other) in zip(left.rates, right.rates) where other > 1e6 {
        #expect(abs(one / other - 1) < 1e-3, "\(left.kernel) \(left.phase)")
      }
    }
  }

  @Test(arguments: [[], ["1", "2"], ["a", "2", "l", "", "f"]]) func halfAnAnswerIsNone(messages: [String]) {
    #expect(KernelAnswer(messages) == nil)
  }

  @Test func noProcessIsStartedForASetThatIsMissing() throws {
    guard let missing = InstructionSet.allCases.first(where: { !ThisComputer.has($0) }) else { return }
    #expect(throws: (any Error).self) {
      try measureKinds(of: [.native, missing], seconds: 1) { _ in
        Issue.record("a process is described")
        return []
      }
    }
  }
}
