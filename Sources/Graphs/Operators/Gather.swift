/// The parts of a tensor along one dimension that the indices name, in their order.
///
/// Inputs: data and indices. The indices' dimensions take the place of the dimension.
public struct Gather: OperatorRules {
  /// The dimension of the data.
  public let axis: Int

  /// Creates a gather; the axis is not negative.
  public init(axis: Int) { self.axis = axis }

  /// The kind's name in tables and JSON.
  public var kind: String { "gather" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...2, of: kind)
    let data = inputs[0].shape
    try ShapeError.require(
      data.indices.contains(axis), "\(kind) along dimension \(axis) does not fit \(data)")
    return [
      try .checked(inputs[0].elementType, data[..<axis] + inputs[1].shape + data[(axis + 1)...])
    ]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let space = IterationSpace.pointwise(inputs[0], whole: [axis])
    let dimensions = space.inputs[0]
    let indices = [Int?](repeating: nil, count: inputs[1].shape.count)
    return IterationSpace(
      axes: space.axes, inputs: [dimensions, indices],
      outputs: [dimensions[..<axis] + indices + dimensions[(axis + 1)...]])
  }

  /// The selection is linear in the data, but the indices enter every rule whole.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs)).map { rule in
      SplitRule(
        name: rule.name, axis: rule.axis, inputs: [rule.inputs[0], .replicated], outputs: rule.outputs,
        outputErrors: rule.outputErrors, inputErrors: [rule.inputErrors[0], .replicated])
    }
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0), .input(1)])])
  }

  /// Forward the selected elements are read and written; backward they are added into a whole error.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let (data, indices, selected) = (inputs[0].elementCount, inputs[1].elementCount, outputs[0].elementCount)
    switch phase {
    case .forward: return .passes(2 * selected + indices)
    case .error: return .passes(selected + indices + data, operations: Double(selected))
    case .weightGradient, .update: return Work()
    }
  }
}

/// The rows of a trained table that the indices name.
///
/// Inputs: indices (N, …) and a table (rows, columns). A split of the rows leaves the result partial: each
/// side has the rows it holds and zeros for the others.
public struct Embedding: OperatorRules {
  /// Creates an embedding.
  public init() {}

  /// The kind's name in tables and JSON.
  public var kind: String { "embedding" }
  /// Whether the operator is a weighted layer.
  public var isWeighted: Bool { true }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...2, of: kind)
    try ShapeError.require(
      inputs[1].shape.count == 2 && !inputs[0].shape.isEmpty,
      "\(kind) of a table of shape \(inputs[1].shape) at indices of shape \(inputs[0].shape)")
    return [try .checked(inputs[1].elementType, inputs[0].shape + [inputs[1].shape[1]])]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let indices: [Int?] = inputs[0].shape.indices.map { $0 == 0 ? 0 : nil }
    return IterationSpace(
      axes: [
        .init(.batch, inputs[0].shape[0]), .init(.inputChannel, inputs[1].shape[0]),
        .init(.outputChannel, inputs[1].shape[1]),
      ],
      inputs: [indices, [1, 2]], outputs: [indices + [2]])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.splits(of: iterationSpace(inputs: inputs, outputs: outputs)).map { rule in
      rule.axis == .batch ? rule : rule.leaving(.replicated, forInputs: [0])
    }
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.weightGradient, of: [1], reading: [.outputError(0), .input(0)])])
  }

  /// Forward the named rows are read and written; backward the errors are added into a whole gradient.
  ///
  /// Which rows are named depends on the data: the counts are those of a dense gradient.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let (indices, selected) = (inputs[0].elementCount, outputs[0].elementCount)
    switch phase {
    case .forward: return .passes(selected + indices, parameters: selected)
    case .weightGradient:
      return .passes(
        selected + indices, operations: Double(selected), gradients: inputs[1].elementCount)
    case .error, .update: return Work()
    }
  }
}
