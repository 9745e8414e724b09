/// Two uses of one tensor: both outputs are the input itself, and the two errors are added.
///
/// It makes every use beyond the first explicit, so that the sum of the errors is planned and paid for.
public struct Fork: OperatorRules {
  /// Creates a fork.
  public init() {}

  public var kind: String { "fork" }

  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    return [inputs[0], inputs[0]]
  }

  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], outputs: 2)
  }

  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0), .outputError(1)])])
  }

  /// Forward nothing moves; backward two errors are read and their sum is written.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    return phase == .error ? .passes(3 * elements, operations: Double(elements)) : Work()
  }
}
