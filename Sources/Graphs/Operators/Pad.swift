/// A tensor with elements put around it.
public struct Pad: OperatorRules {
  /// What is put around it.
  public enum Mode: Hashable, Sendable {
    /// One value.
    case constant(Double)
    /// The elements mirrored at the edge, without the edge.
    case reflect
    /// The element at the edge.
    case edge
  }

  /// The padding of each dimension.
  public let padding: [Padding]
  /// What is put around.
  public let mode: Mode

  /// Creates a padding with one entry for each dimension.
  public init(_ padding: [Padding], mode: Mode = .constant(0)) {
    self.padding = padding
    self.mode = mode
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "pad" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let input = inputs[0].shape
    try ShapeError.require(padding.count == input.count, "\(padding.count) paddings do not fit \(input)")
    var shape: [Int] = []
    for (extent, padding) in zip(input, padding) {
      try ShapeError.require(
        padding.begin >= 0 && padding.end >= 0, "a padding of \(padding.begin) and \(padding.end)")
      let widest = max(padding.begin, padding.end)
      try ShapeError.require(
        widest <= 1 << 47 && (mode != .reflect || widest < extent),
        "a padding of \(widest) does not fit an extent of \(extent)")
      shape.append(extent + padding.begin + padding.end)
    }
    return [try .checked(inputs[0].elementType, shape)]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], whole: padding.indices.filter { padding[$0] != Padding(0) })
  }

  /// A constant other than zero would be added once for each side of a partial result.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    if case .constant(let value) = mode, value != 0 { return SplitRule.nonlinear(space) }
    return SplitRule.linear(space)
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)])])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    switch phase {
    case .forward, .error: .passes(inputs[0].elementCount + outputs[0].elementCount)
    case .weightGradient, .update: Work()
    }
  }
}
