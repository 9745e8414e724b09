import Devices
import Graphs
import Machines
import Testing
import Units

@Suite struct SystolicArrayTimeTests {
  func array(_ size: Int) -> SystolicArray { SystolicArray(rows: size, columns: size, clock: Hertz(1e9)) }

  func time(of work: Work) -> Seconds {
    cost(of: work, on: device(.systolicArray(array(64))), precision: .bfloat16, sizes: float32Sizes).time
  }

  // Utilisations of square arrays of 32, 64, 128, 256 cells a side for the first layer of ResNet (7x7x3 to
  // 64), the first of VGG (3x3x3 to 64), and 3x3x64 to 64, in two digits.
  @Test(arguments: [
    (147, [0.92, 0.77, 0.29, 0.14]), (27, [0.84, 0.42, 0.11, 0.03]), (576, [1, 1, 0.45, 0.19]),
  ]) func earlyLayersSuitASmallArray(reduction: Int, published: [Double]) {
    let found = [32, 64, 128, 256].map { array($0).utilisation(reduction: reduction, columns: 64) }
    #expect(found.map { ($0 * 100).rounded() / 100 } == published)
  }

  // A depthwise 3x3: 9/64 * 1/64 of the cells, less than the vector path's 1/64.
  @Test func depthwiseRunsOnTheVectorPath() {
    #expect(array(64).utilisation(reduction: 9, columns: 1) == 1.0 / 64)
  }

  @Test func aMatrixThatFillsItsTilesUsesEveryCell() {
    #expect(array(64).utilisation(reduction: 128, columns: 192) == 1)
    #expect(array(64).utilisation(reduction: 65, columns: 64) == 65.0 / 128)
  }

  // 1e12 MACs / (64 * 64 * 1e9 * 147/192).
  @Test func timeIsMultiplyAccumulatesOverUsedCells() {
    let contraction = Contraction(streamed: 1, reduction: 147, columns: 64)
    let time = time(of: Work(contraction: contraction, multiplyAccumulates: 1e12))
    #expect(abs(time.value - 1e12 / (4096e9 * 147 / 192)) < 1e-12)
  }

  // Layer tables say no extents: 4096e9 MACs take a second.
  @Test func aTabulatedContractionFillsTheArray() {
    #expect(time(of: Work(multiplyAccumulates: 4096e9)) == Seconds(1))
  }

  // Element-wise work keeps pace with the memory, whose traffic alone is counted: no arithmetic time.
  @Test func elementWiseWorkTakesNoTimeOfItsOwn() {
    #expect(time(of: Work(elementOperations: 128e9)) == .zero)
  }
}
