/// A tensor with its dimensions in another order.
public struct Transpose: OperatorRules {
  /// For each dimension of the result the dimension of the input.
  public let permutation: [Int]

  /// Creates a transposition.
  public init(_ permutation: [Int]) { self.permutation = permutation }

  /// The kind's name in tables and JSON.
  public var kind: String { "transpose" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let shape = inputs[0].shape
    try ShapeError.require(
      permutation.sorted() == Array(shape.indices), "the permutation \(permutation) does not fit \(shape)")
    return [inputs[0].with(shape: permutation.map { shape[$0] })]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    IterationSpace.regrouped(
      permutation.enumerated().map { output, input in
        (input: input, output: output, extent: outputs[0].shape[output])
      }, input: inputs[0], output: outputs[0])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.linear(iterationSpace(inputs: inputs, outputs: outputs))
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)])])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    .moving(phase, inputs[0].elementCount)
  }
}

extension IterationSpace {
  /// Returns the space of an operator that moves elements, from pairs of dimensions that are cut together.
  ///
  /// A pair takes the role of whichever of its two dimensions may be split, and each role is given once.
  static func regrouped(
    _ pairs: [(input: Int, output: Int, extent: Int)], input: TensorType, output: TensorType
  ) -> IterationSpace {
    var axes: [Axis] = []
    var inputs = [Int?](repeating: nil, count: input.shape.count)
    var outputs = [Int?](repeating: nil, count: output.shape.count)
    for pair in pairs {
      let roles = [
        AxisRole.ofActivation(dimension: pair.input, rank: inputs.count),
        AxisRole.ofActivation(dimension: pair.output, rank: outputs.count),
      ]
      let role = roles.first { role in role.isSplittable && !axes.contains { $0.role == role } } ?? .whole
      if role.isSplittable {
        inputs[pair.input] = axes.count
        outputs[pair.output] = axes.count
      }
      axes.append(Axis(role, pair.extent))
    }
    return IterationSpace(axes: axes, inputs: [inputs], outputs: [outputs])
  }
}
