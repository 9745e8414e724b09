public import Graphs

extension TaskGraph {
  /// What a task is for.
  public enum Category: String, Hashable, Sendable, CaseIterable {
    case forward
    /// The gradient with respect to activations.
    case error
    /// The gradient with respect to parameters.
    case weightGradient = "weight-gradient"
    case update
    /// An activation or an error that changes its layout.
    case conversion
    /// Sums over the batch that a normalisation needs.
    case statistics
    /// A gradient that is summed over devices.
    case gradient
    /// A parameter on its way to another node that reads it.
    case parameter
    /// An activation, an error or samples that go from one group to another.
    case transfer
    /// Samples that are read from storage.
    case storage
    /// A collective by itself.
    case collective
    case barrier

    /// The category of a phase's arithmetic.
    public init(_ phase: Phase) {
      self =
        switch phase {
        case .forward: .forward
        case .error: .error
        case .weightGradient: .weightGradient
        case .update: .update
        }
    }

    /// Whether such tasks run once a step, however many micro-batches it has.
    public var runsOnceEachStep: Bool {
      switch self {
      case .update, .gradient, .parameter: true
      case .forward, .error, .weightGradient, .conversion, .statistics, .transfer, .storage, .collective,
        .barrier:
        false
      }
    }
  }
}
