/// Two uses of one tensor: both outputs are the input itself, and the two errors are added.
///
/// It makes every use beyond the first explicit, so that the sum of the errors is planned and paid for.
public struct Fork: OperatorRules {
  /// Creates a fork.
  public init() {}

  /// The kind's name in tables and JSON.
  public var kind: String { "fork" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    return [inputs[0], inputs[0]]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], outputs: 2)
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0), .outputError(1)])])
  }

  /// Forward nothing moves; backward two errors are read and their sum is written.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    return phase == .error ? .passes(3 * elements, operations: Double(elements)) : Work()
  }
}
