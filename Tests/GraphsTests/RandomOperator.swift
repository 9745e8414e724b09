import Graphs
import TestSupport

/// An operator with inputs that fit it.
struct OperatorCase: CustomStringConvertible {
  let `operator`: Operator
  let inputs: [TensorType]
  let outputs: [TensorType]

  init(_ operator: Operator, _ shapes: [[Int]]) throws {
    self.operator = `operator`
    inputs = shapes.map { TensorType(.float32, $0) }
    outputs = try `operator`.rules.outputTypes(inputs: inputs)
  }

  var description: String { "\(`operator`) of \(inputs.map(\.shape)) gives \(outputs.map(\.shape))" }
  var space: IterationSpace { `operator`.rules.iterationSpace(inputs: inputs, outputs: outputs) }
  /// The rules that a single level may follow.
  var rules: [SplitRule] {
    `operator`.rules.splitRules(inputs: inputs, outputs: outputs).filter { $0.inside == nil }
  }
  var gradient: GradientRule { `operator`.rules.gradient(inputs: inputs, outputs: outputs) }
  func work(_ phase: Phase) -> Work { `operator`.rules.work(phase, inputs: inputs, outputs: outputs) }
}

extension OperatorCase {
  /// One small instance of each kind of operator; batch and channels are at least two.
  static func all(_ random: inout SplitMix64) throws -> [OperatorCase] {
    try weighted(&random) + pointwise(&random) + moving(&random) + losses(&random)
  }

  private static func weighted(_ random: inout SplitMix64) throws -> [OperatorCase] {
    let n = random.number(2...6)
    let c = random.number(2...6)
    let k = random.number(2...6)
    let groups = random.number(2...4)
    let extent = random.number(5...9)
    let kernel = random.number(1...3)
    let stride = random.number(1...2)
    let convolution = Convolution(stride: stride, padding: 1)
    let grouped = Convolution(stride: stride, padding: 1, groups: groups)
    let tabulated = Tabulated(
      .dense, inputElements: c, outputElements: k, weightElements: c * k,
      forwardMultiplyAccumulates: Double(c * k), errorMultiplyAccumulates: Double(2 * c * k),
      weightGradientMultiplyAccumulates: Double(3 * c * k))
    return [
      try OperatorCase(.convolution(convolution), [[n, c, extent, extent], [k, c, kernel, kernel]]),
      try OperatorCase(.convolution(convolution), [[n, c, extent, extent], [k, c, kernel, kernel], [k]]),
      try OperatorCase(
        .convolution(grouped),
        [[n, groups * c, extent, extent], [groups * k, c, kernel, kernel], [groups * k]]),
      try OperatorCase(
        .convolution(Convolution(stride: stride, padding: 1, groups: groups)),
        [[n, groups, extent, extent], [groups, 1, kernel, kernel]]),
      try OperatorCase(
        .convolution(Convolution(strides: [1], padding: [Padding(1)], dilations: [2])),
        [[n, c, extent], [k, c, kernel]]),
      try OperatorCase(.dense(Dense()), [[n, c], [k, c], [k]]),
      try OperatorCase(
        .dense(Dense(transposeInput: true, transposeWeight: false)), [[c, n], [c, k], [1, k]]),
      try OperatorCase(.matrixMultiplication(.init(right: .parameter)), [[n, extent, c], [c, k]]),
      try OperatorCase(
        .matrixMultiplication(.init(right: .activation)), [[n, 2, extent, c], [n, 2, c, k]]),
      try OperatorCase(.matrixMultiplication(.init(right: .activation)), [[n, 2, extent, c], [c, k]]),
      try OperatorCase(.embedding(Embedding()), [[n, extent], [c, k]]),
      try OperatorCase(.tabulated(tabulated), [[n, c], [c * k]]),
    ]
  }

  private static func pointwise(_ random: inout SplitMix64) throws -> [OperatorCase] {
    let n = random.number(2...6)
    let c = random.number(2...6)
    let extent = random.number(4...7)
    let spatial = [n, c, extent, extent]
    let sequence = [n, extent, c]
    let functions: [Activation.Function] = [
      .relu, .leakyRelu(alpha: 0.1), .sigmoid, .tanh, .gelu, .clip(minimum: 0, maximum: 6),
      .hardSigmoid(alpha: 0.2, beta: 0.5), .hardSwish, .elu(alpha: 1), .exponential, .logarithm, .squareRoot,
      .negate, .absolute, .reciprocal, .errorFunction, .softplus,
    ]
    var cases = try functions.map { try OperatorCase(.activation(Activation($0)), [spatial]) }
    for function in Elementwise.Function.allCases {
      cases.append(try OperatorCase(.elementwise(Elementwise(function)), [spatial, spatial]))
      cases.append(try OperatorCase(.elementwise(Elementwise(function)), [spatial, [n, c, 1, 1]]))
      cases.append(
        try OperatorCase(.elementwise(Elementwise(function, right: .parameter)), [sequence, [c]]))
    }
    for mode in [BatchNormalization.Mode.full, .cell, .frozen] {
      cases.append(
        try OperatorCase(
          .batchNormalization(BatchNormalization(mode: mode)), [spatial] + Array(repeating: [c], count: 4)))
    }
    return try cases + [
      OperatorCase(.layerNormalization(LayerNormalization(axis: 2)), [sequence, [c], [c]]),
      OperatorCase(.softmax(Softmax(axis: 1)), [[n, c]]),
      OperatorCase(.softmax(Softmax(axis: 3, isLogarithmic: true)), [spatial]),
      OperatorCase(.dropout(Dropout(ratio: 0.5)), [sequence]),
      OperatorCase(.localResponseNormalization(LocalResponseNormalization(size: 5)), [spatial]),
      OperatorCase(.scaleByConstant(ScaleByConstant(factor: 3)), [spatial]),
      OperatorCase(.fork(Fork()), [spatial]),
    ]
  }

  private static func moving(_ random: inout SplitMix64) throws -> [OperatorCase] {
    let n = random.number(2...6)
    let c = random.number(2...6)
    let extent = random.number(4...7)
    let spatial = [n, c, extent, extent]
    let permutation = [0] + [1, 2, 3].shuffled(using: &random)
    return try [
      OperatorCase(.pooling(Pooling(.maximum, kernel: 3, stride: 2, padding: 1)), [spatial]),
      OperatorCase(
        .pooling(Pooling(.average(countsPadding: false), kernel: 2, stride: 2, ceilMode: true)), [spatial]),
      OperatorCase(.globalPooling(GlobalPooling(.average)), [spatial]),
      OperatorCase(.globalPooling(GlobalPooling(.maximum)), [spatial]),
      OperatorCase(.concatenation(Concatenation(axis: 1)), [spatial, [n, 3, extent, extent], spatial]),
      OperatorCase(.split(Split(axis: 1, sizes: [1, c - 1])), [spatial]),
      OperatorCase(.slice(Slice(starts: [-1], ends: [.min], axes: [2], steps: [-2])), [spatial]),
      OperatorCase(.pad(Pad([Padding(0), Padding(0), Padding(1), Padding(begin: 0, end: 2)])), [spatial]),
      OperatorCase(.transpose(Transpose(permutation)), [spatial]),
      OperatorCase(
        .reshape(Reshape(from: spatial, to: [n, c * extent * extent])), [spatial]),
      OperatorCase(
        .reshape(Reshape(from: [n, extent, 4 * c], to: [n, extent, 4, c])), [[n, extent, 4 * c]]),
      OperatorCase(.reshape(Reshape(from: [n, 6, 2 * c], to: [n, 4, 3, c])), [[n, 6, 2 * c]]),
      OperatorCase(.reshape(Reshape(from: [n, c, 1, 1], to: [n, c])), [[n, c, 1, 1]]),
      OperatorCase(.reduction(Reduction(.mean, axes: [2, 3], keepsDimensions: false)), [spatial]),
      OperatorCase(.reduction(Reduction(.maximum, axes: [1], keepsDimensions: true)), [spatial]),
      OperatorCase(.gather(Gather(axis: 2)), [spatial, [2, 3]]),
    ]
  }

  private static func losses(_ random: inout SplitMix64) throws -> [OperatorCase] {
    let n = random.number(2...6)
    let c = random.number(2...6)
    return try [
      OperatorCase(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[n, c], [n]]),
      OperatorCase(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[n, c, 3, 4], [n, 3, 4]]),
      OperatorCase(.tabulatedLoss(TabulatedLoss()), [[n, c]]),
    ]
  }
}
