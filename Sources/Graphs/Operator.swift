/// What is true of an operator on every machine, by mathematics alone.
public protocol OperatorRules: Hashable, Sendable {
  /// The kind's name in tables and JSON, such as `convolution`.
  var kind: String { get }
  /// Returns the types of the outputs.
  ///
  /// - Throws: ``ShapeError`` where the inputs do not fit.
  func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType]
  /// The axes and which tensor dimension each cuts.
  func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace
  /// The ways to spread the operator over one mesh level.
  func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule]
  /// The backward operations. Inputs that have no gradient (labels, indices) appear in none.
  func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule
  /// The arithmetic and traffic of one phase on tensors of the given (local) types.
  ///
  /// For `error` and `weightGradient` the traffic is that of the phase's ``GradientOperation``.
  func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work
  /// The elements of batch statistics that a phase must sum over the levels of a rule that asks for it.
  func statistics(_ phase: Phase, inputs: [TensorType]) -> Int
  /// Whether parameters make this a weighted layer, whose splits `--axes` restricts and plans list.
  var isWeighted: Bool { get }
}

extension OperatorRules {
  /// No statistics.
  public func statistics(_ phase: Phase, inputs: [TensorType]) -> Int { 0 }
  /// Not a weighted layer.
  public var isWeighted: Bool { false }
}
