/// A function of each element alone.
public struct Activation: OperatorRules {
  /// The functions.
  public enum Function: Hashable, Sendable {
    /// max(x, 0).
    case relu
    /// x where positive, otherwise alpha · x; alpha is not negative.
    case leakyRelu(alpha: Double)
    /// 1 ∕ (1 + e^−x).
    case sigmoid
    /// (e^x − e^−x) ∕ (e^x + e^−x).
    case tanh
    /// x · Φ(x), with Φ the distribution function of the normal distribution.
    case gelu
    /// min(max(x, minimum), maximum); ReLU6 with 0 and 6.
    case clip(minimum: Double, maximum: Double)
    /// min(max(alpha · x + beta, 0), 1).
    case hardSigmoid(alpha: Double, beta: Double)
    /// x · min(max(x ∕ 6 + 1 ∕ 2, 0), 1).
    case hardSwish
    /// x where positive, otherwise alpha · (e^x − 1); alpha is positive.
    case elu(alpha: Double)
    /// e^x.
    case exponential
    /// ln x.
    case logarithm
    /// √x.
    case squareRoot
    /// −x.
    case negate
    /// |x|.
    case absolute
    /// 1 ∕ x.
    case reciprocal
    /// The error function of x.
    case errorFunction
    /// ln(1 + e^x).
    case softplus
  }

  /// The function.
  public let function: Function

  /// Creates an activation.
  public init(_ function: Function) { self.function = function }

  /// The kind's name in tables and JSON.
  public var kind: String {
    switch function {
    case .relu: "relu"
    case .leakyRelu: "leaky-relu"
    case .sigmoid: "sigmoid"
    case .tanh: "tanh"
    case .gelu: "gelu"
    case .clip: "clip"
    case .hardSigmoid: "hard-sigmoid"
    case .hardSwish: "hard-swish"
    case .elu: "elu"
    case .exponential: "exponential"
    case .logarithm: "logarithm"
    case .squareRoot: "square-root"
    case .negate: "negate"
    case .absolute: "absolute"
    case .reciprocal: "reciprocal"
    case .errorFunction: "error-function"
    case .softplus: "softplus"
    }
  }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    return inputs
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return function == .negate ? SplitRule.linear(space) : SplitRule.nonlinear(space)
  }

  /// What the derivative is computed from: the output where it decides the derivative, else the input.
  private var saved: GradientOperand? {
    switch function {
    case .relu, .leakyRelu, .sigmoid, .tanh, .clip, .hardSigmoid, .elu, .exponential, .squareRoot,
      .reciprocal:
      .output(0)
    case .gelu, .hardSwish, .logarithm, .absolute, .errorFunction, .softplus: .input(0)
    case .negate: nil
    }
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    let saved = self.saved.map { [$0] } ?? []
    return GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)] + saved)])
  }

  /// Arithmetic for each element: one for each operation of the formula, a function of the library as one.
  private var operations: (forward: Double, error: Double) {
    switch function {
    case .relu, .negate, .absolute: (1, 1)
    case .leakyRelu, .clip: (2, 2)
    case .sigmoid: (4, 3)
    case .tanh: (1, 3)
    case .gelu: (5, 8)
    case .hardSigmoid: (4, 3)
    case .hardSwish: (5, 6)
    case .elu: (4, 3)
    case .exponential: (1, 1)
    case .logarithm, .reciprocal: (1, 3)
    case .squareRoot: (1, 2)
    case .errorFunction: (1, 4)
    case .softplus: (3, 4)
    }
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    switch phase {
    case .forward: return .passes(2 * elements, operations: operations.forward * Double(elements))
    case .error:
      let passes = saved == nil ? 2 : 3
      return .passes(passes * elements, operations: operations.error * Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
