/// The mean, the sum or the greatest element over some dimensions.
public struct Reduction: OperatorRules {
  /// What is made of the elements.
  public enum Function: String, Hashable, Sendable, CaseIterable { case mean, sum, maximum }

  /// What is made of the elements.
  public let function: Function
  /// The dimensions that are reduced.
  public let axes: [Int]
  /// Whether reduced dimensions stay with the extent one.
  public let keepsDimensions: Bool

  /// Creates a reduction; axes are not negative.
  public init(_ function: Function, axes: [Int], keepsDimensions: Bool) {
    self.function = function
    self.axes = axes
    self.keepsDimensions = keepsDimensions
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "reduce-\(function.rawValue)" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let shape = inputs[0].shape
    for axis in axes {
      try ShapeError.require(
        shape.indices.contains(axis), "\(kind) over dimension \(axis) does not fit \(shape)")
    }
    return [inputs[0].with(shape: kept(shape))]
  }

  private func kept(_ shape: [Int]) -> [Int] {
    shape.indices.compactMap { axes.contains($0) ? (keepsDimensions ? 1 : nil) : shape[$0] }
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let space = IterationSpace.pointwise(inputs[0], whole: axes)
    let remaining = space.inputs[0].indices.filter { keepsDimensions || !axes.contains($0) }
    return IterationSpace(
      axes: space.axes, inputs: space.inputs, outputs: [remaining.map { space.inputs[0][$0] }])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return function == .maximum ? SplitRule.nonlinear(space) : SplitRule.linear(space)
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    let saved: [GradientOperand] = function == .maximum ? [.input(0), .output(0)] : []
    return GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)] + saved)])
  }

  /// One operation for each input element forward, one backward.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    let results = outputs[0].elementCount
    switch phase {
    case .forward: return .passes(elements + results, operations: Double(elements))
    case .error:
      let passes = function == .maximum ? 2 : 1
      return .passes(passes * (elements + results), operations: Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
