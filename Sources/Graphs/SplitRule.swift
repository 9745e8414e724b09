/// Where a tensor stands over the devices of one mesh level.
@frozen public enum SplitState: Hashable, Sendable {
  /// Each side holds the whole.
  case replicated
  /// Each side holds a part along the dimension.
  case sharded(Int)
  /// Each side holds an addend of the whole.
  case partial
}

/// How an operator may be spread over one mesh level: what it needs and leaves in each phase.
///
/// The state of a parameter among ``inputs`` is where the parameter lives; the state among
/// ``inputErrors`` is where its gradient is left, so `partial` means that the gradient must be reduced.
public struct SplitRule: Hashable, Sendable {
  /// The axis that is split, nil where none is.
  public let axis: AxisRole?
  /// The state needed of each input in the forward phase.
  public let inputs: [SplitState]
  /// The state left of each output in the forward phase.
  public let outputs: [SplitState]
  /// The state needed of each output's error in the backward phases.
  public let outputErrors: [SplitState]
  /// The state left of each input's error or gradient.
  public let inputErrors: [SplitState]
  /// Whether statistics over the batch must be summed over the level
  /// (``OperatorRules/statistics(phase:inputs:)``).
  public let sumsStatistics: Bool
  /// A short name for plans and tables: the axis, or `replicated`, `partial`, `partial-error`.
  public let name: String
  /// The axis of which each side must hold one step alone before this rule may follow; nil where it may
  /// follow anywhere.
  ///
  /// The channels inside a group are split where other levels have separated the groups.
  public let inside: AxisRole?

  /// Creates a rule.
  public init(
    name: String, axis: AxisRole?, inputs: [SplitState], outputs: [SplitState], outputErrors: [SplitState],
    inputErrors: [SplitState], sumsStatistics: Bool = false, inside: AxisRole? = nil
  ) {
    self.name = name
    self.axis = axis
    self.inputs = inputs
    self.outputs = outputs
    self.outputErrors = outputErrors
    self.inputErrors = inputErrors
    self.sumsStatistics = sumsStatistics
    self.inside = inside
  }

  /// Returns the rule that follows from splitting one axis of a multilinear operator.
  ///
  /// Every tensor that the axis indexes is sharded along it, every input that it does not is
  /// replicated, and a result that does not carry it is partial.
  public static func splitting(
    _ axis: Int, of space: IterationSpace, sumsStatistics: Bool = false
  ) -> SplitRule {
    func state(_ dimensions: [Int?], absent: SplitState) -> SplitState {
      dimensions.firstIndex(of: axis).map(SplitState.sharded) ?? absent
    }
    return SplitRule(
      name: space.axes[axis].role.rawValue, axis: space.axes[axis].role,
      inputs: space.inputs.map { state($0, absent: .replicated) },
      outputs: space.outputs.map { state($0, absent: .partial) },
      outputErrors: space.outputs.map { state($0, absent: .replicated) },
      inputErrors: space.inputs.map { state($0, absent: .partial) },
      sumsStatistics: sumsStatistics)
  }

  /// Returns the rule by which each side does the whole work.
  public static func replicated(_ space: IterationSpace) -> SplitRule {
    uniform("replicated", space, forward: .replicated, error: .replicated)
  }

  /// Returns the rule by which each side works on an addend of the inputs, for linear operators.
  public static func partial(_ space: IterationSpace) -> SplitRule {
    uniform("partial", space, forward: .partial, error: .replicated)
  }

  /// Returns the rule by which a replicated forward phase lets a partial error pass.
  public static func partialError(_ space: IterationSpace) -> SplitRule {
    uniform("partial-error", space, forward: .replicated, error: .partial)
  }

  private static func uniform(
    _ name: String, _ space: IterationSpace, forward: SplitState, error: SplitState
  ) -> SplitRule {
    SplitRule(
      name: name, axis: nil,
      inputs: space.inputs.map { _ in forward }, outputs: space.outputs.map { _ in forward },
      outputErrors: space.outputs.map { _ in error }, inputErrors: space.inputs.map { _ in error })
  }
}
