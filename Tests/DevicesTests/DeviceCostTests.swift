import Devices
import Graphs
import Machines
import Testing
import Units

@Suite struct DeviceCostTests {
  let roofline = Roofline(
    peaks: [.float32: FLOPsPerSecond(1e12)], efficiency: EfficiencyCurve(constant: 0.5), launch: Seconds(5e-6)
  )

  // 5 us + max((2 * 1e9 + 1e8) / (1e12 * 0.5), 4e6 * 4 B / (80e9 * 0.8 B/s)) = 5 us + max(4.2 ms, 0.25 ms).
  @Test func arithmeticDecidesWhereItTakesLonger() {
    let work = Work(multiplyAccumulates: 1e9, elementOperations: 1e8, activationElements: 4_000_000)
    let found = cost(
      of: work, on: device(.processor(roofline), memory(bandwidth: 80e9, efficiency: 0.8)),
      precision: .float32,
      sizes: float32Sizes)
    #expect(abs(found.time.value - (5e-6 + 4.2e-3)) < 1e-15)
    #expect(found.traffic == Bytes(16_000_000))
  }

  // 16 MB / (64e9 B/s) = 0.25 ms; 2 * 1e6 / 0.5e12 = 4 us.
  @Test func memoryDecidesWhereItTakesLonger() {
    let work = Work(multiplyAccumulates: 1e6, activationElements: 4_000_000)
    let found = cost(
      of: work, on: device(.gpu(roofline), memory(bandwidth: 80e9, efficiency: 0.8)), precision: .float32,
      sizes: float32Sizes)
    #expect(abs(found.time.value - (5e-6 + 0.25e-3)) < 1e-15)
  }

  @Test func nothingCostsNothing() {
    for model in [
      ComputeModel.gpu(roofline),
      .systolicArray(SystolicArray(rows: 2, columns: 2, clock: Hertz(1))),
      .rowStationaryArray(RowStationaryArray(peaks: roofline.peaks, efficiency: roofline.efficiency)),
    ] {
      let found = cost(
        of: Work(), on: device(model, memory(energy: JoulesPerByte(1)), energy: JoulesPerOperation(1)),
        precision: .float32, sizes: float32Sizes)
      #expect(found == DeviceCost(time: .zero, arithmeticEnergy: .zero, memoryEnergy: .zero, traffic: .zero))
    }
  }

  // 100 MACs * 4.6 pJ; (3 * 4 + 5 * 4 + 7 * 4 + 11 * 4) B = 104 B * 2 pJ.
  @Test func energyIsThatOfArithmeticAndMemory() throws {
    let work = Work(
      multiplyAccumulates: 100, activationElements: 3, parameterElements: 5, gradientElements: 7,
      stateElements: 11)
    let device = device(
      .gpu(roofline), memory(energy: JoulesPerByte(2e-12)), energy: JoulesPerOperation(4.6e-12))
    let found = cost(of: work, on: device, precision: .float32, sizes: float32Sizes)
    #expect(abs(try #require(found.arithmeticEnergy).value - 460e-12) < 1e-24)
    #expect(abs(try #require(found.memoryEnergy).value - 208e-12) < 1e-24)
  }

  @Test func energyIsUnknownWithoutACoefficient() {
    let work = Work(multiplyAccumulates: 100, activationElements: 3)
    let found = cost(of: work, on: device(.gpu(roofline)), precision: .float32, sizes: float32Sizes)
    #expect(found.arithmeticEnergy == nil)
    #expect(found.memoryEnergy == nil)
  }

  @Test func aPrecisionIsSupportedWhereItHasAPeak() {
    #expect(device(.gpu(roofline)).supports(.float32))
    #expect(!device(.gpu(roofline)).supports(.bfloat16))
    let array = SystolicArray(rows: 4, columns: 4, clock: Hertz(1e9))
    #expect(device(.systolicArray(array)).supports(.bfloat16))
    #expect(!device(.systolicArray(array)).supports(.float64))
  }

  // At bfloat16: 2 B for activations and parameters, 4 B for gradients and state: 3*2 + 5*2 + 7*4 + 11*4 =
  // 88 B.
  @Test func gradientsAndStateKeepFourBytes() {
    let work = Work(activationElements: 3, parameterElements: 5, gradientElements: 7, stateElements: 11)
    #expect(ElementSizes(.bfloat16).traffic(of: work) == Bytes(88))
    #expect(ElementSizes(.float64).traffic(of: work) == Bytes(208))
  }
}
