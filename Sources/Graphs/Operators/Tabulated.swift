/// A weighted layer of a layer table: counts for each sample instead of a shape.
///
/// Inputs: activations (N, elements) and weights (elements). An input split and an output split both cut the
/// weights. Multiply-accumulates shrink with the batch and with the weights that are present.
public struct Tabulated: OperatorRules {
  /// What the layer is.
  public enum Kind: String, Hashable, Sendable, CaseIterable { case convolution, dense }

  /// What the layer is.
  public let layer: Kind
  /// Elements of the input for each sample.
  public let inputElements: Int
  /// Elements of the output for each sample.
  public let outputElements: Int
  /// Elements of the weights.
  public let weightElements: Int
  /// Multiply-accumulates of the forward phase for each sample.
  public let forwardMultiplyAccumulates: Double
  /// Multiply-accumulates of the error phase for each sample.
  public let errorMultiplyAccumulates: Double
  /// Multiply-accumulates of the weight-gradient phase for each sample.
  public let weightGradientMultiplyAccumulates: Double

  /// Creates a layer.
  public init(
    _ layer: Kind, inputElements: Int, outputElements: Int, weightElements: Int,
    forwardMultiplyAccumulates: Double, errorMultiplyAccumulates: Double,
    weightGradientMultiplyAccumulates: Double
  ) {
    self.layer = layer
    self.inputElements = inputElements
    self.outputElements = outputElements
    self.weightElements = weightElements
    self.forwardMultiplyAccumulates = forwardMultiplyAccumulates
    self.errorMultiplyAccumulates = errorMultiplyAccumulates
    self.weightGradientMultiplyAccumulates = weightGradientMultiplyAccumulates
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "tabulated-\(layer.rawValue)" }
  /// Whether the operator is a weighted layer.
  public var isWeighted: Bool { true }

  /// The shape rule admits parts: of the input at most `inputElements`, of the weights at most
  /// `weightElements`.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...2, of: kind)
    let (input, weight) = (inputs[0].shape, inputs[1].shape)
    try ShapeError.require(
      input.count == 2 && weight.count == 1 && inputElements > 0 && outputElements > 0 && weightElements > 0,
      "\(kind) of \(inputElements) to \(outputElements) elements does not fit \(input) and \(weight)"
    )
    try ShapeError.require(
      input[1] <= inputElements && weight[0] <= weightElements,
      "\(kind) of \(inputElements) elements and \(weightElements) weights does not fit \(input) and \(weight)"
    )
    // The outputs present are the weights present, as a part of all, over the inputs present, as a part of
    // all.
    let part =
      (Double(weight[0]) / Double(weightElements)) * (Double(inputElements) / Double(input[1]))
    let outputs = (Double(outputElements) * part).rounded()
    try ShapeError.require(
      outputs >= 1 && outputs <= Double(outputElements),
      "\(weight[0]) weights do not fit \(input[1]) of \(inputElements) input elements")
    return [try .checked(inputs[0].elementType, [input[0], Int(outputs)])]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    space(inputs, outputs, weightAxis: 1)
  }

  private func space(_ inputs: [TensorType], _ outputs: [TensorType], weightAxis: Int) -> IterationSpace {
    IterationSpace(
      axes: [
        .init(.batch, inputs[0].shape[0]), .init(.inputChannel, inputs[0].shape[1]),
        .init(.outputChannel, outputs[0].shape[1]),
      ],
      inputs: [[0, 1], [weightAxis]], outputs: [[0, 2]])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let input = space(inputs, outputs, weightAxis: 1)
    let output = space(inputs, outputs, weightAxis: 2)
    return [.splitting(0, of: input), .splitting(1, of: input), .splitting(2, of: output)]
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule { .weighted(inputs: 2) }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let perSample =
      switch phase {
      case .forward: forwardMultiplyAccumulates
      case .error: errorMultiplyAccumulates
      case .weightGradient: weightGradientMultiplyAccumulates
      case .update: 0.0
      }
    if phase == .update { return Work() }
    let weights = inputs[1].elementCount
    let present = Double(weights) / Double(weightElements)
    return Work(
      multiplyAccumulates: perSample * Double(inputs[0].shape[0]) * present,
      activationElements: inputs[0].elementCount + outputs[0].elementCount,
      parameterElements: phase == .weightGradient ? 0 : weights,
      gradientElements: phase == .weightGradient ? weights : 0)
  }
}

/// The end of a layer table: takes any layout but a partial one and returns the error in it, at no cost.
public struct TabulatedLoss: OperatorRules {
  /// Creates a loss.
  public init() {}

  /// The kind's name in tables and JSON.
  public var kind: String { "tabulated-loss" }
  /// The operator is a loss.
  public var isLoss: Bool { true }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    try ShapeError.require(inputs[0].shape.count == 2, "\(kind) does not fit the shape \(inputs[0].shape)")
    return [TensorType(inputs[0].elementType, [])]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    IterationSpace(
      axes: [.init(.batch, inputs[0].shape[0]), .init(.channel, inputs[0].shape[1])], inputs: [[0, 1]],
      outputs: [[]])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return SplitRule.splits(of: space) + [.replicated(space)]
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    GradientRule([GradientOperation(.error, of: [0], reading: [])])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work { Work() }
}
