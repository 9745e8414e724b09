public import Graphs

extension TaskGraph {
  /// A value that changes its layout, its group or both: what the tasks of a conversion, of a transfer or
  /// of a reduction have in common.
  public struct Movement: Hashable, Sendable {
    /// What moves.
    public enum Subject: Hashable, Sendable {
      /// An activation on its way to the node that reads it.
      case activation(TensorID)
      /// The error of an activation on its way to the node that wrote the activation.
      case error(TensorID)
      /// A parameter on its way from where it lives to another node that reads it.
      case parameter(TensorID)
      /// What nodes contribute to the gradients of parameters, one behind the other.
      case gradients([GradientContribution])
      /// The sums over the batch that an operation of a node needs, by its place in the training graph.
      case statistics(NodeID, operation: Int)
      /// Samples on their way from where they are stored.
      case samples(TensorID)
    }

    /// Where a value stands.
    public struct Place: Hashable, Sendable {
      /// The stage's index in the plan.
      public let stage: Int
      /// How the stage's devices hold it.
      public let layout: Layout

      /// Creates a place.
      public init(stage: Int, layout: Layout) {
        self.stage = stage
        self.layout = layout
      }
    }

    /// What moves.
    public let subject: Subject
    /// The shape of the whole value.
    public let shape: [Int]
    /// Where it stands before.
    public let source: Place
    /// Where it stands afterwards.
    public let target: Place

    /// Creates a movement.
    public init(_ subject: Subject, shape: [Int], from source: Place, to target: Place) {
      self.subject = subject
      self.shape = shape
      self.source = source
      self.target = target
    }
  }

  /// What a task does to which values: what an execution needs beyond the task's cost.
  public enum Action: Hashable, Sendable {
    /// Nothing.
    case none
    /// An operation of the training graph, by its place there, or a part of it.
    case operation(Int, OperationPart)
    /// One step of a conversion inside a group: the movement's index and the step's.
    case step(movement: Int, Int)
    /// A transfer from one group to another.
    case transfer(movement: Int)
    /// What another node contributes to a gradient is added to what the parameter's home does.
    case gradientSum(GradientContribution)
    /// The addends of gradients on their way to the host.
    case hubSend(movement: Int)
    /// Their sum on the host.
    case hubSum(movement: Int)
    /// The sum on its way back.
    case hubReturn(movement: Int)
    /// Samples read from storage, or on their way from there.
    case samples(movement: Int)
  }
}
