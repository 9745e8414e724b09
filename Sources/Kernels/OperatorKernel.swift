public import Graphs

/// The reference kernels of one operator on operands of given types.
///
/// ```swift
/// let kernel = try OperatorKernel(.activation(Activation(.relu)), inputs: [TensorType(.float32, [2])])
/// let outputs = kernel.forward([ReferenceTensor([2], [-1.0, 1.0])]).outputs
/// ```
public struct OperatorKernel: Sendable {
  /// The operator.
  public let `operator`: Operator
  /// The types of its inputs.
  public let inputTypes: [TensorType]
  /// The types of its outputs.
  public let outputTypes: [TensorType]
  /// Its backward operations.
  public let gradient: GradientRule
  /// Where masks are drawn.
  public let generator: CounterGenerator
  /// Into how many cells the batch is cut where a batch normalisation takes statistics for each cell.
  public let cells: Int
  private let kernel: any ReferenceKernel

  /// Creates the kernels of an operator.
  ///
  /// - Throws: `ShapeError` where the inputs do not fit the operator, or where it is a layer of a layer
  ///   table, which has no arithmetic.
  public init(
    _ operator: Operator, inputs: [TensorType], cells: Int = 1,
    generator: CounterGenerator = CounterGenerator(seed: 0, step: 1, stream: 0)
  ) throws(ShapeError) {
    guard let kernel = `operator`.kernel else { throw ShapeError("\(`operator`.kind) has no arithmetic") }
    self.kernel = kernel
    self.operator = `operator`
    inputTypes = inputs
    outputTypes = try `operator`.rules.outputTypes(inputs: inputs)
    gradient = `operator`.rules.gradient(inputs: inputs, outputs: outputTypes)
    self.generator = generator
    self.cells = cells
  }

  private var context: KernelContext {
    KernelContext(
      inputTypes: inputTypes, outputTypes: outputTypes,
      cells: cellRanges(samples: inputTypes.first?.shape.first ?? 1, cells: cells),
      moment: KernelMoment(generator: generator))
  }

  /// Returns the outputs, and what the gradient rule asks to be left for the backward phase, in Float64.
  public func forward(
    _ inputs: [ReferenceTensor<Double>]
  ) -> (outputs: [ReferenceTensor<Double>], auxiliaries: [ReferenceTensor<Double>]) {
    let result = kernel.forward(inputs, context)
    return (result.outputs, result.auxiliaries)
  }

  /// Returns the outputs, and what the gradient rule asks to be left for the backward phase, in Float32.
  public func forward(
    _ inputs: [ReferenceTensor<Float>]
  ) -> (outputs: [ReferenceTensor<Float>], auxiliaries: [ReferenceTensor<Float>]) {
    let result = kernel.forward(inputs, context)
    return (result.outputs, result.auxiliaries)
  }

  /// Returns one tensor for each input of an operation of ``gradient``, in Float64.
  ///
  /// - Precondition: `operands` holds all that the operation reads.
  public func backward(
    _ operation: GradientOperation, _ operands: [GradientOperand: ReferenceTensor<Double>]
  ) -> [ReferenceTensor<Double>] {
    kernel.backward(operation, BackwardOperands(operands), context)
  }

  /// Returns one tensor for each input of an operation of ``gradient``, in Float32.
  ///
  /// - Precondition: `operands` holds all that the operation reads.
  public func backward(
    _ operation: GradientOperation, _ operands: [GradientOperand: ReferenceTensor<Float>]
  ) -> [ReferenceTensor<Float>] {
    kernel.backward(operation, BackwardOperands(operands), context)
  }
}
