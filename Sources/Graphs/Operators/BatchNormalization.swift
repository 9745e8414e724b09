/// Normalisation of each channel over the batch and all places, then a scale and a shift.
///
///     y = scale[c] · (x − mean[c]) ∕ √(variance[c] + epsilon) + bias[c]
///
/// Inputs: activations (N, C, …), scale, bias, running mean and running variance (C each).
public struct BatchNormalization: OperatorRules {
  /// Over what the statistics are taken.
  public enum Mode: Hashable, Sendable {
    /// The whole batch, summed over every split of it.
    case full
    /// Each cell of the batch grid for itself.
    case cell
    /// Nothing: the running statistics are used and kept.
    case frozen
  }

  /// What is added to the variance.
  public let epsilon: Double
  /// The part of the running statistics that a step keeps.
  public let momentum: Double
  /// Over what the statistics are taken.
  public let mode: Mode

  /// Creates a batch normalisation.
  public init(epsilon: Double = 1e-5, momentum: Double = 0.9, mode: Mode = .full) {
    self.epsilon = epsilon
    self.momentum = momentum
    self.mode = mode
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "batch-normalization" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 5...5, of: kind)
    let input = inputs[0].shape
    try ShapeError.require(input.count >= 2, "\(kind) does not fit the shape \(input)")
    for parameter in inputs.dropFirst() {
      try ShapeError.require(
        parameter.shape == [input[1]],
        "\(kind) of \(input[1]) channels has a parameter of shape \(parameter.shape)")
    }
    return [inputs[0]]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let space = IterationSpace.channelwise(inputs[0])
    return IterationSpace(
      axes: space.axes, inputs: space.inputs + Array(repeating: [1], count: 4), outputs: space.outputs)
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    // The running statistics have no gradient that could be partial.
    let splits = SplitRule.splits(of: space) { $0 == .batch && mode == .full }.map { rule in
      rule.axis == .batch ? rule.leaving(.replicated, forInputs: [3, 4]) : rule
    }
    return splits + [.replicated(space)]
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    if mode == .frozen {
      return GradientRule([
        GradientOperation(.error, of: [0], reading: [.outputError(0), .input(1), .input(4)]),
        GradientOperation(
          .weightGradient, of: [1, 2], reading: [.outputError(0), .input(0), .input(3), .input(4)]),
      ])
    }
    let statistics = TensorType(inputs[0].elementType, [inputs[0].shape[1]])
    return GradientRule(
      [
        GradientOperation(
          .error, of: [0, 1, 2],
          reading: [.outputError(0), .input(0), .input(1), .auxiliary(0), .auxiliary(1)])
      ],
      auxiliaries: [statistics, statistics])
  }

  /// Forward, the input is read for the statistics and again for the result, which is written: 3 passes.
  ///
  /// Backward, error and input are read for two sums and again for the result: 5 passes. Frozen, one read and
  /// one write each time. Arithmetic for each element: two sums, subtraction, product, sum forward (5), twice
  /// that backward less the shift (9); frozen one product and one sum.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    let channels = inputs[0].shape[1]
    let count = Double(elements)
    switch (phase, mode) {
    case (.forward, .frozen): return .passes(2 * elements, operations: 2 * count, parameters: 4 * channels)
    case (.error, .frozen): return .passes(2 * elements, operations: count, parameters: 2 * channels)
    case (.weightGradient, .frozen):
      return .passes(2 * elements, operations: 4 * count, parameters: 2 * channels, gradients: 2 * channels)
    case (.forward, _):
      // Scale and bias are read, and the running statistics read and written.
      return .passes(3 * elements, operations: 5 * count, parameters: 6 * channels)
    case (.error, _):
      return .passes(5 * elements, operations: 9 * count, parameters: channels, gradients: 2 * channels)
    case (.weightGradient, _), (.update, _): return Work()
    }
  }

  /// The sum and the sum of squares of each channel forward, two sums of the error backward.
  public func statistics(_ phase: Phase, inputs: [TensorType]) -> Int {
    switch phase {
    case .forward, .error: mode == .full ? 2 * inputs[0].shape[1] : 0
    case .weightGradient, .update: 0
    }
  }

  /// Forward, one pass over the input with two sums for each element; backward, one over the error and the
  /// input with two sums, a subtraction and a product.
  public func workBeforeStatistics(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let elements = inputs[0].elementCount
    guard mode == .full else { return Work() }
    switch phase {
    case .forward: return .passes(elements, operations: 2 * Double(elements))
    case .error: return .passes(2 * elements, operations: 4 * Double(elements))
    case .weightGradient, .update: return Work()
    }
  }
}
