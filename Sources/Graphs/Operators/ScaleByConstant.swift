/// Every element multiplied by one number.
public struct ScaleByConstant: OperatorRules {
  /// The number.
  public let factor: Double

  /// Creates a scaling.
  public init(factor: Double) { self.factor = factor }

  /// The kind's name in tables and JSON.
  public var kind: String { "scale" }

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
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)])])
  }

  /// One read, one write and one product in each direction.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    switch phase {
    case .forward, .error: return .passes(2 * elements, operations: Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
