import Differentiation
import Graphs
import Kernels

/// Runs kernels of a library on tensors: lays them out in memory as the contract and the request's memory
/// formats say and reads results back.
struct KernelRunner {
  let library: any KernelLibrary
  let scalar: KernelScalarType
  var moment = KernelMoment(generator: CounterGenerator(seed: 0, step: 1, stream: 0))
  var lossCount = 1
  var statisticsCount = 1
  /// Whether the parameters are packed beforehand.
  var packsParameters = false

  /// The operands of one node, each as numbers; nil stands for what is absent.
  struct Operands {
    var inputs: [ReferenceTensor<Double>?] = []
    var outputs: [ReferenceTensor<Double>] = []
    var auxiliaries: [ReferenceTensor<Double>] = []
    var outputErrors: [ReferenceTensor<Double>?] = []
    var statistics: [Double]? = nil
  }

  /// What one step of an operator wrote.
  struct Written {
    var outputs: [ReferenceTensor<Double>] = []
    var auxiliaries: [ReferenceTensor<Double>] = []
    var results: [ReferenceTensor<Double>] = []
    var statistics: [Double] = []
  }

  func request(_ operator: Operator, _ step: KernelRequest.Step, _ inputs: [TensorType]) throws
    -> KernelRequest
  {
    KernelRequest(
      `operator`, step, inputTypes: inputs, outputTypes: try `operator`.rules.outputTypes(inputs: inputs),
      scalar: scalar, lossCount: lossCount, statisticsCount: statisticsCount)
  }

  func run(
    _ operator: Operator, _ step: KernelRequest.Step, _ inputs: [TensorType], _ given: Operands
  ) throws -> Written { try run(request(`operator`, step, inputs), given) }

  func run(_ request: KernelRequest, _ given: Operands) throws -> Written {
    let kernel = try library.kernel(for: request)
    let auxiliaryTypes = request.auxiliaryTypes
    let number = OperandFormat.scalar(scalar)
    let outputFormat = request.outputMemoryFormat
    /// Weights are no activations.
    func inputFormat(_ index: Int) -> MemoryFormat {
      if case .convolution = request.operator, index > 0 { return .plain }
      return request.inputMemoryFormat
    }
    let inputs = given.inputs.enumerated().map { index, tensor in
      tensor.map { Buffer(inputFormat(index).arranged($0), request.inputFormat(index)) }
    }
    let isForward = request.step == .forward
    // What is written begins as nonsense, so that an element left out is seen.
    func blank(_ types: [TensorType], _ format: (Int) -> OperandFormat) -> [Buffer] {
      types.enumerated().map { Buffer([Double](repeating: 77, count: $1.elementCount), format($0)) }
    }
    func filled(_ tensors: [ReferenceTensor<Double>], _ format: (Int) -> OperandFormat) -> [Buffer] {
      tensors.enumerated().map { Buffer(outputFormat.arranged($1), format($0)) }
    }
    let outputs =
      isForward
      ? blank(request.outputTypes, request.outputFormat) : filled(given.outputs, request.outputFormat)
    let auxiliaries =
      isForward
      ? blank(auxiliaryTypes, request.auxiliaryFormat) : filled(given.auxiliaries, request.auxiliaryFormat)
    let errors = given.outputErrors.map { $0.map { Buffer(outputFormat.arranged($0), number) } }
    var results: [Buffer] = []
    if case .backward(let operation) = request.step {
      results = blank(operation.inputs.map { request.inputTypes[$0] }) { _ in number }
    }
    let sums =
      given.statistics.map { Buffer($0, number) }
      ?? Buffer([Double](repeating: 77, count: request.statisticsElementCount), number)
    let scratch = Buffer(bytes: kernel.scratchSize)
    let packed = Buffer(bytes: kernel.packedSize)
    var operands = KernelOperands(
      inputs: inputs.map { $0?.start }, outputs: outputs.map(\.start), auxiliaries: auxiliaries.map(\.start),
      outputErrors: errors.map { $0?.start }, results: results.map(\.start), statistics: sums.start)
    // Addresses alone keep no buffer alive.
    withExtendedLifetime((inputs, outputs, auxiliaries, errors, results, sums, scratch, packed)) {
      if packsParameters && kernel.packedSize > 0 {
        kernel.packParameters(operands, into: packed.start)
        operands.packedParameters = packed.start
      }
      kernel.run(operands, moment, scratch: scratch.start)
    }
    func read(_ buffers: [Buffer], _ types: [TensorType]) -> [ReferenceTensor<Double>] {
      zip(buffers, types).map { outputFormat.rowMajor($1.shape, $0.numbers) }
    }
    var written = Written()
    switch request.step {
    case .forward:
      written.outputs = read(outputs, request.outputTypes)
      written.auxiliaries = read(auxiliaries, auxiliaryTypes)
    case .backward(let operation):
      written.results = zip(results, operation.inputs).map { buffer, input in
        inputFormat(input).rowMajor(request.inputTypes[input].shape, buffer.numbers)
      }
    case .forwardStatistics, .backwardStatistics: written.statistics = sums.numbers
    }
    return written
  }
}

extension MemoryFormat {
  /// For each element in row-major order its place in memory.
  private func places(_ shape: [Int]) -> [Int] {
    let (channels, extent) = (shape[1], shape[2] * shape[3])
    return (0..<shape[0] * channels * extent).map { element in
      let (sample, channel) = (element / (channels * extent), element / extent % channels)
      let row = (sample * (channels / block) + channel / block) * extent + element % extent
      return row * block + channel % block
    }
  }

  /// The elements as they lie in memory; those of parameters, which have other than four dimensions, as they
  /// are.
  func arranged(_ tensor: ReferenceTensor<Double>) -> [Double] {
    guard self != .plain, tensor.shape.count == 4 else { return tensor.elements }
    var elements = tensor.elements
    for (element, place) in places(tensor.shape).enumerated() { elements[place] = tensor.elements[element] }
    return elements
  }

  /// The tensor whose elements lie so in memory.
  func rowMajor(_ shape: [Int], _ memory: [Double]) -> ReferenceTensor<Double> {
    guard self != .plain, shape.count == 4 else { return ReferenceTensor(shape, memory) }
    return ReferenceTensor(shape, places(shape).map { memory[$0] })
  }
}

extension KernelRequest {
  /// The same operation with other numbers and memory formats.
  func with(_ scalar: KernelScalarType, _ format: MemoryFormat = .plain) -> KernelRequest {
    with(scalar, input: format, output: format)
  }

  /// The same operation with other numbers, and other memory formats on either side.
  func with(_ scalar: KernelScalarType, input: MemoryFormat, output: MemoryFormat) -> KernelRequest {
    KernelRequest(
      `operator`, step, inputTypes: inputTypes, outputTypes: outputTypes, scalar: scalar,
      lossCount: lossCount, statisticsCount: statisticsCount, inputMemoryFormat: input,
      outputMemoryFormat: output)
  }
}

/// Memory that is aligned to 64 bytes and freed with its owner.
final class Buffer {
  let start: UnsafeMutableRawPointer
  private let count: Int
  private let format: OperandFormat

  init(_ numbers: [Double], _ format: OperandFormat) {
    start = .allocate(byteCount: max(1, numbers.count * format.size), alignment: 64)
    count = numbers.count
    self.format = format
    for (place, number) in numbers.enumerated() {
      switch format {
      case .scalar(.float32): start.storeBytes(of: Float(number), toByteOffset: place * 4, as: Float.self)
      case .scalar(.float64): start.storeBytes(of: number, toByteOffset: place * 8, as: Double.self)
      case .int64: start.storeBytes(of: Int64(number), toByteOffset: place * 8, as: Int64.self)
      case .int32: start.storeBytes(of: Int32(number), toByteOffset: place * 4, as: Int32.self)
      case .uint8: start.storeBytes(of: UInt8(number), toByteOffset: place, as: UInt8.self)
      }
    }
  }

  /// Memory filled with a pattern that is no sensible number.
  init(bytes: Int) {
    start = .allocate(byteCount: max(1, bytes), alignment: 64)
    start.initializeMemory(as: UInt8.self, repeating: 0xAB, count: bytes)
    count = 0
    format = .uint8
  }

  var numbers: [Double] {
    (0..<count).map { place in
      switch format {
      case .scalar(.float32): Double(start.load(fromByteOffset: place * 4, as: Float.self))
      case .scalar(.float64): start.load(fromByteOffset: place * 8, as: Double.self)
      case .int64: Double(start.load(fromByteOffset: place * 8, as: Int64.self))
      case .int32: Double(start.load(fromByteOffset: place * 4, as: Int32.self))
      case .uint8: Double(start.load(fromByteOffset: place, as: UInt8.self))
      }
    }
  }

  deinit { start.deallocate() }
}
