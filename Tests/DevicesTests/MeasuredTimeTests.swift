import Devices
import Graphs
import Machines
import Testing
import Units

@Suite struct MeasuredTimeTests {
  private func table(
    _ kernel: RatedKernel, _ phase: RatedPhase, _ unit: RateTable.Unit, _ extent: RateExtent,
    _ points: [Int], _ rates: [Double]
  ) -> RateTable {
    RateTable(
      kernel: kernel, phase: phase, unit: unit, axes: [RateTable.Axis(extent, points)], rates: rates)
  }

  private func measured(_ tables: [RateTable]) -> Device {
    device(
      .processor(
        Roofline(
          peaks: [.float32: FLOPsPerSecond(1e12), .float64: FLOPsPerSecond(1e12)],
          efficiency: EfficiencyCurve(constant: 1), launch: Seconds(1e-6), rates: KernelRates(tables))))
  }

  private func time(_ work: Work, on device: Device, _ precision: Precision = .float32) -> Double {
    cost(of: work, on: device, precision: precision, sizes: float32Sizes).time.value
  }

  private func work(_ kind: KernelKind, _ phase: Phase, calls: Int = 1, elements: Int = 1) -> Work {
    var use = KernelUse(kind, phase)
    use.calls = calls
    use.elements = elements
    return Work(multiplyAccumulates: 1e9, activationElements: 1_000_000, kernel: use)
  }

  // 4 launches + 4 MB / (1 GB/s): each of the 4 calls has 250 elements, where the rate is 1 and not 2 GB/s.
  @Test func everyCallHasALaunchAndItsOwnExtents() {
    let device = measured([table(.activation, .forward, .bytes, .elements, [250, 1000], [1e9, 2e9])])
    let found = time(work(.activation, .forward, calls: 4, elements: 1000), on: device)
    #expect(abs(found - (4e-6 + 4e-3)) < 1e-12)
  }

  // Half of 2 · 10⁹ FLOP at 50 GFLOP/s and a launch.
  @Test func operationsOnPaddingTakeNoTime() {
    let device = measured([table(.convolution, .forward, .operations, .samples, [1], [50e9])])
    var work = work(.convolution, .forward)
    work.kernel?.portionComputed = 0.5
    #expect(abs(time(work, on: device) - (1e-6 + 0.02)) < 1e-12)
  }

  // 2 · 10⁹ FLOP in blocks of 16 channels: 20 are computed as 32, at the rate for blocks filled in part.
  @Test func blocksFilledInPartHaveRatesOfTheirOwn() {
    func table(_ filling: RateTable.Filling, _ rate: Double) -> RateTable {
      RateTable(
        kernel: .convolution, phase: .forward, filling: filling, unit: .operations,
        axes: [RateTable.Axis(.inputChannels, [32], block: 16)], rates: [rate])
    }
    let device = measured([table(.whole, 100e9), table(.partial, 64e9)])
    var work = work(.convolution, .forward)
    work.kernel?.inputChannels = 32
    #expect(abs(time(work, on: device) - (1e-6 + 0.02)) < 1e-12)
    work.kernel?.inputChannels = 20
    #expect(abs(time(work, on: device) - (1e-6 + 0.05)) < 1e-12)
  }

  // 2 · 10⁹ FLOP at 50 GFLOP/s and a launch; 10⁶ parameters pass twice at 8 GB/s with a launch of their own.
  @Test func parametersOfAConvolutionArePackedOnce() {
    let device = measured([
      table(.convolution, .forward, .operations, .samples, [1], [50e9]),
      table(.packing, .forward, .bytes, .elements, [1], [8e9]),
    ])
    var work = work(.convolution, .forward)
    work.parameterElements = 1_000_000
    #expect(abs(time(work, on: device) - (1e-6 + 0.04 + 1e-6 + 1e-3)) < 1e-12)
  }

  // 3 launches + 0.04 s; two sums with 5 addends of 4 · 10⁶ B and half a sum with two, since there are two
  // micro-batches. At 12 GB/s, counted as 12 B of an element of two addends, each addend takes half of 1 ms.
  @Test func whatSeveralCallsContributeIsAdded() {
    let device = measured([
      table(.dense, .weightGradient, .operations, .samples, [1], [50e9]),
      table(.sum, .weightGradient, .bytes, .elements, [1], [12e9]),
    ])
    var work = work(.dense, .weightGradient, calls: 3)
    work.gradientElements = 1_000_000
    let (array, passed) = (1_000_000, 3_000_000)
    work.kernel?.sums = [
      KernelSums(elements: array, count: 2, addends: 5, passedElements: passed),
      KernelSums(elements: array, count: 0.5, addends: 1, passedElements: passed),
    ]
    #expect(abs(time(work, on: device) - (3e-6 + 0.04 + 2.5e-6 + 3e-3)) < 1e-12)
  }

  // Sums of 10⁶ elements have the rates of the 16 MB over which they and the calls pass, whatever the step
  // does: two addends of 4 MB, 12 MB at 1 GB/s.
  @Test func sumsHaveAFootprintOfTheirOwn() {
    let device = measured([
      table(.dense, .weightGradient, .operations, .samples, [1], [50e9]),
      table(.sum, .weightGradient, .bytes, .footprint, [1_000_000, 16_000_000], [4e9, 1e9]),
    ])
    var work = work(.dense, .weightGradient)
    work.kernel?.sums = [KernelSums(elements: 1_000_000, count: 1, addends: 2, passedElements: 4_000_000)]
    #expect(abs(time(work, on: device) - (1e-6 + 0.04 + 1e-6 + 12e-3)) < 1e-12)
  }

  // 4 MB at 4 GB/s alone and at 1 GB/s where four devices compute: 1 ms and 4 ms, and 2 ms for two of them.
  @Test func timesAreLinearInTheDevicesThatComputeAtOnce() {
    let tables = [(1, 4e9), (4, 1e9)].map { devices, rate in
      RateTable(
        kernel: .activation, phase: .forward, devices: devices, unit: .bytes,
        axes: [RateTable.Axis(.elements, [1])], rates: [rate])
    }
    let device = measured(tables)
    for (devices, seconds) in [(1, 1e-3), (2, 2e-3), (4, 4e-3), (9, 4e-3)] {
      var work = work(.activation, .forward)
      work.kernel?.devices = devices
      #expect(abs(time(work, on: device) - (1e-6 + seconds)) < 1e-12, "\(devices)")
    }
    // A kernel that was measured in company alone has those rates for one device too.
    #expect(abs(time(work(.activation, .forward), on: measured([tables[1]])) - (1e-6 + 4e-3)) < 1e-12)
  }

  // 10⁶ elements of four bytes lie half way, in logarithms, between 1 and 16 MB: √(4 · 1) = 2 GB/s.
  @Test func ratesDependOnWhatTheStepPassesOver() {
    let device = measured([
      table(.activation, .forward, .bytes, .footprint, [1_000_000, 16_000_000], [4e9, 1e9])
    ])
    var work = work(.activation, .forward)
    work.kernel?.passedElements = 1_000_000
    #expect(abs(time(work, on: device) - (1e-6 + 2e-3)) < 1e-12)
  }

  // Without a table for the kernel, without a kernel, or in another precision: 2 · 10⁹ FLOP at 1 TFLOP/s.
  @Test func whatIsNotMeasuredHasThePeak() {
    let device = measured([table(.dense, .forward, .operations, .samples, [1], [50e9])])
    #expect(abs(time(work(.convolution, .forward), on: device) - (1e-6 + 2e-3)) < 1e-12)
    var plain = work(.dense, .forward)
    #expect(abs(time(plain, on: device, .float64) - (1e-6 + 2e-3)) < 1e-12)
    plain.kernel = nil
    #expect(abs(time(plain, on: device) - (1e-6 + 2e-3)) < 1e-12)
  }

  @Test func everyKernelHasTheNameThatFilesGiveIt() {
    #expect(KernelKind.allCases.map(\.rated) == RatedKernel.allCases)
    for kind in KernelKind.allCases { #expect(String(describing: kind) == String(describing: kind.rated)) }
    for phase in Phase.allCases { #expect(phase.rated.rawValue == phase.rawValue) }
  }
}
