/// A product of matrices, batched over the leading dimensions, which broadcast.
///
/// Inputs: left (…, M, C) and right (…, C, K). Where the right operand is a parameter this is a weighted
/// layer; where it is an activation both operands get an error.
public struct MatrixMultiplication: OperatorRules {
  /// Whether the right operand is a parameter.
  public let right: OperandKind

  /// Creates a product.
  public init(right: OperandKind) { self.right = right }

  /// The kind's name in tables and JSON.
  public var kind: String { "matrix-multiplication" }
  /// Whether the operator is a weighted layer.
  public var isWeighted: Bool { right == .parameter }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...2, of: kind)
    let left = inputs[0].shape
    let right = inputs[1].shape
    try ShapeError.require(
      left.count >= 2 && right.count >= 2, "\(kind) takes matrices, not the shapes \(left) and \(right)")
    try ShapeError.require(
      left[left.count - 1] == right[right.count - 2], "the shapes \(left) and \(right) do not multiply")
    let leading = try Broadcast.shape(Array(left.dropLast(2)), Array(right.dropLast(2)))
    return [
      try .checked(inputs[0].elementType, leading + [left[left.count - 2], right[right.count - 1]])
    ]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let output = outputs[0].shape
    let rank = output.count
    let contraction = rank
    let leftRank = inputs[0].shape.count
    var axes = (0..<rank).map { dimension in
      IterationSpace.Axis(role(of: dimension, rank: rank), output[dimension])
    }
    axes.append(.init(self.right == .parameter ? .inputChannel : .whole, inputs[0].shape[leftRank - 1]))
    func splittable(_ axis: Int) -> Int? { axes[axis].role.isSplittable ? axis : nil }
    func leading(_ shape: [Int]) -> [Int?] {
      Broadcast.dimensions(of: Array(shape.dropLast(2)), in: Array(output.dropLast(2))).map {
        $0.flatMap(splittable)
      }
    }
    return IterationSpace(
      axes: axes,
      inputs: [
        leading(inputs[0].shape) + [splittable(rank - 2), splittable(contraction)],
        leading(inputs[1].shape) + [splittable(contraction), splittable(rank - 1)],
      ],
      outputs: [(0..<rank).map(splittable)])
  }

  private func role(of dimension: Int, rank: Int) -> AxisRole {
    if dimension == rank - 1 { return right == .parameter ? .outputChannel : .whole }
    if dimension == 0 { return .batch }
    return dimension == 1 && rank == 4 ? .head : .whole
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return right == .parameter ? SplitRule.splits(of: space) : SplitRule.nonlinear(space)
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    right == .parameter
      ? .weighted(inputs: 2)
      : GradientRule([
        GradientOperation(.error, of: [0, 1], reading: [.outputError(0), .input(0), .input(1)])
      ])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let left = inputs[0]
    let output = outputs[0]
    let channels = left.shape[left.shape.count - 1]
    let columns = output.shape[output.shape.count - 1]
    let products = inputs[1].shape.dropLast(2).reduce(1, *)
    let rows = output.elementCount / columns / products
    let multiplyAccumulates = Double(output.elementCount) * Double(channels)
    let forward = Contraction(streamed: rows, reduction: channels, columns: columns, count: products)
    let error = Contraction(streamed: rows, reduction: columns, columns: channels, count: products)
    if right == .parameter {
      return .weighted(
        phase, contraction: phase == .error ? error : forward, multiplyAccumulates: multiplyAccumulates,
        activations: left.elementCount + output.elementCount, weight: inputs[1].elementCount, bias: 0,
        outputs: output.elementCount)
    }
    let operands = left.elementCount + inputs[1].elementCount
    switch phase {
    case .forward:
      return Work(
        contraction: forward, multiplyAccumulates: multiplyAccumulates,
        activationElements: operands + output.elementCount)
    case .error:
      // Two products, one for each operand, each of which reads the error and the other operand.
      return Work(
        contraction: Contraction(streamed: rows, reduction: columns, columns: channels, count: 2 * products),
        multiplyAccumulates: 2 * multiplyAccumulates,
        activationElements: 2 * (operands + output.elementCount))
    case .weightGradient, .update:
      return Work()
    }
  }
}
