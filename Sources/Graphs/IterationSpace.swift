/// The role that an axis plays in an operator; `--axes` names the weighted ones.
public enum AxisRole: String, Hashable, Sendable, CaseIterable {
  case batch
  case inputChannel = "input-channel"
  case outputChannel = "output-channel"
  case group
  /// The channel axis of an operator without weights, or with weights along it alone.
  case channel
  case row
  case column
  case head
  case sequence
  /// An axis that is never split.
  case whole
}

/// The named axes of an operator and which of them indexes which dimension of which tensor.
///
/// From this alone follow the tensors' states when an axis is split (``SplitRule/splitting(_:of:)``).
public struct IterationSpace: Hashable, Sendable {
  /// One axis.
  public struct Axis: Hashable, Sendable {
    /// What it means.
    public let role: AxisRole
    /// How many steps it has; a split cuts it into at most this many parts.
    public let extent: Int
    /// Creates an axis.
    public init(_ role: AxisRole, _ extent: Int) {
      self.role = role
      self.extent = extent
    }
  }

  /// The axes; those whose role is `whole` are never split.
  public let axes: [Axis]
  /// For each input and each of its dimensions the index of the axis that cuts it, or nil if none may.
  public let inputs: [[Int?]]
  /// For each output and each of its dimensions the index of the axis that cuts it, or nil.
  public let outputs: [[Int?]]

  /// Creates a space.
  public init(axes: [Axis], inputs: [[Int?]], outputs: [[Int?]]) {
    self.axes = axes
    self.inputs = inputs
    self.outputs = outputs
  }
}
