import Graphs
import Kernels
import TestSupport
import Testing

private let oneThread = FastKernelLibrary(paths: [])
private let twoThreads = FastKernelLibrary(threads: 2, paths: [])

/// Whether a kernel adds the elements of planes in another order in blocks than in row-major planes: the mean
/// of whole planes, and the sums of each channel.
private func isSum(_ request: KernelRequest, _ tensor: ReferenceTensor<Double>) -> Bool {
  if case .globalPooling(let rules) = request.operator {
    return rules.reduction == .average && request.step == .forward
  }
  return tensor.shape.count == 1
}

/// Runs every step of an operator in blocks and compares all that it writes with row-major planes and, where
/// asked, with the reference.
///
/// Expected: the same bits, and 10⁻⁶ of the greatest element where sums are made in another order.
private func expectAgreementInBlocks(
  _ test: KernelCase, block: Int, seed: UInt64, elsewhere: Int = 0, withReference: Bool = true
) throws {
  let format = MemoryFormat.channelBlocks(block)
  try forEachStep(of: test, seed: seed, elsewhere: elsewhere) { exact, request, operands in
    let runner = KernelRunner(library: oneThread, scalar: .float32)
    let plain = try runner.run(request.with(.float32), operands)
    let blocked = try runner.run(request.with(.float32, format), operands)
    let shared = try KernelRunner(library: twoThreads, scalar: .float32)
      .run(request.with(.float32, format), operands)
    let expected = withReference ? try exact.run(request, operands) : plain
    let what = "\(test.name) \(test.shapes[0]), \(request.step), block \(block), seed \(seed)"
    let pairs = blocked.all.indices.map { (blocked.all[$0], plain.all[$0], expected.all[$0]) }
    for (index, (own, other, reference)) in pairs.enumerated() {
      let difference = relativeError(own.elements, other.elements)
      #expect(
        difference <= (isSum(request, own) ? 1e-6 : 0), "\(what), tensor \(index): \(difference)")
      let error = relativeError(own.elements, reference.elements)
      #expect(error <= 1e-5, "\(what), tensor \(index) against the reference: \(error)")
    }
    #expect(shared.all == blocked.all, "\(what), two threads")
    return expected
  }
}

extension KernelRunner.Written {
  /// All tensors that were written, and the statistics.
  fileprivate var all: [ReferenceTensor<Double>] {
    outputs + auxiliaries + results + [ReferenceTensor([statistics.count], statistics)]
  }
}

private let planes = [[1, 1], [1, 7], [7, 7], [13, 5]]
private let scales: [Filling] = [.signed, .signed, .signed, .signed, .positive]

private func normalization(_ mode: BatchNormalization.Mode, _ shape: [Int]) -> KernelCase {
  KernelCase(
    "batch normalisation, \(mode)", .batchNormalization(BatchNormalization(mode: mode)),
    [shape] + Array(repeating: [shape[1]], count: 4), scales)
}

/// Operators on shapes at random; some of the poolings fit no such plane.
private func randomCases(_ random: inout SplitMix64, _ plane: [Int], block: Int) -> [KernelCase] {
  let image = [random.number(1...3), block * random.number(1...3)] + plane
  let window = [random.number(1...3), random.number(1...3)]
  func padding() -> [Padding] {
    window.map { Padding(begin: random.below($0), end: random.below($0)) }
  }
  let poolings = [
    Pooling.Reduction.maximum, .average(countsPadding: true), .average(countsPadding: false),
  ].map { reduction in
    Pooling(
      reduction, kernel: window, strides: [random.number(1...3), random.number(1...3)], padding: padding(),
      dilations: [random.number(1...3), random.number(1...2)], ceilMode: random.chance(50))
  }
  let parts = [random.number(1...2) * block, random.number(1...2) * block]
  func part(_ channels: Int) -> [Int] { [image[0], channels] + plane }
  return poolings.map { KernelCase("pooling \($0)", .pooling($0), [image], [.distinct]) } + [
    KernelCase("global average pooling", .globalPooling(GlobalPooling(.average)), [image]),
    KernelCase("global max pooling", .globalPooling(GlobalPooling(.maximum)), [image], [.distinct]),
    normalization(.frozen, image),
    // Of few numbers the normalised ones are ±1 and their errors vanish but for rounding.
    normalization(.full, [plane[1] < 5 ? 12 : image[0], image[1]] + plane),
    KernelCase("relu", .activation(Activation(.relu)), [image]),
    KernelCase("sigmoid", .activation(Activation(.sigmoid)), [image]),
    KernelCase("product", .elementwise(Elementwise(.multiply)), [image, image]),
    KernelCase("scale", .scaleByConstant(ScaleByConstant(factor: 0.3)), [image]),
    KernelCase("fork", .fork(Fork()), [image]),
    KernelCase("concatenation", .concatenation(Concatenation(axis: 1)), parts.map(part)),
    KernelCase("split", .split(Split(axis: 1, sizes: parts)), [part(parts[0] + parts[1])]),
  ]
}

@Test(arguments: [8, 16], planes) func blocksAgreeWithRowMajorPlanes(_ block: Int, _ plane: [Int]) throws {
  for seed in UInt64(1)...4 {
    var random = SplitMix64(seed: seed &* 331)
    for test in randomCases(&random, plane, block: block)
    where (try? test.operator.rules.outputTypes(inputs: test.shapes.map { TensorType(.float32, $0) })) != nil
    {
      let isNormalization = if case .batchNormalization = test.operator { true } else { false }
      for elsewhere in isNormalization ? [0, 100] : [0] {
        try expectAgreementInBlocks(test, block: block, seed: seed, elsewhere: elsewhere)
      }
    }
  }
}

// Large enough for two threads and for sums of several runs.
@Test(arguments: [8, 16]) func largeBlocksAgreeWithRowMajorPlanes(_ block: Int) throws {
  let image = [3, 48, 33, 41]
  for test in [
    normalization(.full, image), normalization(.frozen, image),
    KernelCase(
      "max pooling", .pooling(Pooling(.maximum, kernel: 3, stride: 2, padding: 1)), [image], [.distinct]),
    KernelCase(
      "average pooling", .pooling(Pooling(.average(countsPadding: false), kernel: 3, stride: 1, padding: 1)),
      [image]),
    KernelCase("global average pooling", .globalPooling(GlobalPooling(.average)), [image]),
    KernelCase("global max pooling", .globalPooling(GlobalPooling(.maximum)), [image], [.distinct]),
  ] {
    try expectAgreementInBlocks(test, block: block, seed: 7, withReference: false)
  }
}

// Of equal numbers the first is chosen, and nothing where a window meets padding alone.
@Test(arguments: [8, 16]) func maximaOfEqualNumbersAgreeInBlocks(_ block: Int) throws {
  let image = [2, block, 6, 9]
  let equal = Filling.given((0..<2 * block * 54).map { Double($0 * $0 % 3) })
  for test in [
    KernelCase(
      "max pooling",
      .pooling(
        Pooling(
          .maximum, kernel: [2, 3], strides: [1, 2], padding: [Padding(1), Padding(begin: 2, end: 2)],
          dilations: [2, 1])), [image], [equal]),
    KernelCase("global max pooling", .globalPooling(GlobalPooling(.maximum)), [image], [equal]),
  ] {
    try expectAgreementInBlocks(test, block: block, seed: 3)
  }
}

// Expected: the reference kernels in Float64. Without oneDNN there is no convolution in blocks.
@Test(.enabled(if: FastKernelLibrary().hasOneDNN), arguments: [8, 16])
func convolutionsAgreeWhereverBlocksLie(_ block: Int) throws {
  let library = FastKernelLibrary()
  let blocks = MemoryFormat.channelBlocks(block)
  // Channels of whole blocks on both sides, or on one.
  let cases: [(formats: [(MemoryFormat, MemoryFormat)], input: [Int], weight: [Int], rules: Convolution)] = [
    (
      [(blocks, blocks), (blocks, .plain), (.plain, blocks)], [2, 32, 7, 5], [48, 32, 3, 3], .init(padding: 1)
    ),
    ([(blocks, blocks), (blocks, .plain), (.plain, blocks)], [2, 16, 21, 20], [32, 16, 1, 1], .init()),
    ([(.plain, blocks)], [3, 24, 9, 9], [64, 24, 1, 1], .init(stride: 2)),
    ([(blocks, .plain)], [3, 64, 9, 9], [20, 64, 3, 3], .init()),
    ([(.plain, blocks)], [1, 3, 12, 12], [32, 3, 5, 5], .init(stride: 2, padding: 2)),
    ([(blocks, blocks)], [2, 32, 8, 8], [32, 1, 3, 3], .init(padding: 1, groups: 32)),
    ([(blocks, blocks)], [2, 32, 8, 8], [64, 16, 3, 3], .init(padding: 1, groups: 2)),
  ]
  for (number, test) in cases.enumerated() {
    let kernel = KernelCase(
      "convolution \(number)", .convolution(test.rules), [test.input, test.weight, [test.weight[0]]])
    for (input, output) in test.formats {
      try forEachStep(of: kernel, seed: UInt64(number)) { exact, request, operands in
        let expected = try exact.run(request, operands)
        for packs in [false, true] {
          var runner = KernelRunner(library: library, scalar: .float32)
          runner.packsParameters = packs
          let written = try runner.run(
            request.with(.float32, input: input, output: output), operands)
          for (own, other) in zip(written.all, expected.all) {
            let error = relativeError(own.elements, other.elements)
            #expect(
              error <= 1e-5, "\(kernel.name), \(request.step), \(input) to \(output): \(error)")
          }
        }
        return expected
      }
    }
  }
}
