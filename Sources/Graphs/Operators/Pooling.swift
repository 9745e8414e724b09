/// The greatest element or the mean of each window of a spatial tensor (N, C, H, W).
public struct Pooling: OperatorRules {
  /// What is made of a window.
  public enum Reduction: Hashable, Sendable {
    /// The greatest element.
    case maximum
    /// The mean, over the padding as well if `countsPadding`.
    case average(countsPadding: Bool)
  }

  /// What is made of a window.
  public let reduction: Reduction
  /// The extents of the window.
  public let kernel: [Int]
  /// The step of the window along each spatial dimension.
  public let strides: [Int]
  /// The padding of each spatial dimension.
  public let padding: [Padding]
  /// The distance between neighbouring elements of the window.
  public let dilations: [Int]
  /// Whether a last window that is only in part filled counts.
  public let ceilMode: Bool

  /// Creates a pooling with one entry for each spatial dimension.
  public init(
    _ reduction: Reduction, kernel: [Int], strides: [Int], padding: [Padding], dilations: [Int]? = nil,
    ceilMode: Bool = false
  ) {
    self.reduction = reduction
    self.kernel = kernel
    self.strides = strides
    self.padding = padding
    self.dilations = dilations ?? kernel.map { _ in 1 }
    self.ceilMode = ceilMode
  }

  /// Creates a pooling over height and width with the same numbers for both.
  public init(_ reduction: Reduction, kernel: Int, stride: Int, padding: Int = 0, ceilMode: Bool = false) {
    self.init(
      reduction, kernel: [kernel, kernel], strides: [stride, stride],
      padding: [Padding(padding), Padding(padding)], ceilMode: ceilMode)
  }

  /// The kind's name in tables and JSON.
  public var kind: String { reduction == .maximum ? "max-pooling" : "average-pooling" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let input = inputs[0].shape
    let spatial = kernel.count
    try ShapeError.require(
      spatial > 0 && strides.count == spatial && padding.count == spatial && dilations.count == spatial,
      "\(kind) of a window \(kernel) has \(strides.count) strides, \(padding.count) paddings, "
        + "\(dilations.count) dilations")
    try ShapeError.require(input.count == spatial + 2, "\(kind) of a window \(kernel) does not fit \(input)")
    var shape = Array(input.prefix(2))
    for dimension in 0..<spatial {
      let window = WindowExtent(
        input: input[dimension + 2], kernel: kernel[dimension], stride: strides[dimension],
        dilation: dilations[dimension], padding: padding[dimension])
      shape.append(try window.places(ceil: ceilMode))
      // A window within the padding alone would have no element to take.
      let reach = dilations[dimension] * (kernel[dimension] - 1) + 1
      try ShapeError.require(
        max(padding[dimension].begin, padding[dimension].end) < reach,
        "\(kind) has a padding of \(padding[dimension]) that hides a window of \(reach)")
    }
    return [try .checked(inputs[0].elementType, shape)]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .channelwise(inputs[0])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return reduction == .maximum ? SplitRule.nonlinear(space) : SplitRule.linear(space)
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    .pooling(maximum: reduction == .maximum, output: outputs[0])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    .pooling(
      phase, maximum: reduction == .maximum, input: inputs[0], output: outputs[0],
      window: kernel.reduce(1) { $0 * Double($1) })
  }
}

/// The mean or the greatest element of each channel over all spatial dimensions, which keep the extent one.
public struct GlobalPooling: OperatorRules {
  /// What is made of a channel.
  public enum Reduction: Hashable, Sendable {
    /// The greatest element.
    case maximum
    /// The mean.
    case average
  }

  /// What is made of a channel.
  public let reduction: Reduction

  /// Creates a global pooling.
  public init(_ reduction: Reduction) { self.reduction = reduction }

  /// The kind's name in tables and JSON.
  public var kind: String { reduction == .maximum ? "global-max-pooling" : "global-average-pooling" }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 1...1, of: kind)
    let input = inputs[0].shape
    try ShapeError.require(input.count >= 3, "\(kind) does not fit the shape \(input)")
    let ones = [Int](repeating: 1, count: input.count - 2)
    return [try .checked(inputs[0].elementType, Array(input.prefix(2)) + ones)]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    .channelwise(inputs[0])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    let space = iterationSpace(inputs: inputs, outputs: outputs)
    return reduction == .maximum ? SplitRule.nonlinear(space) : SplitRule.linear(space)
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    .pooling(maximum: reduction == .maximum, output: outputs[0])
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    .pooling(
      phase, maximum: reduction == .maximum, input: inputs[0], output: outputs[0],
      window: inputs[0].shape.dropFirst(2).reduce(1) { $0 * Double($1) })
  }
}

extension GradientRule {
  /// Max pooling notes for each output which element it was; average pooling needs the error alone.
  static func pooling(maximum: Bool, output: TensorType) -> GradientRule {
    guard maximum else {
      return GradientRule([GradientOperation(.error, of: [0], reading: [.outputError(0)])])
    }
    return GradientRule(
      [GradientOperation(.error, of: [0], reading: [.outputError(0), .auxiliary(0)])],
      auxiliaries: [TensorType(.int32, output.shape)])
  }
}

extension Work {
  /// Returns one phase of a pooling.
  ///
  /// Forward the input and the output pass once; backward the error, the input's error and, of max pooling,
  /// the indices. Arithmetic: one for each element of each window, and one division of a mean.
  static func pooling(
    _ phase: Phase, maximum: Bool, input: TensorType, output: TensorType, window: Double
  ) -> Work {
    let places = Double(output.elementCount)
    switch phase {
    case .forward:
      return .passes(
        input.elementCount + output.elementCount, operations: places * (maximum ? window : window + 1))
    case .error:
      return .passes(
        input.elementCount + (maximum ? 2 : 1) * output.elementCount,
        operations: places * (maximum ? 1 : window + 1))
    case .weightGradient, .update: return Work()
    }
  }
}
