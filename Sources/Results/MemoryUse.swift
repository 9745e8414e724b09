public import Units

/// The peak of one device's memory.
public struct MemoryUse: Hashable, Sendable {
  /// The device's name.
  public let device: String
  /// The most bytes held at once.
  public let peak: Bytes
  /// What the memory holds at most.
  public let capacity: Bytes
  /// What it holds at the peak: `weights`, `gradients`, `optimizer state`, `activations`, `errors`,
  /// `workspace`.
  public let parts: [Part]
  /// The task that runs at the peak.
  public let task: String

  /// A share of the peak.
  public struct Part: Hashable, Sendable {
    /// What it is.
    public let kind: String
    /// Its size.
    public let size: Bytes
    /// Creates a part.
    public init(kind: String, size: Bytes) {
      self.kind = kind
      self.size = size
    }
  }

  /// Creates a use.
  public init(device: String, peak: Bytes, capacity: Bytes, parts: [Part], task: String) {
    self.device = device
    self.peak = peak
    self.capacity = capacity
    self.parts = parts
    self.task = task
  }

  /// Whether the peak fits.
  public var fits: Bool { peak <= capacity }
}
