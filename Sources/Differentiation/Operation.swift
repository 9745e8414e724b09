public import Graphs

extension TrainingGraph {
  /// Something that an operation of the step reads or writes.
  public enum Value: Hashable, Sendable {
    /// A tensor of the graph: samples, labels, parameters, activations.
    case forward(TensorID)
    /// The gradient of the loss with respect to an activation.
    case error(TensorID)
    /// The gradient of the loss with respect to a parameter.
    case gradient(TensorID)
    /// What a node's forward phase leaves only for its backward phase, by its place in the gradient rule.
    case auxiliary(NodeID, Int)
    /// State of the optimizer for a parameter; the index after its states is the master copy.
    case optimizerState(TensorID, Int)
  }

  /// One operation of the step, whole, before any device is chosen.
  public struct Operation: Hashable, Sendable {
    /// The phase that it belongs to in the step.
    public let phase: Phase
    /// The node that it computes; nil for an update.
    public let node: NodeID?
    /// What the node's gradient rule says of it, with only those inputs that need an error or a gradient;
    /// nil in the forward and update phases.
    ///
    /// Its phase differs from ``phase`` where one operation of the rule makes an error and gradients together
    /// and the error is not needed: the work is that of the rule's phase all the same.
    public let rule: GradientOperation?
    /// The parameter that an update changes.
    public let parameter: TensorID?
    /// What it reads.
    ///
    /// A gradient among both ``reads`` and ``writes`` is added to.
    public let reads: [Value]
    /// What it writes.
    public let writes: [Value]

    init(
      phase: Phase, node: NodeID? = nil, rule: GradientOperation? = nil, parameter: TensorID? = nil,
      reads: [Value], writes: [Value]
    ) {
      self.phase = phase
      self.node = node
      self.rule = rule
      self.parameter = parameter
      self.reads = reads
      self.writes = writes
    }

    /// The phase whose work it does: that of its rule, where it has one.
    public var workPhase: Phase { rule?.phase ?? phase }
  }
}
