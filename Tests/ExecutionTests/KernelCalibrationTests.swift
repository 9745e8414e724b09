import Kernels
import Machines
import Testing
import Units

@testable import Execution

@Suite struct KernelCalibrationTests {
  // The reference library has every kernel, and a fifth of a second suffices for the smallest points alone.
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

  // Company takes from a rate, but a single measurement may be disturbed either way. Cut off at one, portions
  // of rates of which nothing is taken would be below one on average.
  @Test func ratesInCompanyStandBesideThoseAlone() throws {
    let measured = try #require(calibrateKernels(ReferenceKernelLibrary(), ranks: 2, seconds: 0.5))
    let together = measured.rates.tables.filter { $0.devices == 2 }
    #expect(Set(together.map(\.kernel)) == Set(measured.rates.tables.map(\.kernel)))
    for table in together {
      let alone = try #require(
        measured.rates.table(
          for: table.kernel, table.phase, window: table.window, stride: table.stride, filling: table.filling))
      #expect(table.axes == alone.axes)
      #expect(table.rates.allSatisfy { $0 >= 1 && $0.isFinite }, "\(table.kernel) \(table.phase)")
    }
  }

  // Two arrays of 1024 numbers are 8 KiB; at most 64 parts take turns, and 16 where no footprint is given.
  @Test(arguments: [(nil, 16), (64 << 10, 8), (1 << 30, 64), (1, 1)])
  func partsFillTheFootprint(_ footprint: Int?, _ parts: Int) throws {
    let bench = try #require(KernelBench(ReferenceKernelLibrary()))
    #expect(bench.prepare(.sum(1 << 10), footprint: footprint)?.parts == parts)
  }

  @Test func everyTableHasAPointThatIsMeasuredInCompany() {
    for design in rateDesigns(ChannelBlocks(inputs: 16, outputs: 16)) {
      let places = design.grid.indices.filter(design.isMeasuredInCompany)
      #expect(
        places.contains { (design.point(design.grid[$0])?.amount ?? .infinity) <= design.limit },
        "\(design.kernel) \(design.phase)")
      #expect(design.estimatedSeconds(inCompany: true) > design.estimatedSeconds(inCompany: false))
    }
  }

  // Weights of 4096 × 4096 are read from memory for each row, those of 4096 × 800 from a cache.
  @Test func largeProductsOfFewRowsAreMeasuredInCompany() {
    for design in rateDesigns(ChannelBlocks(inputs: 16, outputs: 16)) where design.kernel == .dense {
      let rows = design.grid.enumerated().filter { $0.element[1] == 4096 && $0.element[2] == 4096 }
      #expect(rows.count == design.axes[0].points.count)
      #expect(rows.allSatisfy { design.isMeasuredInCompany($0.offset) }, "\(design.phase)")
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
