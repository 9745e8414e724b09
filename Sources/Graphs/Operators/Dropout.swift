/// Each element kept and divided by 1 − ratio, or with the probability `ratio` set to zero.
public struct Dropout: OperatorRules {
  /// The probability of a zero.
  public let ratio: Double

  /// Creates a dropout.
  public init(ratio: Double) { self.ratio = ratio }

  /// The kind's name in tables and JSON.
  public var kind: String { "dropout" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    try ShapeError.require(ratio >= 0 && ratio < 1, "\(kind) has the ratio \(ratio)")
    return inputs
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.nonlinear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule(
      [GradientOperation(.error, of: [0], reading: [.outputError(0), .auxiliary(0)])],
      auxiliaries: [TensorType(.uint8, inputs[0].shape)])
  }

  /// Input, output and mask pass forward, error, mask and input error backward; one product each time.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    switch phase {
    case .forward, .error: return .passes(3 * elements, operations: Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
