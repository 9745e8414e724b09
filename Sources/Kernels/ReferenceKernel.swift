import Graphs

/// What a kernel knows besides its operands.
struct KernelContext {
  let inputTypes: [TensorType]
  let outputTypes: [TensorType]
  /// The ranges of samples over which batch statistics are taken.
  let cells: [Range<Int>]
  /// Where masks are drawn, and which part of the batch and of a sample is present.
  let moment: KernelMoment
  /// Of a loss, the number of labels of which it is the mean; nil for those that are present.
  let lossCount: Int?

  init(
    inputTypes: [TensorType], outputTypes: [TensorType], cells: [Range<Int>], moment: KernelMoment,
    lossCount: Int? = nil
  ) {
    self.inputTypes = inputTypes
    self.outputTypes = outputTypes
    self.cells = cells
    self.moment = moment
    self.lossCount = lossCount
  }
}

/// What the forward phase of an operator makes.
struct ForwardResult<Scalar: KernelScalar> {
  let outputs: [ReferenceTensor<Scalar>]
  let auxiliaries: [ReferenceTensor<Scalar>]
  /// Inputs with the role of a state and what becomes of them in this step.
  let states: [(input: Int, tensor: ReferenceTensor<Scalar>)]

  init(
    _ outputs: [ReferenceTensor<Scalar>], auxiliaries: [ReferenceTensor<Scalar>] = [],
    states: [(input: Int, tensor: ReferenceTensor<Scalar>)] = []
  ) {
    self.outputs = outputs
    self.auxiliaries = auxiliaries
    self.states = states
  }
}

/// The operands of a backward operation: exactly those that the gradient rule says it reads.
struct BackwardOperands<Scalar: KernelScalar> {
  private let values: [GradientOperand: ReferenceTensor<Scalar>]

  init(_ values: [GradientOperand: ReferenceTensor<Scalar>]) { self.values = values }

  func input(_ index: Int) -> ReferenceTensor<Scalar> { value(.input(index)) }
  func output(_ index: Int) -> ReferenceTensor<Scalar> { value(.output(index)) }
  func auxiliary(_ index: Int) -> ReferenceTensor<Scalar> { value(.auxiliary(index)) }
  func outputError(_ index: Int) -> ReferenceTensor<Scalar> { value(.outputError(index)) }

  private func value(_ operand: GradientOperand) -> ReferenceTensor<Scalar> {
    guard let value = values[operand] else {
      preconditionFailure("the gradient rule does not say that \(operand) is read")
    }
    return value
  }
}

/// The arithmetic of an operator, plainly written: what every faster kernel is compared with.
protocol ReferenceKernel: Sendable {
  /// Computes the outputs, and what the gradient rule asks to be left for the backward phase.
  func forward<Scalar>(_ inputs: [ReferenceTensor<Scalar>], _ context: KernelContext) -> ForwardResult<Scalar>
  /// Computes one operation of the gradient rule: one tensor for each of the operation's inputs.
  func backward<Scalar>(
    _ operation: GradientOperation, _ operands: BackwardOperands<Scalar>, _ context: KernelContext
  ) -> [ReferenceTensor<Scalar>]
}
