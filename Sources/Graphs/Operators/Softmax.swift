/// The exponentials along one dimension divided by their sum, or the logarithm of that.
public struct Softmax: OperatorRules {
  /// The dimension along which the result sums to one.
  public let axis: Int
  /// Whether the logarithm is wanted.
  public let isLogarithmic: Bool

  /// Creates a softmax; the axis is not negative.
  public init(axis: Int, isLogarithmic: Bool = false) {
    self.axis = axis
    self.isLogarithmic = isLogarithmic
  }

  /// The kind's name in tables and JSON.
  public var kind: String { isLogarithmic ? "log-softmax" : "softmax" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    try ShapeError.require(
      inputs[0].shape.indices.contains(axis),
      "\(kind) along dimension \(axis) does not fit \(inputs[0].shape)")
    return inputs
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], whole: [axis])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.nonlinear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0), .output(0)])])
  }

  /// Returns the arithmetic and traffic of a phase.
  ///
  /// Forward: maximum, subtraction, exponential, sum, division (5). Backward: product, sum, subtraction,
  /// product.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    switch phase {
    case .forward: return .passes(2 * elements, operations: 5 * Double(elements))
    case .error: return .passes(3 * elements, operations: 4 * Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
