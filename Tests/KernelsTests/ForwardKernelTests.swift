import Graphs
import Kernels
import Testing

/// The first output of an operator on the numbers 1, 2, 3, … unless given others.
private func output(
  _ operator: Operator, _ shapes: [[Int]], _ numbers: [[Double]] = []
) throws -> ReferenceTensor<Double> {
  let kernel = try OperatorKernel(`operator`, inputs: shapes.map { TensorType(.float64, $0) })
  let inputs = shapes.enumerated().map { index, shape in
    let counted = (0..<shape.reduce(1, *)).map { Double($0 + 1) }
    return ReferenceTensor(shape, index < numbers.count ? numbers[index] : counted)
  }
  return kernel.forward(inputs).outputs[0]
}

private func isNear(_ left: [Double], _ right: [Double]) -> Bool {
  left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) }
}

// Rows 1 2 3 ∕ 4 5 6 ∕ 7 8 9, window 1 2 ∕ 3 4: 1·1 + 2·2 + 4·3 + 5·4 = 37, then 47, 67, 77; bias 1.
@Test func convolutionSumsProductsOverTheWindow() throws {
  let y = try output(.convolution(Convolution()), [[1, 1, 3, 3], [1, 1, 2, 2], [1]])
  #expect(y == ReferenceTensor([1, 1, 2, 2], [38, 48, 68, 78]))
}

// Two groups of one channel and one place: 1·1 = 1 and 2·2 = 4.
@Test func groupsSeeOnlyTheirChannels() throws {
  let y = try output(.convolution(Convolution(groups: 2)), [[1, 2, 1, 1], [2, 1, 1, 1]])
  #expect(y.elements == [1, 4])
}

// Row 1 2 3 4 5, window 1 2 of dilation 2, stride 2, one zero in front: 0·1 + 2·2, 2·1 + 4·2, out of reach.
@Test func dilationStrideAndPaddingPlaceTheWindow() throws {
  let convolution = Convolution(strides: [2], padding: [Padding(begin: 1, end: 0)], dilations: [2])
  #expect(try output(.convolution(convolution), [[1, 1, 5], [1, 1, 2]]).elements == [4, 10])
}

// [1 2] · [1 2 ∕ 3 4]ᵀ = [1·1 + 2·2, 1·3 + 2·4] = [5, 11], plus the bias [1, 2].
@Test func denseMultipliesByTransposedWeights() throws {
  #expect(try output(.dense(Dense()), [[1, 2], [2, 2], [2]]).elements == [6, 13])
}

// [1 2 3] · [1 2 ∕ 3 4 ∕ 5 6] = [22, 28].
@Test func matrixProductContractsTheInnerDimensions() throws {
  let product = MatrixMultiplication(right: .activation)
  #expect(try output(.matrixMultiplication(product), [[1, 3], [3, 2]]).elements == [22, 28])
}

// Row 1 2 3 4 5, windows of 2 by steps of 2: the last has 5 alone.
@Test func ceilModeCountsTheLastPartialWindow() throws {
  func pooling(_ reduction: Pooling.Reduction) -> Operator {
    .pooling(Pooling(reduction, kernel: [2], strides: [2], padding: [Padding(0)], ceilMode: true))
  }
  #expect(try output(pooling(.maximum), [[1, 1, 5]]).elements == [2, 4, 5])
  #expect(try output(pooling(.average(countsPadding: true)), [[1, 1, 5]]).elements == [1.5, 3.5, 5])
}

// Row 1 2 3 with a zero on both sides, windows of 2 by steps of 2: (0, 1) and (2, 3).
@Test func paddingCountsInAMeanOnlyWhereItSaysSo() throws {
  func pooling(_ countsPadding: Bool) -> Operator {
    .pooling(
      Pooling(.average(countsPadding: countsPadding), kernel: [2], strides: [2], padding: [Padding(1)]))
  }
  #expect(try output(pooling(true), [[1, 1, 3]]).elements == [0.5, 2.5])
  #expect(try output(pooling(false), [[1, 1, 3]]).elements == [1, 2.5])
}

// Samples 1 and 3: mean 2, variance 1; with ε = 0 they become −1 and 1, then ·2 + 5. Running mean 0.9·10 +
// 0.1·2.
@Test func batchNormalizationTakesTheBatchStatistics() throws {
  let normalization = Operator.batchNormalization(BatchNormalization(epsilon: 0))
  let y = try output(normalization, [[2, 1], [1], [1], [1], [1]], [[1, 3], [2], [5], [10], [4]])
  #expect(isNear(y.elements, [3, 7]))
  // Frozen: (x − 10) ∕ √4 · 2 + 5.
  let frozen = Operator.batchNormalization(BatchNormalization(epsilon: 0, mode: .frozen))
  #expect(
    isNear(
      try output(frozen, [[2, 1], [1], [1], [1], [1]], [[1, 3], [2], [5], [10], [4]]).elements, [-4, -2]))
}

// Cells {1, 3} and {10, 20} each become −1 and 1.
@Test func cellsHaveStatisticsOfTheirOwn() throws {
  let types = [[4, 1], [1], [1], [1], [1]].map { TensorType(.float64, $0) }
  let kernel = try OperatorKernel(
    .batchNormalization(BatchNormalization(epsilon: 0, mode: .cell)), inputs: types, cells: 2)
  let inputs = [[1, 3, 10, 20], [1], [0], [0], [1]].enumerated().map { ReferenceTensor(types[$0].shape, $1) }
  #expect(isNear(kernel.forward(inputs).outputs[0].elements, [-1, 1, -1, 1]))
}

// Rows 1 3 and 2 2 of mean 2: variances 1 and 0 with ε = 3 give ∓1 ∕ 2 and 0.
@Test func layerNormalizationTakesTheRowsStatistics() throws {
  let normalization = Operator.layerNormalization(LayerNormalization(axis: 1, epsilon: 3))
  let y = try output(normalization, [[2, 2], [2], [2]], [[1, 3, 2, 2], [1, 1], [0, 0]])
  #expect(isNear(y.elements, [-0.5, 0.5, 0, 0]))
}

// Channels 1 2 3, size 2, α = 2, β = 1, bias 1: the window of an even size reaches one channel forward
// (ONNX: from c − ⌊(n − 1) ∕ 2⌋ to c + ⌈(n − 1) ∕ 2⌉), so the sums are 1 + 4, 4 + 9, 9.
@Test func localResponseReachesForwardWithAnEvenSize() throws {
  let normalization = LocalResponseNormalization(size: 2, alpha: 2, beta: 1, bias: 1)
  let y = try output(.localResponseNormalization(normalization), [[1, 3, 1]])
  #expect(isNear(y.elements, [1 / 6.0, 2 / 14.0, 3 / 10.0]))
}

// ln 1, ln 2, ln 3 have exponentials 1, 2, 3 of sum 6; the loss of label 2 is −ln(3 ∕ 6).
@Test func softmaxAndItsCrossEntropyShareTheProbabilities() throws {
  let logits = [0, 0.693147180559945309, 1.09861228866810969]
  let y = try output(.softmax(Softmax(axis: 1)), [[1, 3]], [logits])
  #expect(isNear(y.elements, [1 / 6.0, 2 / 6.0, 3 / 6.0]))
  let loss = try output(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[1, 3], [1]], [logits, [2]])
  #expect(isNear(loss.elements, [0.693147180559945309]))
}

// Logits of a thousand have exponentials beyond every float; equal ones share one half each.
@Test func largeLogitsDoNotOverflow() throws {
  let loss = try output(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[1, 2], [1]], [[1000, 1000], [0]])
  #expect(isNear(loss.elements, [0.693147180559945309]))
}

// Values of the functions' definitions at hand-picked points; erf(0.5) and Φ(1) from tables.
@Test(arguments: [
  (Activation.Function.relu, -2.0, 0.0), (.leakyRelu(alpha: 0.1), -2, -0.2), (.sigmoid, 0, 0.5),
  (.tanh, 0, 0),
  (.gelu, 1, 0.8413447460685429), (.clip(minimum: 0, maximum: 6), 8, 6),
  (.hardSigmoid(alpha: 0.2, beta: 0.5), 1, 0.7),
  (.hardSwish, 1, 2.0 / 3), (.elu(alpha: 2), 1.5, 1.5), (.exponential, 0, 1), (.logarithm, 1, 0),
  (.squareRoot, 9, 3), (.negate, 3, -3), (.absolute, -3, 3), (.reciprocal, 4, 0.25),
  (.errorFunction, 0.5, 0.5204998778130465), (.softplus, 0, 0.693147180559945309),
])
func activationFollowsItsDefinition(_ function: Activation.Function, _ x: Double, _ y: Double) throws {
  #expect(isNear(try output(.activation(Activation(function)), [[1]], [[x]]).elements, [y]))
}

// A 2×3 matrix of 1 … 6 in each rearrangement.
@Test func rearrangementsMoveTheElementsTheyName() throws {
  #expect(try output(.transpose(Transpose([1, 0])), [[2, 3]]).elements == [1, 4, 2, 5, 3, 6])
  #expect(
    try output(.slice(Slice(starts: [-1], ends: [-4], axes: [1], steps: [-2])), [[2, 3]]).elements == [
      3, 1, 6, 4,
    ])
  #expect(
    try output(.pad(Pad([Padding(0), Padding(1)], mode: .reflect)), [[2, 3]]).elements
      == [2, 1, 2, 3, 2, 5, 4, 5, 6, 5])
  #expect(
    try output(.pad(Pad([Padding(0), Padding(begin: 1, end: 0)], mode: .edge)), [[2, 3]]).elements
      == [1, 1, 2, 3, 4, 4, 5, 6])
  #expect(
    try output(.gather(Gather(axis: 1)), [[2, 3], [2]], [[1, 2, 3, 4, 5, 6], [2, -3]]).elements == [
      3, 1, 6, 4,
    ])
  #expect(
    try output(.concatenation(Concatenation(axis: 1)), [[2, 1], [2, 2]]).elements == [1, 1, 2, 2, 3, 4])
  #expect(
    try output(.reduction(Reduction(.mean, axes: [0], keepsDimensions: false)), [[2, 3]]).elements == [
      2.5, 3.5, 4.5,
    ])
  #expect(try output(.embedding(Embedding()), [[2], [2, 3]], [[1, 0]]).elements == [4, 5, 6, 1, 2, 3])
  #expect(try output(.elementwise(Elementwise(.subtract)), [[2, 3], [3]]).elements == [0, 0, 0, 3, 3, 3])
}

// 20 000 independent draws with probability 0.3: the standard deviation of the mean is √(0.3 · 0.7 ∕ 20 000)
// = 0.0032.
@Test func dropoutKeepsItsShareAndTheMean() throws {
  let y = try output(.dropout(Dropout(ratio: 0.3)), [[100, 200]], [[Double](repeating: 7, count: 20_000)])
  let dropped = Double(y.elements.count { $0 == 0 }) / 20_000
  #expect(abs(dropped - 0.3) < 0.015)
  #expect(y.elements.allSatisfy { $0 == 0 || abs($0 - 10) < 1e-12 })
}

@Test func masksDependOnSeedStepStreamSampleAndElementAlone() {
  let base = CounterGenerator(seed: 1, step: 2, stream: 3)
  let number = base.uniform(sample: 4, element: 5)
  #expect(number == CounterGenerator(seed: 1, step: 2, stream: 3).uniform(sample: 4, element: 5))
  let others = [
    CounterGenerator(seed: 9, step: 2, stream: 3).uniform(sample: 4, element: 5),
    CounterGenerator(seed: 1, step: 9, stream: 3).uniform(sample: 4, element: 5),
    CounterGenerator(seed: 1, step: 2, stream: 9).uniform(sample: 4, element: 5),
    base.uniform(sample: 9, element: 5), base.uniform(sample: 4, element: 9),
    base.uniform(sample: 5, element: 4),
  ]
  #expect(others.allSatisfy { $0 != number && $0 >= 0 && $0 < 1 })
}
