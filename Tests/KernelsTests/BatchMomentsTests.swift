import Differentiation
import Graphs
import Kernels
import TestSupport
import Testing

// Numbers 1, 2, 6 around an origin of 2: S₁ = 3, S₂ = 17, mean 3, variance (4 + 1 + 9) ∕ 3 = 14 ∕ 3.
@Test func momentsFollowFromShiftedSums() {
  let moments = BatchMoments<Double>(sums: [3, 17], origin: [2], count: 3)
  #expect(moments.mean == [3])
  #expect(abs(moments.variance[0] - 14.0 / 3) < 1e-14)
}

// 0.9 · 1 + 0.1 · 3 = 1.2, and 0.9 · 2 + 0.1 · 4 = 2.2.
@Test func runningStatisticsKeepTheMomentum() {
  let running = BatchMoments<Double>(mean: [3], variance: [4], count: 1)
    .runningStatistics(mean: [1], variance: [2], momentum: 0.9)
  #expect(abs(running.mean[0] - 1.2) < 1e-14)
  #expect(abs(running.variance[0] - 2.2) < 1e-14)
}

// Cells of 1 and 3 numbers: (1 · 2 + 3 · 6) ∕ 4 = 5.
@Test func cellsWeighByTheirNumbers() {
  let cells = [
    BatchMoments<Double>(mean: [2], variance: [0], count: 1),
    BatchMoments<Double>(mean: [6], variance: [4], count: 3),
  ]
  let overall = BatchMoments.overCells(cells)
  #expect(overall.mean == [5])
  #expect(overall.variance == [3])
  #expect(overall.count == 4)
}

/// The libraries whose two-step batch normalisation is compared with the one-step kernel.
private let normalizers: [(library: any KernelLibrary, scalar: KernelScalarType, tolerance: Double)] = [
  (ReferenceKernelLibrary(), .float64, 1e-12)
]

// Expected: the kernel that takes statistics of the whole batch at once, which the gradient checks prove.
// The batch lies in parts of 3 and 2 samples whose sums are added between the steps.
@Test(arguments: normalizers.indices) func batchNormalisationInTwoStepsAndPartsIsTheWhole(
  _ index: Int
) throws {
  let (library, scalar, tolerance) = normalizers[index]
  var random = SplitMix64(seed: 11)
  let normalization = Operator.batchNormalization(BatchNormalization())
  let shape = [5, 3, 2, 4]
  let tensors = [
    Filling.signed.tensor(shape, &random), Filling.signed.tensor([3], &random),
    Filling.signed.tensor([3], &random), Filling.signed.tensor([3], &random),
    Filling.positive.tensor([3], &random),
  ]
  let error = Filling.signed.tensor(shape, &random)
  let whole = try OperatorKernel(normalization, inputs: tensors.map { TensorType(.float32, $0.shape) })
  let expected = whole.forward(tensors)
  let operation = whole.gradient.operations[0]
  let gradients = whole.backward(
    operation,
    [
      .outputError(0): error, .input(0): tensors[0], .input(1): tensors[1],
      .auxiliary(0): expected.auxiliaries[0], .auxiliary(1): expected.auxiliaries[1],
    ])
  var runner = KernelRunner(library: library, scalar: scalar)
  runner.statisticsCount = 5 * 8
  func part(_ tensor: ReferenceTensor<Double>, _ rows: Range<Int>) -> ReferenceTensor<Double> {
    ReferenceTensor(
      [rows.count] + shape[1...], Array(tensor.elements[rows.lowerBound * 24..<rows.upperBound * 24]))
  }
  let parts = [0..<3, 3..<5].map { rows in
    (
      types: [TensorType(.float32, [rows.count, 3, 2, 4])]
        + tensors[1...].map { TensorType(.float32, $0.shape) },
      operands: KernelRunner.Operands(
        inputs: [part(tensors[0], rows)] + tensors[1...].map { $0 }, outputErrors: [part(error, rows)])
    )
  }
  func summed(_ step: KernelRequest.Step, _ all: [KernelRunner.Operands]) throws -> [Double] {
    let sums = try zip(parts, all).map { try runner.run(normalization, step, $0.types, $1).statistics }
    return zip(sums[0], sums[1]).map { $0 + $1 }
  }
  var operands = parts.map(\.operands)
  let forwardSums = try summed(.forwardStatistics, operands)
  let forward = try parts.indices.map { index in
    operands[index].statistics = forwardSums
    return try runner.run(normalization, .forward, parts[index].types, operands[index])
  }
  let output = forward.flatMap { $0.outputs[0].elements }
  #expect(relativeError(output, expected.outputs[0].elements) < tolerance)
  for index in parts.indices {
    operands[index].auxiliaries = forward[index].auxiliaries
    operands[index].statistics = nil
  }
  let backwardSums = try summed(.backwardStatistics(operation), operands)
  let backward = try parts.indices.map { index in
    operands[index].statistics = backwardSums
    return try runner.run(normalization, .backward(operation), parts[index].types, operands[index]).results
  }
  let inputError = backward.flatMap { $0[0].elements }
  #expect(relativeError(inputError, gradients[0].elements) < tolerance)
  for index in 1...2 {
    let sum = zip(backward[0][index].elements, backward[1][index].elements).map { $0 + $1 }
    #expect(relativeError(sum, gradients[index].elements) < tolerance)
  }
}
