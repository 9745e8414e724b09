import Graphs
import Kernels
import TestSupport
import Testing

/// Central differences in Float64 are the second implementation of every gradient.
@Test(arguments: kernelCases)
func gradientsAreThoseOfCentralDifferences(_ test: KernelCase) throws {
  for seed in [1, 2] as [UInt64] { try checkGradients(of: test, seed: seed) }
}

@Test func everyOperatorWithArithmeticIsTested() {
  let tested = Set(kernelCases.map { OperatorName($0.operator) })
  let missing = OperatorName.allCases.filter { !tested.contains($0) }
  // Layers of a layer table have counts and no arithmetic.
  #expect(missing == [.tabulated, .tabulatedLoss])
}

@Test func everyActivationFunctionIsTested() {
  let tested = Set(
    kernelCases.compactMap { test in
      if case .activation(let activation) = test.operator { activation.kind } else { nil as String? }
    })
  // The 17 functions of `Activation.Function`, each with a kind of its own.
  #expect(tested.count == 17)
}

@Test func layersOfALayerTableHaveNoKernel() {
  #expect(throws: ShapeError.self) {
    try OperatorKernel(.tabulatedLoss(TabulatedLoss()), inputs: [TensorType(.float32, [2, 3])])
  }
}

/// One multiplication or addition in float32 has a relative error of 2⁻²⁴; sums here have fewer than 100
/// terms.
@Test(arguments: kernelCases)
func float32AgreesWithFloat64(_ test: KernelCase) throws {
  var random = SplitMix64(seed: 7)
  let kernel = try OperatorKernel(
    test.operator, inputs: test.shapes.map { TensorType(.float32, $0) }, cells: test.cells)
  let exact = zip(test.shapes, test.fillings).map { $1.tensor($0, &random) }
  let rounded = exact.map { ReferenceTensor($0.shape, $0.elements.map { Float($0) }) }
  for (left, right) in zip(kernel.forward(rounded).outputs, kernel.forward(exact).outputs) {
    let error = relativeError(left.elements.map { Double($0) }, right.elements)
    #expect(error <= 1e-5, "\(test.name): relative error \(error)")
  }
}
