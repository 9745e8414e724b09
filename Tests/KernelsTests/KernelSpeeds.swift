import Differentiation
import Graphs
import Kernels

/// A kernel whose speed is measured, and what one run of it does.
struct MeasuredKernel {
  let name: String
  let request: KernelRequest
  /// Floating-point operations where arithmetic decides, else zero.
  let operations: Double
  /// The bytes that are read and written at least once.
  let bytes: Double

  init(
    _ name: String, _ operator: Operator, _ shapes: [[Int]], _ step: KernelRequest.Step? = nil,
    of backward: Int? = nil, format: MemoryFormat = .plain
  )
    throws
  {
    let types = shapes.map { TensorType(.float32, $0) }
    let outputs = try `operator`.rules.outputTypes(inputs: types)
    let rule = `operator`.rules.gradient(inputs: types, outputs: outputs)
    let operation = backward.map { rule.operations[$0] }
    let step = step ?? operation.map { .backward($0) } ?? .forward
    self.name = format == .plain ? name : "\(name), in blocks"
    request = KernelRequest(
      `operator`, step, inputTypes: types, outputTypes: outputs, statisticsCount: 1 << 14,
      inputMemoryFormat: format, outputMemoryFormat: format)
    let work = `operator`.rules.work(operation?.phase ?? .forward, inputs: types, outputs: outputs)
    operations = 2 * work.multiplyAccumulates
    bytes = 4 * Double(work.activationElements + work.parameterElements + work.gradientElements)
  }

  /// The fastest of some runs, in seconds, with a clock of the caller's.
  func time(_ library: any KernelLibrary, runs: Int, now: () -> Double) throws -> Double {
    let kernel = try library.kernel(for: request)
    var owned: [Buffer] = []
    func memory(_ types: [TensorType], _ format: (Int) -> OperandFormat) -> [UnsafeMutableRawPointer?] {
      types.enumerated().map { index, type in
        let isNumber = format(index) == .scalar(.float32)
        let buffer = Buffer(
          (0..<type.elementCount).map { isNumber ? Double($0 % 17) / 8 - 0.7 : 0 }, format(index))
        owned.append(buffer)
        return buffer.start
      }
    }
    let number = OperandFormat.scalar(.float32)
    var results: [UnsafeMutableRawPointer?] = []
    if case .backward(let operation) = request.step {
      results = memory(operation.inputs.map { request.inputTypes[$0] }) { _ in number }
    }
    let sums = Buffer([Double](repeating: 1, count: request.statisticsElementCount), number)
    let scratch = Buffer(bytes: kernel.scratchSize)
    let operands = KernelOperands(
      inputs: memory(request.inputTypes, request.inputFormat),
      outputs: memory(request.outputTypes, request.outputFormat),
      auxiliaries: memory(request.auxiliaryTypes, request.auxiliaryFormat),
      outputErrors: memory(request.outputTypes, request.outputFormat), results: results,
      statistics: sums.start)
    let moment = KernelMoment(generator: CounterGenerator(seed: 0, step: 1, stream: 0))
    var best = Double.infinity
    for _ in 0...runs {
      let start = now()
      kernel.run(operands, moment, scratch: scratch.start)
      best = min(best, now() - start)
    }
    return withExtendedLifetime((owned, sums, scratch)) { best }
  }
}

/// Kernels that make up most of the time of the built-in networks.
///
/// - Parameter block: The channels of a block, for kernels on blocks.
func measuredKernels(block: Int) throws -> [MeasuredKernel] {
  var list: [MeasuredKernel] = []
  func weighted(_ name: String, _ operator: Operator, _ shapes: [[Int]]) throws {
    list.append(try MeasuredKernel("\(name), forward", `operator`, shapes))
    list.append(try MeasuredKernel("\(name), error", `operator`, shapes, of: 0))
    list.append(try MeasuredKernel("\(name), weight gradient", `operator`, shapes, of: 1))
  }
  func pair(_ name: String, _ operator: Operator, _ shapes: [[Int]]) throws {
    list.append(try MeasuredKernel("\(name), forward", `operator`, shapes))
    list.append(try MeasuredKernel("\(name), error", `operator`, shapes, of: 0))
  }
  let three = Operator.convolution(Convolution(padding: 1))
  try weighted("convolution 3×3, 256 → 256, 14×14, batch 32", three, [[32, 256, 14, 14], [256, 256, 3, 3]])
  try weighted("convolution 3×3, 512 → 512, 7×7, batch 1", three, [[1, 512, 7, 7], [512, 512, 3, 3]])
  let one = Operator.convolution(Convolution())
  try weighted("convolution 1×1, 64 → 256, 56×56, batch 8", one, [[8, 64, 56, 56], [256, 64, 1, 1]])
  try weighted("convolution 1×1, 2048 → 512, 7×7, batch 8", one, [[8, 2048, 7, 7], [512, 2048, 1, 1]])
  try weighted(
    "convolution 7×7 by 2, 3 → 64, 224×224, batch 8", .convolution(Convolution(stride: 2, padding: 3)),
    [[8, 3, 224, 224], [64, 3, 7, 7]])
  try weighted(
    "depthwise convolution 3×3, 256, 28×28, batch 8", .convolution(Convolution(padding: 1, groups: 256)),
    [[8, 256, 28, 28], [256, 1, 3, 3]])
  try weighted("dense 4096 → 4096, batch 32", .dense(Dense()), [[32, 4096], [4096, 4096], [4096]])
  try weighted("dense 784 → 128, batch 32", .dense(Dense()), [[32, 784], [128, 784], [128]])
  let square = [8, 64, 112, 112]
  try pair("relu", .activation(Activation(.relu)), [square])
  try pair("sigmoid", .activation(Activation(.sigmoid)), [square])
  try pair("gelu", .activation(Activation(.gelu)), [[8, 197, 3072]])
  try pair("sum of two", .elementwise(Elementwise(.add)), [square, square])
  try pair(
    "sum with a vector", .elementwise(Elementwise(.add, right: .parameter)), [[8, 197, 3072], [3072]])
  for format in [MemoryFormat.plain, .channelBlocks(block)] {
    for shape in [square, [8, 256, 14, 14]] {
      list += try measuredNormalizations(shape, format)
    }
    func pooling(_ name: String, _ operator: Operator, _ shape: [Int]) throws {
      list.append(try MeasuredKernel("\(name), forward", `operator`, [shape], format: format))
      list.append(try MeasuredKernel("\(name), error", `operator`, [shape], of: 0, format: format))
    }
    try pooling(
      "max pooling 3×3 by 2", .pooling(Pooling(.maximum, kernel: 3, stride: 2, padding: 1)), square)
    try pooling("max pooling 2×2 by 2", .pooling(Pooling(.maximum, kernel: 2, stride: 2)), square)
    try pooling(
      "average pooling 3×3",
      .pooling(Pooling(.average(countsPadding: true), kernel: 3, stride: 1, padding: 1)), [8, 64, 56, 56])
    try pooling("global average pooling", .globalPooling(GlobalPooling(.average)), [32, 2048, 7, 7])
  }
  try pair(
    "local response normalisation", .localResponseNormalization(LocalResponseNormalization(size: 5)),
    [[8, 96, 55, 55]])
  try pair(
    "layer normalisation", .layerNormalization(LayerNormalization(axis: 2)), [[8, 197, 768], [768], [768]])
  try pair("softmax", .softmax(Softmax(axis: 3)), [[8, 12, 197, 197]])
  try pair("dropout", .dropout(Dropout(ratio: 0.5)), [[32, 4096]])
  try pair("transpose", .transpose(Transpose([0, 2, 1, 3])), [[8, 197, 12, 64]])
  try pair("transpose of matrices", .transpose(Transpose([0, 2, 1])), [[8, 1024, 768]])
  try pair("concatenation", .concatenation(Concatenation(axis: 1)), [[8, 64, 56, 56], [8, 32, 56, 56]])
  return list
}

/// The four steps of a batch normalisation.
private func measuredNormalizations(_ shape: [Int], _ format: MemoryFormat) throws -> [MeasuredKernel] {
  let normalization = Operator.batchNormalization(BatchNormalization())
  let shapes = [shape] + Array(repeating: [shape[1]], count: 4)
  let operation = normalization.rules.gradient(
    inputs: shapes.map { TensorType(.float32, $0) }, outputs: [TensorType(.float32, shape)]
  ).operations[0]
  let extents = "\(shape[1]), \(shape[2])×\(shape[3])"
  return try [
    ("statistics", KernelRequest.Step.forwardStatistics), ("forward", .forward),
    ("error statistics", .backwardStatistics(operation)), ("error", .backward(operation)),
  ].map { name, step in
    try MeasuredKernel(
      "batch normalisation \(extents), \(name)", normalization, shapes, step, format: format)
  }
}
