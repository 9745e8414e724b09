/// Tensors put one after another along one dimension.
public struct Concatenation: OperatorRules {
  /// The dimension.
  public let axis: Int

  /// Creates a concatenation; the axis is not negative.
  public init(axis: Int) { self.axis = axis }

  /// The kind's name in tables and JSON.
  public var kind: String { "concatenation" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...4096, of: kind)
    var shape = inputs[0].shape
    try ShapeError.require(
      shape.indices.contains(axis), "\(kind) along dimension \(axis) does not fit \(shape)")
    for input in inputs.dropFirst() {
      var expected = shape
      try ShapeError.require(
        input.shape.count == shape.count, "\(kind) of the shapes \(shape) and \(input.shape)")
      expected[axis] = input.shape[axis]
      try ShapeError.require(
        input.shape == expected, "\(kind) along dimension \(axis) of the shapes \(shape) and \(input.shape)")
      let (sum, overflow) = shape[axis].addingReportingOverflow(input.shape[axis])
      try ShapeError.require(!overflow, "\(kind) of more elements than can be counted")
      shape[axis] = sum
    }
    return [try .checked(inputs[0].elementType, shape)]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(outputs[0], inputs: inputs.count, whole: [axis])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: Array(inputs.indices), reading: [.outputError(0)])])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    .moving(phase, outputs[0].elementCount)
  }
}

/// A tensor cut into parts along one dimension.
public struct Split: OperatorRules {
  /// The dimension.
  public let axis: Int
  /// The extents of the parts, which add up to that of the dimension.
  public let sizes: [Int]

  /// Creates a split; the axis is not negative.
  public init(axis: Int, sizes: [Int]) {
    self.axis = axis
    self.sizes = sizes
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "split" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let shape = inputs[0].shape
    try ShapeError.require(
      shape.indices.contains(axis), "\(kind) along dimension \(axis) does not fit \(shape)")
    var rest = shape[axis]
    for size in sizes {
      try ShapeError.require(size > 0 && size <= rest, "the parts \(sizes) do not add up to \(shape[axis])")
      rest -= size
    }
    try ShapeError.require(rest == 0, "the parts \(sizes) do not add up to \(shape[axis])")
    return sizes.map { size in
      var part = shape
      part[axis] = size
      return inputs[0].with(shape: part)
    }
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .pointwise(inputs[0], outputs: outputs.count, whole: [axis])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([
      GradientOperation(.error, of: [0], reading: outputs.indices.map { .outputError($0) })
    ])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    .moving(phase, inputs[0].elementCount)
  }
}

extension Work {
  /// Elements that are read and written without arithmetic, in both directions.
  static func moving(_ phase: Phase, _ elements: Int) -> Work {
    switch phase {
    case .forward, .error: .passes(2 * elements)
    case .weightGradient, .update: Work()
    }
  }
}
