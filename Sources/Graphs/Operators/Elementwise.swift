/// Arithmetic of two tensors element by element, with broadcasting.
public struct Elementwise: OperatorRules {
  /// The operations.
  public enum Function: String, Hashable, Sendable, CaseIterable {
    case add, subtract, multiply, divide, maximum, minimum, power
  }

  /// The operation.
  public let function: Function
  /// Whether the first operand is a parameter or a constant.
  public let left: OperandKind
  /// Whether the second operand is a parameter or a constant.
  public let right: OperandKind

  /// Creates an operation.
  public init(_ function: Function, left: OperandKind = .activation, right: OperandKind = .activation) {
    self.function = function
    self.left = left
    self.right = right
  }

  /// The kind's name in tables and JSON.
  public var kind: String { function.rawValue }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...2, of: kind)
    return [
      try .checked(inputs[0].elementType, try Broadcast.shape(inputs[0].shape, inputs[1].shape))
    ]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let space = IterationSpace.pointwise(outputs[0])
    return IterationSpace(
      axes: space.axes,
      inputs: inputs.map { input in
        Broadcast.dimensions(of: input.shape, in: outputs[0].shape).map { dimension in
          dimension.flatMap { space.outputs[0][$0] }
        }
      },
      outputs: space.outputs)
  }

  /// A sum of two addends passes a partial result on; every operation is linear in its error.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    let isSum = function == .add || function == .subtract
    let isLinear = isSum && left == .activation && right == .activation
    return isLinear ? SplitRule.linear(space) : SplitRule.nonlinear(space)
  }

  private func reads(_ operand: Int) -> [GradientOperand] {
    switch (function, operand) {
    case (.add, _), (.subtract, _): [.outputError(0)]
    case (.multiply, _): [.outputError(0), .input(1 - operand)]
    case (.divide, 0): [.outputError(0), .input(1)]
    case (.divide, _): [.outputError(0), .output(0), .input(1)]
    case (.maximum, _), (.minimum, _): [.outputError(0), .input(0), .input(1)]
    case (.power, 0): [.outputError(0), .input(0), .input(1)]
    case (.power, _): [.outputError(0), .input(0), .output(0)]
    }
  }

  /// One operation for each operand, since one of them may have no gradient.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule(
      [left, right].enumerated().map { operand, kind in
        GradientOperation(
          kind == .parameter ? .weightGradient : .error, of: [operand], reading: reads(operand))
      })
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    switch phase {
    case .forward:
      // A power counts as one, as every function of a library does.
      return traffic(of: [.input(0), .input(1)], inputs, outputs)
        .adding(activations: outputs[0].elementCount, operations: Double(outputs[0].elementCount))
    case .error: return backward(of: left == .activation ? 0 : 1, inputs, outputs)
    case .weightGradient: return backward(of: right == .parameter ? 1 : 0, inputs, outputs)
    case .update: return Work()
    }
  }

  /// Returns the arithmetic and traffic of one backward operation.
  public func work(of operation: GradientOperation, inputs: [TensorType], outputs: [TensorType]) -> Work {
    operation.inputs.reduce(Work()) { $0.adding(backward(of: $1, inputs, outputs)) }
  }

  /// Reads what the operand's gradient needs and writes it.
  ///
  /// Of a sum the error is the operand's error as it stands, unless it must be negated or summed.
  private func backward(of operand: Int, _ inputs: [TensorType], _ outputs: [TensorType]) -> Work {
    let isBroadcast = inputs[operand].shape != outputs[0].shape
    let isNegated = function == .subtract && operand == 1
    if (function == .add || function == .subtract) && !isBroadcast && !isNegated { return Work() }
    let reads = reads(operand)
    let arithmetic = Double(reads.count - 1 + (isBroadcast || isNegated ? 1 : 0))
    let made = inputs[operand].elementCount
    let isParameter = [left, right][operand] == .parameter
    return traffic(of: reads, inputs, outputs).adding(
      activations: isParameter ? 0 : made, gradients: isParameter ? made : 0,
      operations: arithmetic * Double(outputs[0].elementCount))
  }

  private func traffic(
    of operands: [GradientOperand], _ inputs: [TensorType], _ outputs: [TensorType]
  ) -> Work {
    var work = Work()
    for operand in operands {
      if case .input(let index) = operand {
        if [left, right][index] == .parameter {
          work.parameterElements += inputs[index].elementCount
        } else {
          work.activationElements += inputs[index].elementCount
        }
      } else {
        work.activationElements += outputs[0].elementCount
      }
    }
    return work
  }
}

extension Work {
  func adding(activations: Int = 0, gradients: Int = 0, operations: Double = 0) -> Work {
    adding(.passes(activations, operations: operations, gradients: gradients))
  }

  /// The sum of two amounts of element-wise work.
  func adding(_ other: Work) -> Work {
    Work(
      elementOperations: elementOperations + other.elementOperations,
      activationElements: activationElements + other.activationElements,
      parameterElements: parameterElements + other.parameterElements,
      gradientElements: gradientElements + other.gradientElements)
  }
}
