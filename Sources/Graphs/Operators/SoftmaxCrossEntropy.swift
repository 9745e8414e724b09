/// The mean over the global batch of the cross-entropy between softmax of the logits and the labels: the
/// loss.
///
///     loss = −(1 ∕ N) Σ_n log softmax(logits[n])[label[n]]
///
/// Inputs: logits (N, classes, …) and labels (N, …), which number the classes. The output is a scalar. It
/// begins the backward phase, so that its operation reads no error.
public struct SoftmaxCrossEntropy: OperatorRules {
  /// Creates a loss.
  public init() {}

  /// The kind's name in tables and JSON.
  public var kind: String { "softmax-cross-entropy" }
  /// The operator is a loss.
  public var isLoss: Bool { true }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...2, of: kind)
    let logits = inputs[0].shape
    let labels = inputs[1].shape
    try ShapeError.require(logits.count >= 2, "\(kind) takes logits (N, classes, …), not the shape \(logits)")
    try ShapeError.require(
      labels == [logits[0]] + logits.dropFirst(2),
      "labels of shape \(labels) do not fit logits of shape \(logits)")
    return [TensorType(inputs[0].elementType, [])]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    func dimensions(_ rank: Int) -> [Int?] { (0..<rank).map { $0 == 0 ? 0 : nil } }
    return IterationSpace(
      axes: [.init(.batch, inputs[0].shape[0])], inputs: inputs.map { dimensions($0.shape.count) },
      outputs: [[]])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return SplitRule.splits(of: space) + [.replicated(space)]
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule(
      [GradientOperation(.error, of: [0], reading: [.input(1), .auxiliary(0)])], auxiliaries: [inputs[0]])
  }

  /// Forward the logits are read and the probabilities written, with the five operations of softmax and one
  /// logarithm for each label; backward one subtraction and one product.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let logits = inputs[0].elementCount
    let labels = inputs[1].elementCount
    switch phase {
    case .forward: return .passes(2 * logits + labels, operations: 5 * Double(logits) + Double(labels))
    case .error: return .passes(2 * logits + labels, operations: 2 * Double(logits))
    case .weightGradient, .update: return Work()
    }
  }
}
