import Kernels
import Machines
import Testing

@testable import Execution

@Suite struct PaceTests {
  // A moment lasts 30 ms. By its own measure the only moment is a usual one.
  @Test func aSingleMomentIsTheUsualOne() throws {
    let pace = try #require(Pace(ReferenceKernelLibrary()))
    let moment = pace.now()
    #expect(moment == 0)
    for unit in [RateTable.Unit.operations, .bytes] { #expect(pace.slowness(of: unit)(moment...moment) == 1) }
  }

  // The usual time is the median: of two moments their geometric mean, by which both together are usual.
  @Test func slownessIsAgainstTheMedian() throws {
    let pace = try #require(Pace(ReferenceKernelLibrary()))
    let first = pace.now()
    let start = steadySeconds()
    while steadySeconds() - start < 0.04 {}
    let second = pace.now()
    #expect(second == first + 1)
    let slowness = pace.slowness(of: .bytes)
    #expect(abs(slowness(first...first) * slowness(second...second) - 1) < 1e-9)
    #expect(abs(slowness(first...second) - 1) < 1e-9)
  }
}
