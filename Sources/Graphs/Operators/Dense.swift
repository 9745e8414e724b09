/// A dense layer: `out = alpha · input · weight + beta · bias`.
///
/// Inputs: activations (N, C), or (C, N) if transposed; weights (C, K), or (K, C) if transposed; optionally a
/// bias (K) or (1, K).
public struct Dense: OperatorRules {
  /// Whether the activations are given as (C, N).
  public let transposeInput: Bool
  /// Whether the weights are given as (K, C).
  public let transposeWeight: Bool
  /// The factor of the product.
  public let alpha: Double
  /// The factor of the bias.
  public let beta: Double

  /// Creates a dense layer; by default with weights (K, C) and without factors.
  public init(
    transposeInput: Bool = false, transposeWeight: Bool = true, alpha: Double = 1, beta: Double = 1
  ) {
    self.transposeInput = transposeInput
    self.transposeWeight = transposeWeight
    self.alpha = alpha
    self.beta = beta
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "dense" }
  /// Whether the operator is a weighted layer.
  public var isWeighted: Bool { true }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...3, of: kind)
    let input = inputs[0].shape
    let weight = inputs[1].shape
    try ShapeError.require(
      input.count == 2 && weight.count == 2, "\(kind) takes two matrices, not shapes \(input) and \(weight)")
    let (batch, channels) = transposeInput ? (input[1], input[0]) : (input[0], input[1])
    let (rows, units) = transposeWeight ? (weight[1], weight[0]) : (weight[0], weight[1])
    try ShapeError.require(
      channels == rows, "\(channels) channels of the input do not fit \(rows) of the weights")
    if inputs.count == 3 {
      let bias = inputs[2].shape
      try ShapeError.require(
        bias == [units] || bias == [1, units], "the bias of shape \(bias) does not fit \(units) units")
    }
    return [try .checked(inputs[0].elementType, [batch, units])]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let bias: [[Int?]] = inputs.count == 3 ? [inputs[2].shape.count == 1 ? [2] : [nil, 2]] : []
    return IterationSpace(
      axes: [
        .init(.batch, outputs[0].shape[0]),
        .init(.inputChannel, inputs[0].shape[transposeInput ? 0 : 1]),
        .init(.outputChannel, outputs[0].shape[1]),
      ],
      inputs: [transposeInput ? [1, 0] : [0, 1], transposeWeight ? [2, 1] : [1, 2]] + bias, outputs: [[0, 2]])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.weighted(iterationSpace(inputs: inputs, outputs: outputs), bias: inputs.count == 3 ? 2 : nil)
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    .weighted(inputs: inputs.count)
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let channels = inputs[0].shape[transposeInput ? 0 : 1]
    let units = inputs[1].shape[transposeWeight ? 0 : 1]
    let batch = outputs[0].shape[0]
    return .weighted(
      phase,
      contraction: phase == .error
        ? Contraction(streamed: batch, reduction: units, columns: channels)
        : Contraction(streamed: batch, reduction: channels, columns: units),
      multiplyAccumulates: Double(batch) * Double(inputs[1].elementCount),
      activations: inputs[0].elementCount + outputs[0].elementCount, weight: inputs[1].elementCount,
      bias: inputs.count == 3 ? inputs[2].elementCount : 0, outputs: outputs[0].elementCount)
  }
}
