import Graphs
import Kernels
import TestSupport
import Testing

/// A library with oneDNN where it is installed, and one without it.
let fastLibraries = [FastKernelLibrary(), FastKernelLibrary(paths: [])]

/// Runs every step of an operator with a library and with the reference kernels in Float64 and compares all
/// that they write.
func expectAgreement(
  _ library: FastKernelLibrary, _ test: KernelCase, seed: UInt64, moment: KernelMoment? = nil,
  tolerance: Double = 1e-5
) throws {
  try forEachStep(of: test, seed: seed, moment: moment) { exact, request, operands in
    let expected = try exact.run(request, operands)
    for packs in [false, true] {
      var runner = KernelRunner(library: library, scalar: .float32)
      runner.moment = exact.moment
      runner.packsParameters = packs
      let written = try runner.run(request.with(.float32), operands)
      let pairs =
        Array(zip(written.outputs, expected.outputs)) + Array(zip(written.auxiliaries, expected.auxiliaries))
        + Array(zip(written.results, expected.results))
      for (index, pair) in pairs.enumerated() {
        let error = relativeError(pair.0.elements, pair.1.elements)
        #expect(error <= tolerance, "\(test.name), \(request.step), tensor \(index), seed \(seed): \(error)")
      }
      let error = relativeError(written.statistics, expected.statistics)
      #expect(error <= tolerance, "\(test.name), \(request.step), statistics, seed \(seed): \(error)")
    }
    return expected
  }
}

/// Walks through the steps of an operator on numbers at random.
///
/// - Parameters:
///   - test: The operator and its shapes.
///   - seed: Where the numbers come from.
///   - moment: What the kernels know of the moment.
///   - elsewhere: Of a batch normalisation, the numbers of each channel that lie on other devices.
///   - body: Runs a step, with a runner for the reference in Float64, and returns the operands of the next.
func forEachStep(
  of test: KernelCase, seed: UInt64, moment: KernelMoment? = nil, elsewhere: Int = 0,
  _ body: (KernelRunner, KernelRequest, KernelRunner.Operands) throws -> KernelRunner.Written
) throws {
  var random = SplitMix64(seed: seed)
  let types = test.shapes.map { TensorType(.float32, $0) }
  // Numbers that Float32 holds exactly, so that both begin with the same.
  let inputs = zip(test.shapes, test.fillings).map { shape, filling in
    let tensor = filling.tensor(shape, &random)
    return ReferenceTensor(shape, tensor.elements.map { Double(Float($0)) })
  }
  var exact = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
  if let moment { exact.moment = moment }
  if case .softmaxCrossEntropy = test.operator { exact.lossCount = inputs[1].count + 3 }
  exact.statisticsCount = max(1, (inputs[0].shape.count < 2) ? 1 : inputs[0].count / inputs[0].shape[1])
  exact.statisticsCount += elsewhere
  var operands = KernelRunner.Operands(inputs: inputs)
  let isTwoStep =
    if case .batchNormalization(let rules) = test.operator { rules.mode != .frozen } else { false }
  if isTwoStep {
    let request = try exact.request(test.operator, .forwardStatistics, types)
    operands.statistics = try body(exact, request, operands).statistics
  }
  let request = try exact.request(test.operator, .forward, types)
  let forward = try body(exact, request, operands)
  operands.outputs = forward.outputs
  operands.auxiliaries = forward.auxiliaries
  operands.outputErrors = forward.outputs.map { Filling.signed.tensor($0.shape, &random) }
  for operation in test.operator.rules.gradient(inputs: types, outputs: request.outputTypes).operations {
    if isTwoStep {
      operands.statistics = nil
      let request = try exact.request(test.operator, .backwardStatistics(operation), types)
      operands.statistics = try body(exact, request, operands).statistics
    }
    _ = try body(exact, try exact.request(test.operator, .backward(operation), types), operands)
  }
}

// Expected: the reference kernels in Float64, proven by central differences.
@Test(arguments: kernelCases, fastLibraries.indices) func fastKernelsAgreeWithTheReference(
  _ test: KernelCase, _ library: Int
) throws {
  try expectAgreement(fastLibraries[library], test, seed: 21)
}

/// Shapes at random that fit an operator.
private func randomCases(_ random: inout SplitMix64) -> [KernelCase] {
  func extent(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
  func padding(below limit: Int) -> Padding {
    Padding(begin: extent(0...limit - 1), end: extent(0...limit - 1))
  }
  let groups = [1, 1, 2, 3][extent(0...3)]
  let window = [extent(1...3), extent(1...3)]
  let dilations = [extent(1...2), extent(1...2)]
  let convolution = Convolution(
    strides: [extent(1...3), extent(1...3)], padding: [padding(below: 3), padding(below: 3)],
    dilations: dilations, groups: groups)
  let (channels, outputs) = (extent(1...9), extent(1...9))
  let image = [extent(1...3), groups * channels, extent(5...12), extent(5...12)]
  let isMaximum = Bool.random(using: &random)
  let pooling = Pooling(
    isMaximum ? .maximum : .average(countsPadding: Bool.random(using: &random)), kernel: window,
    strides: [extent(1...3), extent(1...3)], padding: window.map { padding(below: $0) },
    ceilMode: Bool.random(using: &random))
  let (rows, inner, columns) = (extent(1...20), extent(1...20), extent(1...20))
  let (turnsInput, turnsWeight) = (Bool.random(using: &random), Bool.random(using: &random))
  let space = [extent(1...4), extent(1...12), extent(1...5), extent(1...7)]
  let bias = Bool.random(using: &random) ? [[groups * outputs]] : []
  return [
    KernelCase(
      "convolution \(convolution)", .convolution(convolution),
      [image, [groups * outputs, channels] + window] + bias),
    KernelCase(
      "convolution of places", .convolution(Convolution()), [space, [outputs, space[1], 1, 1], [outputs]]),
    KernelCase(
      "convolution of many places", .convolution(Convolution()),
      [[extent(1...2), space[1], 20, 20 + space[2]], [outputs, space[1], 1, 1]]
        + (bias.isEmpty ? [] : [[outputs]])),
    KernelCase("pooling \(pooling)", .pooling(pooling), [image], [.distinct]),
    KernelCase(
      "pooling of wide images \(pooling)", .pooling(pooling),
      [[extent(1...2), 2, extent(5...9), extent(16...40)]], [.distinct]),
    KernelCase(
      "dense", .dense(Dense(transposeInput: turnsInput, transposeWeight: turnsWeight, alpha: 0.5, beta: 2)),
      [
        turnsInput ? [inner, rows] : [rows, inner], turnsWeight ? [columns, inner] : [inner, columns],
        [columns],
      ]
    ),
    KernelCase(
      "product", .matrixMultiplication(MatrixMultiplication(right: .activation)),
      [[extent(1...3), 1, rows, inner], [extent(1...3), inner, columns]]),
    // Of few numbers the normalised ones are ±1 and their errors vanish but for rounding.
    KernelCase(
      "batch normalisation", .batchNormalization(BatchNormalization()),
      [[12] + space[1...]] + Array(repeating: [space[1]], count: 4),
      [.signed, .signed, .signed, .signed, .positive]),
    KernelCase(
      "batch normalisation of vectors", .batchNormalization(BatchNormalization()),
      [[extent(12...19), columns]] + Array(repeating: [columns], count: 4),
      [.signed, .signed, .signed, .signed, .positive]),
    KernelCase("softmax", .softmax(Softmax(axis: 1)), [[rows, columns]]),
    KernelCase(
      "cross-entropy", .softmaxCrossEntropy(SoftmaxCrossEntropy()), [[rows, columns], [rows]],
      [.signed, .whole(below: columns)]),
    KernelCase("sigmoid", .activation(Activation(.sigmoid)), [space]),
    KernelCase("transpose", .transpose(Transpose([0, 2, 3, 1])), [space]),
    KernelCase(
      "layer normalisation", .layerNormalization(LayerNormalization(axis: 1)),
      [[rows, columns + 7], [columns + 7], [columns + 7]]),
    KernelCase(
      "product with repeated operands", .elementwise(Elementwise(.multiply)), [space, [space[1], 1, 1]]),
    KernelCase(
      "sum over places", .reduction(Reduction(.sum, axes: [2, 3], keepsDimensions: false)), [space]),
  ]
}

// Expected: the reference kernels in Float64. Awkward shapes: single places, columns that fill no vector.
@Test(arguments: 1...40) func fastKernelsAgreeOnRandomShapes(seed: UInt64) throws {
  var random = SplitMix64(seed: seed &* 977)
  for test in randomCases(&random)
  where (try? test.operator.rules.outputTypes(inputs: test.shapes.map { TensorType(.float32, $0) })) != nil {
    for library in fastLibraries { try expectAgreement(library, test, seed: seed) }
  }
}

// Two of four groups with the attribute of the whole, a bias that another device adds, and the part of a
// dropout that lies apart.
@Test(arguments: fastLibraries.indices) func partsAgreeWithTheReference(_ library: Int) throws {
  let library = fastLibraries[library]
  var random = SplitMix64(seed: 4)
  let convolution = Operator.convolution(Convolution(padding: 1, groups: 4))
  let shapes = [[2, 4, 5, 5], [6, 2, 3, 3], [6]]
  let inputs = shapes.map { Filling.signed.tensor($0, &random) }
  let alone: [ReferenceTensor<Double>?] = [inputs[0], inputs[1], nil]
  for given in [inputs, alone] {
    let outputs = try [
      (library as any KernelLibrary, KernelScalarType.float32), (ReferenceKernelLibrary(), .float64),
    ].map {
      try KernelRunner(library: $0.0, scalar: $0.1).run(
        KernelRequest(
          convolution, .forward, inputTypes: shapes.map { TensorType(.float32, $0) },
          outputTypes: [TensorType(.float32, [2, 6, 5, 5])], scalar: $0.1), .init(inputs: given)
      ).outputs[0].elements
    }
    #expect(relativeError(outputs[0], outputs[1]) < 1e-5)
  }
  try expectAgreement(
    library, KernelCase("dropout", .dropout(Dropout(ratio: 0.3)), [[3, 4]]), seed: 4,
    moment: KernelMoment(
      generator: CounterGenerator(seed: 9, step: 2, stream: 1), firstSample: 5, places: [0, 1, 6, 7]))
}

// The same kernel run from several threads at once writes the same bits: scratch memory is the caller's
// alone.
@Test func kernelsRunInSeveralThreadsAtOnce() async throws {
  var random = SplitMix64(seed: 8)
  let shapes = [[2, 20, 9, 9], [24, 20, 3, 3], [24]]
  let inputs = shapes.map { Filling.signed.tensor($0, &random) }
  let runner = KernelRunner(library: fastLibraries[0], scalar: .float32)
  let convolution = Operator.convolution(Convolution(padding: 1))
  let types = shapes.map { TensorType(.float32, $0) }
  let results = try await withThrowingTaskGroup(of: [Double].self) { group in
    for _ in 0..<8 {
      group.addTask {
        try runner.run(convolution, .forward, types, .init(inputs: inputs)).outputs[0].elements
      }
    }
    return try await group.reduce(into: []) { $0.append($1) }
  }
  #expect(Set(results).count == 1)
}

// The exponential of the vector loops against that of the C library, over all magnitudes.
@Test func exponentialsFollowTheLibrary() throws {
  let numbers = (-880...880).map { Double(Float($0) / 10 + 0.037) }
  let test = KernelCase(
    "exponential", .activation(Activation(.exponential)), [[numbers.count]], [.given(numbers)])
  let runner = KernelRunner(library: fastLibraries[1], scalar: .float32)
  let written = try runner.run(
    test.operator, .forward, [TensorType(.float32, [numbers.count])],
    .init(inputs: [ReferenceTensor([numbers.count], numbers)]))
  let exact = KernelRunner(library: ReferenceKernelLibrary(), scalar: .float64)
  let expected = try exact.run(
    test.operator, .forward, [TensorType(.float32, [numbers.count])],
    .init(inputs: [ReferenceTensor([numbers.count], numbers.map { Double(Float($0)) })]))
  for (left, right) in zip(written.outputs[0].elements, expected.outputs[0].elements) where right > 1e-37 {
    #expect(abs(left - right) <= 4e-7 * right)
  }
}

// Two threads in one call add in another order at most.
@Test func moreThreadsAgreeWithTheReference() throws {
  let library = FastKernelLibrary(threads: 2)
  let cases = [
    KernelCase(
      "convolution", .convolution(Convolution(padding: 1)), [[4, 20, 9, 9], [24, 20, 3, 3], [24]]),
    KernelCase("dense", .dense(Dense()), [[9, 70], [50, 70], [50]]),
  ]
  for test in cases { try expectAgreement(library, test, seed: 31) }
}

@Test func aLibraryThatIsNotThereLeavesOurOwnKernels() {
  let library = FastKernelLibrary(paths: ["/nowhere/libdnnl.so.3", "libc.so.6"])
  #expect(!library.hasOneDNN)
  #expect(library.description == "native kernels without oneDNN")
}
