/// A value that a backward operation reads or makes, seen from its forward node.
public enum GradientOperand: Hashable, Sendable {
  /// The node's input, saved.
  case input(Int)
  /// The node's output, saved.
  case output(Int)
  /// Something the forward phase left only for the backward phase, such as a mask.
  case auxiliary(Int)
  /// The error of the node's output.
  case outputError(Int)
}

/// One backward operation of an operator: which gradients it makes, and from what.
public struct GradientOperation: Hashable, Sendable {
  /// `error` or `weightGradient`.
  public let phase: Phase
  /// The inputs whose errors (activations) or gradients (parameters) it makes.
  public let inputs: [Int]
  /// What it reads.
  public let reads: [GradientOperand]

  /// Creates an operation.
  public init(_ phase: Phase, of inputs: [Int], reading reads: [GradientOperand]) {
    self.phase = phase
    self.inputs = inputs
    self.reads = reads
  }
}

/// The backward operations of an operator; the walk that uses them is in `Differentiation`.
public struct GradientRule: Hashable, Sendable {
  /// The operations, in the order in which they run.
  public let operations: [GradientOperation]
  /// What the forward phase leaves for them besides its outputs; batch split as the tensor of which it is a
  /// note.
  public let auxiliaries: [TensorType]

  /// Creates a rule.
  public init(_ operations: [GradientOperation], auxiliaries: [TensorType] = []) {
    self.operations = operations
    self.auxiliaries = auxiliaries
  }
}
