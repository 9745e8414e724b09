import Graphs

/// The plainly written kernels behind the protocol of all kernels, in Float32 and in Float64.
///
/// They copy every operand into arrays of their own: made for comparison, not for speed.
public struct ReferenceKernelLibrary: KernelLibrary {
  /// Creates the library.
  public init() {}

  /// The name on the command line.
  public var name: String { "reference" }
  /// What computes.
  public var description: String { "reference kernels" }
  /// Nil: all activations are plain.
  public var channelBlock: Int? { nil }

  /// Returns that no operation wants blocks.
  public func wantsChannelBlocks(_ request: KernelRequest) -> (input: Bool, output: Bool) { (false, false) }

  /// Returns the operation, ready to run.
  public func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel {
    guard let kernel = request.operator.kernel else {
      throw UnrunnableNode(node: request.operator.kind, kind: request.operator.kind)
    }
    request.checkMemoryFormats(Self.memoryFormatRule(request))
    switch request.scalar {
    case .float32: return PreparedReferenceKernel<Float>(request, kernel)
    case .float64: return PreparedReferenceKernel<Double>(request, kernel)
    }
  }

  /// What treats each element for itself does so in any order; all else is written for row-major order.
  private static func memoryFormatRule(_ request: KernelRequest) -> MemoryFormatRule {
    switch request.operator {
    case .activation, .elementwise, .scaleByConstant, .fork:
      request.operator.memoryFormatRule(inputs: request.inputTypes, outputs: request.outputTypes)
    default: .plain
    }
  }
}

/// One operation of a reference kernel on operands in memory.
private final class PreparedReferenceKernel<Scalar: KernelScalar>: PreparedKernel {
  private let request: KernelRequest
  private let kernel: any ReferenceKernel
  private let auxiliaryTypes: [TensorType]

  init(_ request: KernelRequest, _ kernel: any ReferenceKernel) {
    self.request = request
    self.kernel = kernel
    auxiliaryTypes = request.auxiliaryTypes
  }

  var scratchSize: Int { 0 }

  func run(_ operands: KernelOperands, _ moment: KernelMoment, scratch: UnsafeMutableRawPointer?) {
    let memory = OperandMemory<Scalar>(request: request, operands: operands, auxiliaryTypes: auxiliaryTypes)
    if case .batchNormalization(let rules) = request.operator, rules.mode != .frozen {
      return BatchNormalizationSteps(rules: rules, request: request, memory: memory).run()
    }
    let samples = request.inputTypes.first?.shape.first ?? 1
    let context = KernelContext(
      inputTypes: request.inputTypes, outputTypes: request.outputTypes, cells: [0..<samples], moment: moment,
      lossCount: request.lossCount)
    switch request.step {
    case .forward: forward(memory, context)
    case .backward(let operation):
      var values: [GradientOperand: ReferenceTensor<Scalar>] = [:]
      for operand in operation.reads { values[operand] = memory.tensor(operand) }
      let results = kernel.backward(operation, BackwardOperands(values), context)
      for (index, result) in results.enumerated() { memory.writeResult(index, result.elements) }
    case .forwardStatistics, .backwardStatistics:
      preconditionFailure("\(request.operator.kind) takes no statistics")
    }
  }

  /// A bias that another device adds is left out.
  private func forward(_ memory: OperandMemory<Scalar>, _ context: KernelContext) {
    let present = memory.operands.inputs.indices.prefix { memory.operands.inputs[$0] != nil }
    let result = kernel.forward(present.map { memory.tensor(.input($0)) }, context)
    for (index, output) in result.outputs.enumerated() { memory.writeOutput(index, output.elements) }
    for (index, tensor) in result.auxiliaries.enumerated() { memory.writeAuxiliary(index, tensor.elements) }
  }
}

/// The four steps of a batch normalisation with statistics of the batch.
private struct BatchNormalizationSteps<Scalar: KernelScalar> {
  let rules: BatchNormalization
  let request: KernelRequest
  let memory: OperandMemory<Scalar>

  private var channels: Int { request.inputTypes[0].shape[1] }
  private var kernel: BatchNormalizationKernel<Scalar> {
    let shape = request.inputTypes[0].shape
    return BatchNormalizationKernel(shape: shape, epsilon: Scalar(rules.epsilon), cells: [0..<shape[0]])
  }

  func run() {
    switch request.step {
    case .forwardStatistics:
      memory.writeStatistics(
        kernel.shiftedSums(memory.tensor(.input(0)), around: memory.tensor(.input(3)).elements))
    case .forward: forward()
    case .backwardStatistics:
      memory.writeStatistics(
        kernel.errorSums(
          memory.tensor(.input(0)), memory.tensor(.outputError(0)),
          mean: memory.tensor(.auxiliary(0)).elements, reciprocal: memory.tensor(.auxiliary(1)).elements))
    case .backward(let operation): backward(operation)
    }
  }

  private func forward() {
    let moments = BatchMoments<Scalar>(
      sums: memory.statistics(2 * channels), origin: memory.tensor(.input(3)).elements,
      count: request.statisticsCount)
    let reciprocal = moments.variance.map { 1 / ($0 + Scalar(rules.epsilon)).squareRoot() }
    let y = kernel.forward(
      memory.tensor(.input(0)), scale: memory.tensor(.input(1)), bias: memory.tensor(.input(2)),
      mean: moments.mean, reciprocal: reciprocal)
    memory.writeOutput(0, y.elements)
    memory.writeAuxiliary(0, moments.mean)
    memory.writeAuxiliary(1, reciprocal)
  }

  private func backward(_ operation: GradientOperation) {
    let (x, error) = (memory.tensor(.input(0)), memory.tensor(.outputError(0)))
    let mean = memory.tensor(.auxiliary(0)).elements
    let reciprocal = memory.tensor(.auxiliary(1)).elements
    let local = kernel.errorSums(x, error, mean: mean, reciprocal: reciprocal)
    for (index, input) in operation.inputs.enumerated() {
      switch input {
      case 0:
        let dx = kernel.error(
          x, scale: memory.tensor(.input(1)), error, mean: mean, reciprocal: reciprocal,
          sums: memory.statistics(2 * channels), count: request.statisticsCount)
        memory.writeResult(index, dx.elements)
      case 1: memory.writeResult(index, Array(local[channels...]))
      default: memory.writeResult(index, Array(local[..<channels]))
      }
    }
  }
}

/// Operands in memory as tensors of numbers.
private struct OperandMemory<Scalar: KernelScalar> {
  let request: KernelRequest
  let operands: KernelOperands
  let auxiliaryTypes: [TensorType]

  func tensor(_ operand: GradientOperand) -> ReferenceTensor<Scalar> {
    switch operand {
    case .input(let index):
      read(operands.inputs[index], request.inputTypes[index], request.inputFormat(index), operand)
    case .output(let index):
      read(operands.outputs[index], request.outputTypes[index], request.outputFormat(index), operand)
    case .auxiliary(let index):
      read(operands.auxiliaries[index], auxiliaryTypes[index], request.auxiliaryFormat(index), operand)
    case .outputError(let index):
      // An output that does not lead to the loss has no error.
      operands.outputErrors[index].map {
        read($0, request.outputTypes[index], request.outputFormat(index), operand)
      } ?? ReferenceTensor(request.outputTypes[index].shape)
    }
  }

  func statistics(_ count: Int) -> [Scalar] {
    read(operands.statistics, TensorType(.float64, [count]), .scalar(request.scalar), .auxiliary(0)).elements
  }

  func writeOutput(_ index: Int, _ elements: [Scalar]) {
    write(elements, to: operands.outputs[index], request.outputFormat(index))
  }

  func writeAuxiliary(_ index: Int, _ elements: [Scalar]) {
    guard operands.auxiliaries.indices.contains(index) else { return }
    write(elements, to: operands.auxiliaries[index], request.auxiliaryFormat(index))
  }

  func writeResult(_ index: Int, _ elements: [Scalar]) {
    write(elements, to: operands.results[index], .scalar(request.scalar))
  }

  func writeStatistics(_ elements: [Scalar]) {
    write(elements, to: operands.statistics, .scalar(request.scalar))
  }

  private func read(
    _ memory: UnsafeMutableRawPointer?, _ type: TensorType, _ format: OperandFormat,
    _ operand: GradientOperand
  ) -> ReferenceTensor<Scalar> {
    guard let memory else { preconditionFailure("\(operand) of \(request.operator.kind) is missing") }
    return ReferenceTensor(type.shape) { place in
      switch format {
      case .scalar: memory.load(fromByteOffset: place * MemoryLayout<Scalar>.stride, as: Scalar.self)
      case .int64: Scalar(memory.load(fromByteOffset: place * 8, as: Int64.self))
      case .int32: Scalar(memory.load(fromByteOffset: place * 4, as: Int32.self))
      case .uint8: Scalar(memory.load(fromByteOffset: place, as: UInt8.self))
      }
    }
  }

  private func write(_ elements: [Scalar], to memory: UnsafeMutableRawPointer?, _ format: OperandFormat) {
    guard let memory else { return }
    for (place, element) in elements.enumerated() {
      switch format {
      case .scalar:
        memory.storeBytes(of: element, toByteOffset: place * MemoryLayout<Scalar>.stride, as: Scalar.self)
      case .int64: memory.storeBytes(of: Int64(element), toByteOffset: place * 8, as: Int64.self)
      case .int32: memory.storeBytes(of: Int32(element), toByteOffset: place * 4, as: Int32.self)
      case .uint8: memory.storeBytes(of: UInt8(element), toByteOffset: place, as: UInt8.self)
      }
    }
  }
}
