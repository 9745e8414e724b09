/// Each element divided by a power of the squares of its neighbours among the channels.
///
///     y[c] = x[c] · (bias + alpha ∕ size · Σ_{c' near c} x[c']²)^−beta
public struct LocalResponseNormalization: OperatorRules {
  /// The number of neighbouring channels in the sum.
  public let size: Int
  /// The factor of the sum.
  public let alpha: Double
  /// The exponent.
  public let beta: Double
  /// What is added to the sum.
  public let bias: Double

  /// Creates a normalisation.
  public init(size: Int, alpha: Double = 1e-4, beta: Double = 0.75, bias: Double = 1) {
    self.size = size
    self.alpha = alpha
    self.beta = beta
    self.bias = bias
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "local-response-normalization" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    try ShapeError.require(size > 0 && size <= 1 << 31, "\(kind) has the size \(size)")
    try ShapeError.require(
      inputs[0].shape.count >= 3, "\(kind) does not fit the shape \(inputs[0].shape)")
    return inputs
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], whole: Array(1..<inputs[0].shape.count))
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.nonlinear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0), .input(0), .output(0)])])
  }

  /// Returns the arithmetic and traffic of a phase.
  ///
  /// Forward: a square, `size` additions, scale, bias, power, product. Backward the same sum and three more.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    switch phase {
    case .forward: return .passes(2 * elements, operations: Double(size + 5) * Double(elements))
    case .error: return .passes(4 * elements, operations: Double(size + 8) * Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
