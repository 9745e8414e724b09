/// Every element multiplied by one number.
public struct ScaleByConstant: OperatorRules {
  /// The number.
  public let factor: Double

  /// Creates a scaling.
  public init(factor: Double) { self.factor = factor }

  public var kind: String { "scale" }

  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    return inputs
  }

  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0])
  }

  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

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
