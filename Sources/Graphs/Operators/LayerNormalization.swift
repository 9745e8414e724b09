/// Normalisation of each sample over its dimensions from `axis` on, then a scale and optionally a shift.
///
/// Inputs: activations, scale and optionally bias, both of the normalised dimensions' shape.
public struct LayerNormalization: OperatorRules {
  /// The first normalised dimension.
  public let axis: Int
  /// What is added to the variance.
  public let epsilon: Double

  /// Creates a layer normalisation; the axis is not negative.
  public init(axis: Int, epsilon: Double = 1e-5) {
    self.axis = axis
    self.epsilon = epsilon
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "layer-normalization" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...3, of: kind)
    let input = inputs[0].shape
    try ShapeError.require(
      axis >= 1 && axis < input.count, "\(kind) from dimension \(axis) on does not fit the shape \(input)")
    for parameter in inputs.dropFirst() {
      try ShapeError.require(
        parameter.shape == Array(input[axis...]),
        "\(kind) over \(Array(input[axis...])) has a parameter of shape \(parameter.shape)")
    }
    return [inputs[0]]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let rank = inputs[0].shape.count
    let space = IterationSpace.pointwise(inputs[0], whole: Array(axis..<rank))
    let none = [Int?](repeating: nil, count: rank - axis)
    return IterationSpace(
      axes: space.axes, inputs: space.inputs + Array(repeating: none, count: inputs.count - 1),
      outputs: space.outputs)
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.nonlinear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    let statistics = TensorType(inputs[0].elementType, Array(inputs[0].shape.prefix(axis)))
    return GradientRule(
      [
        GradientOperation(
          .error, of: Array(inputs.indices),
          reading: [.outputError(0), .input(0), .input(1), .auxiliary(0), .auxiliary(1)])
      ],
      auxiliaries: [statistics, statistics])
  }

  /// The passes and the arithmetic of batch normalisation: 3 and 5 passes, 5 and 9 operations for each
  /// element.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    let parameters = inputs.dropFirst().reduce(0) { $0 + $1.elementCount }
    switch phase {
    case .forward: return .passes(3 * elements, operations: 5 * Double(elements), parameters: parameters)
    case .error:
      return .passes(
        5 * elements, operations: 9 * Double(elements), parameters: inputs[1].elementCount,
        gradients: parameters)
    case .weightGradient, .update: return Work()
    }
  }
}
