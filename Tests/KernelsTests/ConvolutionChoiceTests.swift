import Graphs
import Kernels
import TestSupport
import Testing

/// Convolutions whose channels fill no block, and one whose channels do.
private let shapes: [(source: [Int], weights: [Int], rules: Convolution)] = [
  ([20, 12, 12], [50, 20, 5, 5], Convolution()),
  ([24, 14, 14], [40, 24, 3, 3], Convolution(padding: 1)),
  ([17, 9, 13], [33, 17, 3, 3], Convolution(stride: 2, padding: 1)),
  ([24, 7, 7], [40, 24, 1, 1], Convolution()),
  ([1, 28, 28], [20, 1, 5, 5], Convolution()),
  ([32, 8, 8], [16, 32, 3, 3], Convolution(padding: 1)),
  ([30, 11], [18, 30, 3], Convolution(strides: [1], padding: [Padding(1)], dilations: [1])),
]

// Expected: the reference kernels in Float64.
@Test(arguments: shapes.indices) func channelsThatFillNoBlockAgreeWithTheReference(_ index: Int) throws {
  let (source, weights, rules) = shapes[index]
  let test = KernelCase("\(weights)", .convolution(rules), [[2] + source, weights, [weights[0]]])
  for library in fastLibraries { try expectAgreement(library, test, seed: UInt64(index)) }
}

// Expected: the bits of a sample alone. A cell of the batch may be computed together with any others.
@Test(arguments: shapes.indices) func aSampleHasTheSameBitsInAnyCompany(_ index: Int) throws {
  let (source, weights, rules) = shapes[index]
  let convolution = Operator.convolution(rules)
  let runner = KernelRunner(library: fastLibraries[0], scalar: .float32)
  var random = SplitMix64(seed: UInt64(index) + 40)
  let all = 9
  func type(_ shape: [Int]) -> TensorType { TensorType(.float32, shape) }
  func types(_ samples: Int) -> [TensorType] {
    [type([samples] + source), type(weights), type([weights[0]])]
  }
  let inputs = types(all).map { Filling.signed.tensor($0.shape, &random) }
  let outputs = try convolution.rules.outputTypes(inputs: types(all))
  let errors = Filling.signed.tensor(outputs[0].shape, &random)
  let operation = convolution.rules.gradient(inputs: types(all), outputs: outputs).operations[0]
  func part(_ tensor: ReferenceTensor<Double>, _ samples: Range<Int>) -> ReferenceTensor<Double> {
    let size = tensor.count / all
    return ReferenceTensor(
      [samples.count] + tensor.shape.dropFirst(),
      Array(tensor.elements[samples.lowerBound * size..<samples.upperBound * size]))
  }
  func run(_ samples: Range<Int>) throws -> (result: [Double], error: [Double]) {
    let own: [ReferenceTensor<Double>?] = [part(inputs[0], samples), inputs[1], inputs[2]]
    let forward = try runner.run(convolution, .forward, types(samples.count), .init(inputs: own))
    let backward = try runner.run(
      convolution, .backward(operation), types(samples.count),
      .init(inputs: own, outputErrors: [part(errors, samples)]))
    return (forward.outputs[0].elements, backward.results[0].elements)
  }
  let whole = try run(0..<all)
  for samples in [0..<1, 3..<5, 4..<8, 8..<9] {
    let alone = try run(samples)
    let (size, errorSize) = (whole.result.count / all, whole.error.count / all)
    #expect(
      alone.result == Array(whole.result[samples.lowerBound * size..<samples.upperBound * size]),
      "forward, \(samples)")
    #expect(
      alone.error == Array(whole.error[samples.lowerBound * errorSize..<samples.upperBound * errorSize]),
      "error, \(samples)")
  }
}
