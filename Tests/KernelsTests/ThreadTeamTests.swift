import Graphs
import Kernels
import TestSupport
import Testing

/// Everything that the steps of an operator write, one after another.
private func allWritten(_ library: FastKernelLibrary, _ test: KernelCase, seed: UInt64) throws -> [[Double]] {
  var random = SplitMix64(seed: seed)
  let types = test.shapes.map { TensorType(.float32, $0) }
  let inputs = zip(test.shapes, test.fillings).map { $1.tensor($0, &random) }
  var runner = KernelRunner(library: library, scalar: .float32)
  runner.statisticsCount = 1 + (inputs[0].shape.count < 2 ? 1 : inputs[0].count / inputs[0].shape[1])
  runner.moment = KernelMoment(generator: CounterGenerator(seed: seed, step: 3, stream: 1))
  var all: [[Double]] = []
  func run(_ step: KernelRequest.Step, _ operands: KernelRunner.Operands) throws -> KernelRunner.Written {
    let written = try runner.run(test.operator, step, types, operands)
    all += (written.outputs + written.auxiliaries + written.results).map(\.elements) + [written.statistics]
    return written
  }
  var operands = KernelRunner.Operands(inputs: inputs)
  let isTwoStep =
    if case .batchNormalization(let rules) = test.operator { rules.mode != .frozen } else { false }
  if isTwoStep { operands.statistics = try run(.forwardStatistics, operands).statistics }
  let forward = try run(.forward, operands)
  operands.outputs = forward.outputs
  operands.auxiliaries = forward.auxiliaries
  operands.outputErrors = forward.outputs.map { Filling.signed.tensor($0.shape, &random) }
  let outputs = forward.outputs.map { TensorType(.float32, $0.shape) }
  for operation in test.operator.rules.gradient(inputs: types, outputs: outputs).operations {
    if isTwoStep {
      operands.statistics = nil
      operands.statistics = try run(.backwardStatistics(operation), operands).statistics
    }
    _ = try run(.backward(operation), operands)
  }
  return all
}

private let image = [3, 9, 33, 41]
private let vectors = [[9], [9], [9], [9]]
private let scales: [Filling] = [.signed, .signed, .signed, .signed, .positive]

/// Tensors large enough to be shared by several threads, of extents that fit no vector.
private let largeCases: [KernelCase] = [
  KernelCase(
    "max pooling", .pooling(Pooling(.maximum, kernel: 3, stride: 2, padding: 1)), [image], [.distinct]),
  KernelCase(
    "average pooling", .pooling(Pooling(.average(countsPadding: false), kernel: 3, stride: 1, padding: 1)),
    [image]),
  KernelCase("global average pooling", .globalPooling(GlobalPooling(.average)), [image]),
  KernelCase("global max pooling", .globalPooling(GlobalPooling(.maximum)), [image]),
  KernelCase("batch normalisation", .batchNormalization(BatchNormalization()), [image] + vectors, scales),
  KernelCase(
    "batch normalisation, frozen", .batchNormalization(BatchNormalization(mode: .frozen)), [image] + vectors,
    scales),
  KernelCase(
    "batch normalisation of vectors", .batchNormalization(BatchNormalization()),
    [[700, 45]] + Array(repeating: [45], count: 4), scales),
  KernelCase(
    "layer normalisation", .layerNormalization(LayerNormalization(axis: 2)), [[8, 37, 131], [131], [131]]),
  KernelCase(
    "local response normalisation",
    .localResponseNormalization(LocalResponseNormalization(size: 5)), [image]),
  KernelCase("softmax", .softmax(Softmax(axis: 1)), [[251, 133]]),
  KernelCase("logarithm of the softmax", .softmax(Softmax(axis: 1, isLogarithmic: true)), [[251, 133]]),
  KernelCase(
    "cross-entropy", .softmaxCrossEntropy(SoftmaxCrossEntropy()), [[251, 133], [251]],
    [.signed, .whole(below: 133)]),
  KernelCase("relu", .activation(Activation(.relu)), [image]),
  KernelCase("sigmoid", .activation(Activation(.sigmoid)), [image]),
  KernelCase("gelu", .activation(Activation(.gelu)), [image]),
  KernelCase("tanh", .activation(Activation(.tanh)), [image]),
  KernelCase("negate", .activation(Activation(.negate)), [image]),
  KernelCase("product", .elementwise(Elementwise(.multiply)), [image, image]),
  KernelCase("product with channels", .elementwise(Elementwise(.multiply)), [image, [9, 1, 1]]),
  KernelCase("sum with a row", .elementwise(Elementwise(.add, right: .parameter)), [[300, 131], [131]]),
  KernelCase("power of a row", .elementwise(Elementwise(.power)), [[40_001], [1]], [.positive, .positive]),
  KernelCase("scale", .scaleByConstant(ScaleByConstant(factor: 0.3)), [image]),
  KernelCase("dropout", .dropout(Dropout(ratio: 0.4)), [image]),
  KernelCase("fork", .fork(Fork()), [image]),
  KernelCase("transpose", .transpose(Transpose([0, 2, 3, 1])), [image]),
  KernelCase("concatenation", .concatenation(Concatenation(axis: 1)), [image, [3, 5, 33, 41]]),
  KernelCase("sum over channels", .reduction(Reduction(.sum, axes: [1], keepsDimensions: true)), [image]),
  KernelCase("mean over places", .reduction(Reduction(.mean, axes: [2, 3], keepsDimensions: true)), [image]),
]

// Expected: the same bits from one thread. Seven are more than this work is worth.
@Test(arguments: largeCases) func theNumberOfThreadsChangesNoBit(_ test: KernelCase) throws {
  let expected = try allWritten(FastKernelLibrary(paths: []), test, seed: 5)
  for threads in [2, 3, 7] {
    let written = try allWritten(FastKernelLibrary(threads: threads, paths: []), test, seed: 5)
    #expect(written == expected, "\(test.name) on \(threads) threads")
  }
}

// Expected: the reference kernels; whatever oneDNN and the loops share, they share it on two threads, too.
@Test(arguments: kernelCases) func twoThreadsAgreeWithTheReference(_ test: KernelCase) throws {
  try expectAgreement(FastKernelLibrary(threads: 2), test, seed: 77)
}
