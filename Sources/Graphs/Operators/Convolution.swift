/// A convolution over one or more spatial dimensions, with strides, dilations, padding and groups.
///
///     out[n, k, p, q] = bias[k] + Σ_c Σ_r Σ_s in[n, c, i, j] · weight[k, c, r, s]
///     i = p · stride + r · dilation − begin, and j likewise of q and s
///
/// Inputs: activations (N, C, H, W), weights (K, C ∕ groups, R, S), and optionally a bias (K).
/// With groups the channels of one group stand together. Groups are split as wholes; the channels inside them
/// only where each side holds one group, since parts of several groups would interleave.
public struct Convolution: OperatorRules {
  /// The step of the window along each spatial dimension.
  public let strides: [Int]
  /// The zeros around each spatial dimension.
  public let padding: [Padding]
  /// The distance between neighbouring kernel elements along each spatial dimension.
  public let dilations: [Int]
  /// Into how many independent parts the channels are divided.
  public let groups: Int

  /// Creates a convolution with one entry for each spatial dimension.
  public init(strides: [Int], padding: [Padding], dilations: [Int], groups: Int = 1) {
    self.strides = strides
    self.padding = padding
    self.dilations = dilations
    self.groups = groups
  }

  /// Creates a convolution over height and width with the same numbers for both.
  public init(stride: Int = 1, padding: Int = 0, dilation: Int = 1, groups: Int = 1) {
    self.init(
      strides: [stride, stride], padding: [Padding(padding), Padding(padding)],
      dilations: [dilation, dilation], groups: groups)
  }

  /// The kind's name in tables and JSON.
  public var kind: String { "convolution" }
  /// Whether the operator is a weighted layer.
  public var isWeighted: Bool { true }

  /// Returns the types of the outputs, or throws where the inputs do not fit.
  public func outputTypes(inputs: [TensorType]) throws(ShapeError) -> [TensorType] {
    try ShapeError.requireInputs(inputs, 2...3, of: kind)
    let input = inputs[0].shape
    let weight = inputs[1].shape
    let spatial = strides.count
    try ShapeError.require(
      spatial > 0 && padding.count == spatial && dilations.count == spatial,
      "\(kind) has \(spatial) strides, \(padding.count) paddings and \(dilations.count) dilations")
    try ShapeError.require(
      input.count == spatial + 2 && weight.count == spatial + 2,
      "\(kind) over \(spatial) dimensions does not fit the shapes \(input) and \(weight)")
    try ShapeError.require(groups > 0, "\(kind) has \(groups) groups")
    try ShapeError.require(
      input[1] % groups == 0 && input[1] / groups == weight[1] && weight[0] % groups == 0,
      "\(groups) groups of \(weight[1]) channels to \(weight[0]) do not fit \(input[1]) input channels"
    )
    if inputs.count == 3 {
      try ShapeError.require(
        inputs[2].shape == [weight[0]],
        "the bias of shape \(inputs[2].shape) does not fit \(weight[0]) channels")
    }
    var shape = [input[0], weight[0]]
    for dimension in 0..<spatial {
      let window = WindowExtent(
        input: input[dimension + 2], kernel: weight[dimension + 2], stride: strides[dimension],
        dilation: dilations[dimension], padding: padding[dimension])
      shape.append(try window.places(ceil: false))
    }
    return [try .checked(inputs[0].elementType, shape)]
  }

  /// Returns the axes and which dimension each cuts.
  public func iterationSpace(inputs: [TensorType], outputs: [TensorType]) -> IterationSpace {
    let none = [Int?](repeating: nil, count: strides.count)
    let weight = inputs[1].shape
    if groups > 1 {
      let bias: [[Int?]] = inputs.count == 3 ? [[1]] : []
      return IterationSpace(
        axes: [.init(.batch, inputs[0].shape[0]), .init(.group, groups)],
        inputs: [[0, 1] + none, [1, nil] + none] + bias, outputs: [[0, 1] + none])
    }
    let bias: [[Int?]] = inputs.count == 3 ? [[2]] : []
    return IterationSpace(
      axes: [
        .init(.batch, inputs[0].shape[0]), .init(.inputChannel, weight[1]), .init(.outputChannel, weight[0]),
      ],
      inputs: [[0, 1] + none, [2, 1] + none] + bias, outputs: [[0, 2] + none])
  }

  /// Returns the ways to spread the operator over one mesh level.
  public func splitRules(inputs: [TensorType], outputs: [TensorType]) -> [SplitRule] {
    SplitRule.weighted(iterationSpace(inputs: inputs, outputs: outputs), bias: inputs.count == 3 ? 2 : nil)
      + (groups > 1 ? rulesInsideGroups(weight: inputs[1].shape, hasBias: inputs.count == 3) : [])
  }

  /// The splits of the channels of one group, as of a convolution without groups.
  private func rulesInsideGroups(weight: [Int], hasBias: Bool) -> [SplitRule] {
    func bias(_ state: SplitState) -> [SplitState] { hasBias ? [state] : [] }
    var rules: [SplitRule] = []
    if weight[1] > 1 {
      rules.append(
        SplitRule(
          name: AxisRole.inputChannel.rawValue, axis: .inputChannel,
          inputs: [.sharded(1), .sharded(1)] + bias(.replicated), outputs: [.partial],
          outputErrors: [.replicated], inputErrors: [.sharded(1), .sharded(1)] + bias(.replicated),
          inside: .group))
    }
    if weight[0] > groups {
      rules.append(
        SplitRule(
          name: AxisRole.outputChannel.rawValue, axis: .outputChannel,
          inputs: [.replicated, .sharded(0)] + bias(.sharded(0)), outputs: [.sharded(1)],
          outputErrors: [.sharded(1)], inputErrors: [.partial, .sharded(0)] + bias(.sharded(0)),
          inside: .group))
    }
    return rules
  }

  /// Returns the backward operations.
  public func gradient(inputs: [TensorType], outputs: [TensorType]) -> GradientRule {
    .weighted(inputs: inputs.count)
  }

  /// Returns the arithmetic and traffic of a phase.
  public func work(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> Work {
    let weight = inputs[1]
    let kernel = weight.shape.dropFirst(2).reduce(1, *)
    // A part of the groups keeps the channels of a group, so the groups present follow from the shapes.
    let localGroups = max(1, inputs[0].shape[1] / weight.shape[1])
    let places = outputs[0].elementCount / outputs[0].shape[1]
    let columns = weight.shape[0] / localGroups
    let forward = Contraction(
      streamed: places, reduction: weight.shape[1] * kernel, columns: columns, count: localGroups)
    let error = Contraction(
      streamed: inputs[0].elementCount / inputs[0].shape[1], reduction: columns * kernel,
      columns: weight.shape[1], count: localGroups)
    return .weighted(
      phase, contraction: phase == .error ? error : forward,
      multiplyAccumulates: Double(places) * Double(weight.elementCount),
      activations: inputs[0].elementCount + outputs[0].elementCount, weight: weight.elementCount,
      bias: inputs.count == 3 ? inputs[2].elementCount : 0, outputs: outputs[0].elementCount)
  }
}
