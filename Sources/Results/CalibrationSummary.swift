public import Units

/// What the measurement of a computer came to, beside the machine file that it wrote.
public struct CalibrationSummary: Hashable, Sendable {
  /// Devices that are alike.
  public struct Device: Hashable, Sendable {
    /// The name in the machine file.
    public let name: String
    /// How many they are.
    public let count: Int
    /// The instructions to which their ranks keep, as machine files name them; nil where nothing was asked.
    public let instructionSet: String?
    /// What computes: the library, its version and the instruction set.
    public let kernels: String
    /// The highest rate of arithmetic.
    public let peak: FLOPsPerSecond
    /// The time of the shortest call.
    public let launch: Seconds
    /// The bandwidth of the memory.
    public let memoryBandwidth: BytesPerSecond
    /// The points that were measured.
    public let measuredPoints: Int
    /// The points that have the rates of their neighbours.
    public let leftOutPoints: Int

    /// Creates devices.
    public init(
      name: String, count: Int, instructionSet: String?, kernels: String, peak: FLOPsPerSecond,
      launch: Seconds, memoryBandwidth: BytesPerSecond, measuredPoints: Int, leftOutPoints: Int
    ) {
      self.name = name
      self.count = count
      self.instructionSet = instructionSet
      self.kernels = kernels
      self.peak = peak
      self.launch = launch
      self.memoryBandwidth = memoryBandwidth
      self.measuredPoints = measuredPoints
      self.leftOutPoints = leftOutPoints
    }
  }

  /// An exchange between two ranks, both sending.
  public struct Exchange: Hashable, Sendable {
    /// What each sends.
    public let bytes: Bytes
    /// The time where messages replace what lies at their place.
    public let replacing: Seconds
    /// The time where they are added to it.
    public let adding: Seconds

    /// Creates an exchange.
    public init(bytes: Bytes, replacing: Seconds, adding: Seconds) {
      self.bytes = bytes
      self.replacing = replacing
      self.adding = adding
    }
  }

  /// The computer, as its processor calls itself.
  public let computer: String
  /// How long it took.
  public let duration: Seconds
  /// The kinds of devices.
  public let devices: [Device]
  /// The exchanges; none where there is one rank.
  public let exchanges: [Exchange]

  /// Creates a summary.
  public init(computer: String, duration: Seconds, devices: [Device], exchanges: [Exchange]) {
    self.computer = computer
    self.duration = duration
    self.devices = devices
    self.exchanges = exchanges
  }
}
