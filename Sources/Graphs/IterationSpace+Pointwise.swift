extension AxisRole {
  /// The role of a dimension of an activation: batch outermost, then the channel, then height and width.
  ///
  /// With three dimensions the channel is the last, as in a sequence of vectors.
  static func ofActivation(dimension: Int, rank: Int) -> AxisRole {
    switch (dimension, rank) {
    case (0, _): .batch
    case (1, 3): .sequence
    case (2, 3): .channel
    case (1, _): .channel
    case (2, _): .row
    case (3, _): .column
    default: .whole
    }
  }

  /// Whether an axis of this role may be split: rows and columns would need halos.
  var isSplittable: Bool {
    switch self {
    case .batch, .inputChannel, .outputChannel, .group, .channel, .head, .sequence: true
    case .row, .column, .whole: false
    }
  }
}

extension IterationSpace {
  /// Returns the space of an operator whose inputs and outputs all have one shape up to the `whole`
  /// dimensions.
  static func pointwise(
    _ type: TensorType, inputs: Int = 1, outputs: Int = 1, whole: [Int] = []
  ) -> IterationSpace {
    let rank = type.shape.count
    let roles = (0..<rank).map {
      whole.contains($0) ? .whole : AxisRole.ofActivation(dimension: $0, rank: rank)
    }
    let dimensions = roles.indices.map { roles[$0].isSplittable ? Int?.some($0) : nil }
    return IterationSpace(
      axes: zip(roles, type.shape).map { Axis($0, $1) },
      inputs: Array(repeating: dimensions, count: inputs),
      outputs: Array(repeating: dimensions, count: outputs))
  }

  /// Returns the space of an operator of spatial tensors (N, C, …) that treats each channel of a sample
  /// alone.
  static func channelwise(_ type: TensorType) -> IterationSpace {
    let dimensions = type.shape.indices.map { $0 < 2 ? Int?.some($0) : nil }
    return IterationSpace(
      axes: [Axis(.batch, type.shape[0]), Axis(.channel, type.shape[1])], inputs: [dimensions],
      outputs: [dimensions])
  }
}

extension SplitRule {
  /// Returns a rule for each axis that may be split, in the order of the axes.
  static func splits(
    of space: IterationSpace, sumsStatistics: (AxisRole) -> Bool = { _ in false }
  ) -> [SplitRule] {
    space.axes.indices.filter { space.axes[$0].role.isSplittable }.map {
      splitting($0, of: space, sumsStatistics: sumsStatistics(space.axes[$0].role))
    }
  }

  /// Returns the rules of an operator that is not linear: a partial result may not enter, a partial error
  /// may.
  static func nonlinear(_ space: IterationSpace) -> [SplitRule] {
    splits(of: space) + [replicated(space), partialError(space)]
  }

  /// Returns the rules of a linear operator: addends of the whole may pass in both directions.
  static func linear(_ space: IterationSpace) -> [SplitRule] {
    splits(of: space) + [replicated(space), partial(space), partialError(space)]
  }

  /// Returns the rule with other states left of some inputs' errors, such as of inputs that have none.
  func leaving(_ state: SplitState, forInputs changed: [Int]) -> SplitRule {
    SplitRule(
      name: name, axis: axis, inputs: inputs, outputs: outputs, outputErrors: outputErrors,
      inputErrors: inputErrors.enumerated().map { changed.contains($0.offset) ? state : $0.element },
      sumsStatistics: sumsStatistics, inside: inside)
  }
}

/// Whether an operand varies with the sample.
public enum OperandKind: Hashable, Sendable {
  /// Computed for each sample.
  case activation
  /// A parameter or a constant of the model.
  case parameter
}
