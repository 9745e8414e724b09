public import Units

/// An operation of a training step as a machine file predicts it and as its kernel runs.
public struct KernelComparison: Hashable, Sendable {
  /// The node or parameter.
  public let name: String
  /// The kernel, as machine files name it.
  public let kernel: String
  /// The phase, as machine files name it.
  public let phase: String
  /// The time that the device is predicted to take.
  public let predicted: Seconds
  /// The time of the kernel's calls in a loop.
  public let measured: Seconds

  /// Creates a comparison.
  public init(name: String, kernel: String, phase: String, predicted: Seconds, measured: Seconds) {
    self.name = name
    self.kernel = kernel
    self.phase = phase
    self.predicted = predicted
    self.measured = measured
  }

  /// The error of the prediction as a fraction of what was measured; negative where it is too short.
  public var error: Double { predicted.value / measured.value - 1 }
}
