import Graphs
import Kernels
import TestSupport
import Testing

/// Cases without statistics of the batch, which take two steps and are tested with ``BatchMoments``.
let oneStepCases = kernelCases.filter { test in
  if case .batchNormalization(let rules) = test.operator { rules.mode == .frozen } else { true }
}

// Expected: the same kernel called directly, which the gradient checks prove. Float64 passes unchanged.
@Test(arguments: oneStepCases) func referenceKernelsReadAndWriteMemory(test: KernelCase) throws {
  var random = SplitMix64(seed: 7)
  let types = test.shapes.map { TensorType(.float32, $0) }
  let direct = try OperatorKernel(test.operator, inputs: types)
  let inputs = zip(test.shapes, test.fillings).map { $1.tensor($0, &random) }
  let expected = direct.forward(inputs)
  var runner = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
  if case .softmaxCrossEntropy = test.operator { runner.lossCount = inputs[1].count }
  var operands = KernelRunner.Operands(inputs: inputs)
  let forward = try runner.run(test.operator, .forward, types, operands)
  #expect(forward.outputs == expected.outputs)
  #expect(forward.auxiliaries.map(\.elements) == expected.auxiliaries.map(\.elements))
  operands.outputs = expected.outputs
  operands.auxiliaries = expected.auxiliaries
  operands.outputErrors = expected.outputs.map { Filling.signed.tensor($0.shape, &random) }
  for operation in direct.gradient.operations {
    var values: [GradientOperand: ReferenceTensor<Double>] = [:]
    for read in operation.reads {
      switch read {
      case .input(let index): values[read] = inputs[index]
      case .output(let index): values[read] = expected.outputs[index]
      case .auxiliary(let index): values[read] = expected.auxiliaries[index]
      case .outputError(let index): values[read] = operands.outputErrors[index]
      }
    }
    let results = try runner.run(test.operator, .backward(operation), types, operands).results
    #expect(results == direct.backward(operation, values))
  }
}

// Two halves of the batch, divided by all labels: their losses add up to the whole loss (definition).
@Test func theLossOfPartsAddsUp() throws {
  var random = SplitMix64(seed: 3)
  let logits = Filling.signed.tensor([6, 4], &random)
  let labels = Filling.whole(below: 4).tensor([6], &random)
  var runner = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
  runner.lossCount = 6
  func loss(_ rows: Range<Int>) throws -> Double {
    let parts = [
      ReferenceTensor([rows.count, 4], Array(logits.elements[rows.lowerBound * 4..<rows.upperBound * 4])),
      ReferenceTensor([rows.count], Array(labels.elements[rows])),
    ]
    let types = [TensorType(.float32, parts[0].shape), TensorType(.int64, parts[1].shape)]
    return try runner.run(
      .softmaxCrossEntropy(SoftmaxCrossEntropy()), .forward, types, .init(inputs: parts)
    ).outputs[0].elements[0]
  }
  #expect(abs(try loss(0..<2) + loss(2..<6) - loss(0..<6)) < 1e-14)
}

// A mask depends on the sample and the element alone: parts draw the same numbers as the whole.
@Test func partsDrawTheMaskOfTheWhole() throws {
  let dropout = Operator.dropout(Dropout(ratio: 0.5))
  let whole = try KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64).run(
    dropout, .forward, [TensorType(.float32, [4, 6])],
    .init(inputs: [ReferenceTensor([4, 6], repeating: 1.0)])
  ).auxiliaries[0].elements
  var runner = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
  runner.moment = KernelMoment(
    generator: runner.moment.generator, firstSample: 2, places: [1, 4])
  let part = try runner.run(
    dropout, .forward, [TensorType(.float32, [2, 2])],
    .init(inputs: [ReferenceTensor([2, 2], repeating: 1.0)])
  ).auxiliaries[0].elements
  #expect(part == [whole[13], whole[16], whole[19], whole[22]])
  #expect(Set(whole) == [0, 1])
}

// Rows 0, 1 and 4 of a table on one device and 2, 3 and 5 on another: what they find adds up to what the
// whole table has.
@Test func rowsOfAnotherDeviceGiveZeros() throws {
  let table = [1.0, 2, 3, 4, 5, 6]
  let indices = ReferenceTensor([4], [4.0, 0, 2, -1])
  func found(_ rows: [Range<Int>]) throws -> [Double] {
    var runner = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
    runner.moment = KernelMoment(
      generator: runner.moment.generator, rows: TableRows(count: table.count, present: rows))
    let part = rows.flatMap { table[$0] }
    return try runner.run(
      .embedding(Embedding()), .forward,
      [TensorType(.int64, [4]), TensorType(.float32, [part.count, 1])],
      .init(inputs: [indices, ReferenceTensor([part.count, 1], part)])
    ).outputs[0].elements
  }
  #expect(try found([0..<2, 4..<5]) == [5, 1, 0, 0])
  #expect(try found([2..<4, 5..<6]) == [0, 0, 3, 6])
  #expect(try found([0..<6]) == [5, 1, 3, 6])
}

// Two of four groups, with the attribute of the whole: the first half of what the whole gives.
@Test func theGroupsPresentFollowFromTheShapes() throws {
  var random = SplitMix64(seed: 5)
  let convolution = Operator.convolution(Convolution(padding: 1, groups: 4))
  let runner = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
  let input = Filling.signed.tensor([1, 8, 3, 3], &random)
  let weight = Filling.signed.tensor([4, 2, 3, 3], &random)
  let whole = try runner.run(
    convolution, .forward, [TensorType(.float32, input.shape), TensorType(.float32, weight.shape)],
    .init(inputs: [input, weight]))
  let half = [
    ReferenceTensor([1, 4, 3, 3], Array(input.elements[..<36])),
    ReferenceTensor([2, 2, 3, 3], Array(weight.elements[..<36])),
  ]
  let request = KernelRequest(
    convolution, .forward, inputTypes: half.map { TensorType(.float32, $0.shape) },
    outputTypes: [TensorType(.float32, [1, 2, 3, 3])], scalar: .float64)
  let part = try runner.run(request, .init(inputs: half))
  #expect(part.outputs[0].elements == Array(whole.outputs[0].elements[..<18]))
}
