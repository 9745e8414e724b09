import Graphs

/// The operators by name: a new one does not compile here until it is named, and fails until a case tests it.
enum OperatorName: String, CaseIterable {
  case convolution, dense, matrixMultiplication, pooling, globalPooling, batchNormalization,
    layerNormalization
  case softmax, softmaxCrossEntropy, activation, elementwise, scaleByConstant, concatenation, split, slice,
    pad
  case reshape, transpose, reduction, dropout, localResponseNormalization, gather, embedding, fork
  case tabulated, tabulatedLoss

  init(_ operator: Operator) {
    self =
      switch `operator` {
      case .convolution: .convolution
      case .dense: .dense
      case .matrixMultiplication: .matrixMultiplication
      case .pooling: .pooling
      case .globalPooling: .globalPooling
      case .batchNormalization: .batchNormalization
      case .layerNormalization: .layerNormalization
      case .softmax: .softmax
      case .softmaxCrossEntropy: .softmaxCrossEntropy
      case .activation: .activation
      case .elementwise: .elementwise
      case .scaleByConstant: .scaleByConstant
      case .concatenation: .concatenation
      case .split: .split
      case .slice: .slice
      case .pad: .pad
      case .reshape: .reshape
      case .transpose: .transpose
      case .reduction: .reduction
      case .dropout: .dropout
      case .localResponseNormalization: .localResponseNormalization
      case .gather: .gather
      case .embedding: .embedding
      case .fork: .fork
      case .tabulated: .tabulated
      case .tabulatedLoss: .tabulatedLoss
      }
  }
}

/// Every operator, with the awkward shapes of each.
let kernelCases: [KernelCase] =
  weightedCases + poolingCases + normalizationCases + activationCases + elementwiseCases + shapingCases

private let weightedCases: [KernelCase] = [
  KernelCase("convolution 3×3", .convolution(Convolution(padding: 1)), [[2, 3, 5, 4], [4, 3, 3, 3], [4]]),
  KernelCase(
    "convolution, stride, groups", .convolution(Convolution(stride: 2, padding: 1, groups: 2)),
    [[2, 4, 5, 5], [6, 2, 3, 3], [6]]),
  KernelCase("depthwise convolution", .convolution(Convolution(groups: 3)), [[1, 3, 4, 4], [3, 1, 2, 2]]),
  KernelCase(
    "convolution, dilation, unequal padding",
    .convolution(
      Convolution(
        strides: [1, 2], padding: [Padding(begin: 0, end: 2), Padding(begin: 1, end: 0)], dilations: [2, 1])),
    [[1, 2, 5, 6], [3, 2, 2, 3]]),
  KernelCase(
    "convolution over one dimension",
    .convolution(Convolution(strides: [2], padding: [Padding(1)], dilations: [1])),
    [[2, 2, 7], [3, 2, 3], [3]]),
  KernelCase("dense", .dense(Dense()), [[3, 4], [5, 4], [5]]),
  KernelCase(
    "dense, nothing transposed, factors", .dense(Dense(transposeWeight: false, alpha: 0.5, beta: 2)),
    [[3, 4], [4, 5], [1, 5]]),
  KernelCase("dense, input transposed", .dense(Dense(transposeInput: true)), [[4, 3], [5, 4]]),
  KernelCase(
    "matrix product with a parameter", .matrixMultiplication(MatrixMultiplication(right: .parameter)),
    [[2, 3, 4], [4, 5]]),
  KernelCase(
    "matrix product of activations", .matrixMultiplication(MatrixMultiplication(right: .activation)),
    [[2, 3, 4, 2], [2, 3, 2, 5]]),
  KernelCase(
    "matrix product, broadcast", .matrixMultiplication(MatrixMultiplication(right: .activation)),
    [[2, 1, 3, 4], [5, 4, 2]]),
  KernelCase("embedding", .embedding(Embedding()), [[3, 2], [5, 4]], [.whole(below: 5), .signed]),
]

private let poolingCases: [KernelCase] = [
  KernelCase("max pooling", .pooling(Pooling(.maximum, kernel: 2, stride: 2)), [[2, 2, 4, 6]], [.distinct]),
  KernelCase(
    "max pooling, overlap, padding, ceil",
    .pooling(Pooling(.maximum, kernel: 3, stride: 2, padding: 1, ceilMode: true)), [[1, 2, 6, 5]], [.distinct]
  ),
  KernelCase(
    "max pooling, dilation",
    .pooling(
      Pooling(
        .maximum, kernel: [2, 2], strides: [1, 2], padding: [Padding(begin: 1, end: 0), Padding(0)],
        dilations: [2, 1])), [[1, 2, 5, 5]], [.distinct]),
  KernelCase(
    "average pooling over the padding, ceil",
    .pooling(Pooling(.average(countsPadding: true), kernel: 3, stride: 2, padding: 1, ceilMode: true)),
    [[2, 1, 6, 5]]),
  KernelCase(
    "average pooling without the padding",
    .pooling(Pooling(.average(countsPadding: false), kernel: 3, stride: 2, padding: 1, ceilMode: true)),
    [[2, 1, 6, 5]]),
  KernelCase("global average pooling", .globalPooling(GlobalPooling(.average)), [[2, 3, 2, 3]]),
  KernelCase("global max pooling", .globalPooling(GlobalPooling(.maximum)), [[2, 3, 2, 3]], [.distinct]),
]

private let normalizationCases: [KernelCase] = [
  KernelCase(
    "batch normalisation", .batchNormalization(BatchNormalization()), [[3, 2, 2, 3], [2], [2], [2], [2]],
    [.signed, .signed, .signed, .signed, .positive]),
  KernelCase(
    "batch normalisation of vectors", .batchNormalization(BatchNormalization()),
    [[5, 3], [3], [3], [3], [3]],
    [.signed, .signed, .signed, .signed, .positive]),
  KernelCase(
    "batch normalisation by cells", .batchNormalization(BatchNormalization(mode: .cell)),
    [[5, 2, 3], [2], [2], [2], [2]], [.signed, .signed, .signed, .signed, .positive], cells: 2),
  KernelCase(
    "batch normalisation, frozen", .batchNormalization(BatchNormalization(mode: .frozen)),
    [[3, 2, 2], [2], [2], [2], [2]], [.signed, .signed, .signed, .signed, .positive]),
  KernelCase(
    "layer normalisation", .layerNormalization(LayerNormalization(axis: 2)), [[2, 3, 4], [4], [4]]),
  KernelCase(
    "layer normalisation without bias", .layerNormalization(LayerNormalization(axis: 1)),
    [[2, 3, 2], [3, 2]]),
  KernelCase(
    "local response normalisation, odd",
    .localResponseNormalization(LocalResponseNormalization(size: 3, alpha: 0.5, beta: 0.75, bias: 1)),
    [[2, 5, 2, 2]]),
  KernelCase(
    "local response normalisation, even",
    .localResponseNormalization(LocalResponseNormalization(size: 4, alpha: 0.9, beta: 0.5, bias: 2)),
    [[1, 6, 3]]),
  KernelCase("softmax", .softmax(Softmax(axis: 1)), [[2, 4, 3]]),
  KernelCase("softmax of rows", .softmax(Softmax(axis: 1)), [[3, 10]]),
  KernelCase("logarithm of softmax", .softmax(Softmax(axis: 1, isLogarithmic: true)), [[3, 5]]),
  KernelCase(
    "cross-entropy", .softmaxCrossEntropy(SoftmaxCrossEntropy()), [[4, 3], [4]], [.signed, .whole(below: 3)]),
  KernelCase(
    "cross-entropy of places", .softmaxCrossEntropy(SoftmaxCrossEntropy()), [[2, 3, 2], [2, 2]],
    [.signed, .whole(below: 3)]),
]

private let activationCases: [KernelCase] =
  [
    .relu, .leakyRelu(alpha: 0.1), .sigmoid, .tanh, .gelu, .clip(minimum: -0.55, maximum: 0.65),
    .hardSigmoid(alpha: 0.8, beta: 0.5), .hardSwish, .elu(alpha: 0.7), .exponential, .negate, .absolute,
    .errorFunction, .softplus, .reciprocal,
  ].map { KernelCase(Activation($0).kind, .activation(Activation($0)), [[3, 4]]) }
  + [.logarithm, .squareRoot].map {
    KernelCase(Activation($0).kind, .activation(Activation($0)), [[3, 4]], [.positive])
  }
  // The kinks of this function lie at −3 and 3: numbers beside both.
  + [
    KernelCase(
      "hard-swish beyond its kinks", .activation(Activation(.hardSwish)), [[5]],
      [.given([-4, -2.5, 0.1, 2.5, 4])])
  ]

private let elementwiseCases: [KernelCase] =
  Elementwise.Function.allCases.flatMap { function in
    let filling: Filling = function == .power ? .positive : .signed
    return [
      KernelCase(
        "\(function.rawValue)", .elementwise(Elementwise(function)), [[2, 3, 2], [2, 3, 2]],
        [filling, .signed]),
      KernelCase(
        "\(function.rawValue), broadcast parameter", .elementwise(Elementwise(function, right: .parameter)),
        [[2, 3, 2], [3, 1]], [filling, .signed]),
      KernelCase(
        "\(function.rawValue), both broadcast", .elementwise(Elementwise(function, left: .parameter)),
        [[3, 1], [2, 1, 4]], [filling, .signed]),
    ]
  } + [
    KernelCase("scale", .scaleByConstant(ScaleByConstant(factor: -1.5)), [[2, 3]]),
    KernelCase("dropout", .dropout(Dropout(ratio: 0.4)), [[4, 6]]),
    KernelCase("fork", .fork(Fork()), [[2, 3]]),
  ]

private let shapingCases: [KernelCase] = [
  KernelCase("concatenation", .concatenation(Concatenation(axis: 1)), [[2, 1, 3], [2, 2, 3], [2, 3, 3]]),
  KernelCase("split", .split(Split(axis: 1, sizes: [1, 3])), [[2, 4, 2]]),
  KernelCase("slice", .slice(Slice(starts: [1], ends: [-1], axes: [1])), [[2, 5, 2]]),
  KernelCase(
    "slice, steps and backward",
    .slice(Slice(starts: [0, -1], ends: [5, -6], axes: [0, 1], steps: [2, -2])),
    [[5, 5]]),
  KernelCase("pad", .pad(Pad([Padding(0), Padding(begin: 1, end: 2)], mode: .constant(0.5))), [[2, 3]]),
  KernelCase("pad, edge", .pad(Pad([Padding(0), Padding(begin: 1, end: 2)], mode: .edge)), [[2, 3]]),
  KernelCase("pad, reflect", .pad(Pad([Padding(1), Padding(begin: 1, end: 2)], mode: .reflect)), [[2, 3]]),
  KernelCase("reshape", .reshape(Reshape(runs: [.init(inputs: 1), .init(inputs: 2)])), [[2, 3, 4]]),
  KernelCase("transpose", .transpose(Transpose([2, 0, 1])), [[2, 3, 4]]),
  KernelCase("mean", .reduction(Reduction(.mean, axes: [1], keepsDimensions: false)), [[2, 3, 4]]),
  KernelCase("sum over places", .reduction(Reduction(.sum, axes: [2], keepsDimensions: true)), [[2, 3, 4]]),
  KernelCase("sum", .reduction(Reduction(.sum, axes: [0, 2], keepsDimensions: true)), [[2, 3, 4]]),
  KernelCase(
    "maximum over places", .reduction(Reduction(.maximum, axes: [1, 2], keepsDimensions: false)),
    [[2, 3, 4]],
    [.distinct]),
  KernelCase("gather", .gather(Gather(axis: 1)), [[2, 4, 3], [3]], [.signed, .given([3, 0, 3])]),
  KernelCase("gather one", .gather(Gather(axis: 1)), [[2, 4, 3], []], [.signed, .given([-1])]),
]
