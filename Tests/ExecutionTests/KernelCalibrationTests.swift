import Kernels
import Machines
import Testing
import Units

@testable import Execution

@Suite struct KernelCalibrationTests {
  // The reference library has every kernel, and half a second suffices for the smallest points alone.
  @Test func everyKernelHasARateEvenInNoTime() throws {
    let measured = try #require(calibrateKernels(ReferenceKernelLibrary(), seconds: 0.2))
    let kernels = Set(measured.rates.tables.map(\.kernel))
    // Nothing is packed by the reference library, and no table is made for the choice of rows.
    #expect(Set(RatedKernel.allCases).subtracting(kernels) == [.packing, .selection])
    #expect(measured.launch.value > 0 && measured.launch.value < 1e-3)
    #expect(measured.measuredCount > 0 && measured.leftOutCount > 0)
    for table in measured.rates.tables {
      #expect(table.rates.allSatisfy { $0 >= 1 && $0.isFinite }, "\(table.kernel) \(table.phase)")
    }
  }

  @Test func everyTableHasAPointWithinItsLimit() {
    for design in rateDesigns(ChannelBlocks(inputs: 16, outputs: 16)) {
      let amounts = design.grid.compactMap { design.point($0)?.amount }
      #expect(amounts.contains { $0 <= design.limit }, "\(design.kernel) \(design.phase)")
      #expect(design.grid.count == design.axes.reduce(1) { $0 * $1.points.count })
    }
  }

  @Test func largerSumsTakeLonger() throws {
    let bench = try #require(KernelBench(ReferenceKernelLibrary()))
    let (small, large) = (try #require(bench.time(.sum(1 << 10))), try #require(bench.time(.sum(1 << 20))))
    #expect(small > 0 && large > 10 * small)
  }
}
