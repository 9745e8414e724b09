/// How the ranks of one run are started: as processes of this machine that share memory.
public struct RankRun: Sendable {
  /// The number of ranks.
  public let count: Int
  /// The program that every rank runs.
  public let executable: String
  /// For each rank, the arguments that follow the program's name.
  public let arguments: [[String]]
  /// For each rank, what is added to the environment or replaced in it.
  public let environment: [[String: String]]
  /// For each rank, the numbers of the processors that it may use; none for all.
  public let processors: [[Int]]
  /// The bytes that may be under way from one rank to another.
  public let ringCapacity: Int
  /// The bytes that each rank can hand out as shared buffers; they cost nothing before they are used.
  public let sharedByteCount: Int
  /// When a rank counts as silent, and how long others have to end.
  public let limits: SupervisionLimits
  /// Whether Ctrl-C and a request to end are caught and passed on.
  public let interrupts: InterruptHandling

  /// What happens when the coordinator is asked to end by SIGINT or SIGTERM.
  public enum InterruptHandling: Hashable, Sendable {
    /// The ranks are asked to end in order; a second signal kills them.
    case passOn
    /// Whatever the process does with these signals otherwise.
    case leaveAlone
  }

  /// The bytes of a ring that were fastest in measurements.
  ///
  /// An all-reduce of 4 MiB between two ranks through rings of 64 KiB, 256 KiB, 512 KiB, 1 MiB, 4 MiB and 16
  /// MiB took 1.0, 0.9, 0.54, 0.24, 0.26 and 0.51 ms: less makes the two wait for each other, more leaves the
  /// caches.
  public static let usualRingCapacity = 1 << 20

  /// Describes a run; the closures are asked once for each rank.
  public init(
    count: Int,
    executable: String = "/proc/self/exe",
    arguments: (Int) -> [String],
    environment: (Int) -> [String: String] = { _ in [:] },
    processors: (Int) -> [Int] = { _ in [] },
    ringCapacity: Int = RankRun.usualRingCapacity,
    sharedByteCount: Int = 16 << 30,
    limits: SupervisionLimits = SupervisionLimits(),
    interrupts: InterruptHandling = .passOn
  ) {
    precondition(count > 0, "\(count) ranks")
    self.count = count
    self.executable = executable
    self.arguments = (0..<count).map(arguments)
    self.environment = (0..<count).map(environment)
    self.processors = (0..<count).map(processors)
    self.ringCapacity = ringCapacity
    self.sharedByteCount = sharedByteCount
    self.limits = limits
    self.interrupts = interrupts
  }
}

/// How long the coordinator waits before it acts, in milliseconds.
public struct SupervisionLimits: Hashable, Sendable {
  /// A rank that gives no sign of life for so long is lost.
  public let silence: Int
  /// A rank has so long until its first sign of life.
  public let start: Int
  /// Ranks that all wait for each other for so long never go on.
  public let standstill: Int
  /// After a loss, others have so long to end before they are told to by SIGTERM.
  public let afterLoss: Int
  /// After a request to end in order, ranks have so long.
  public let afterRequest: Int
  /// What is left so long after SIGTERM is killed.
  public let beforeKill: Int

  /// Creates limits; as they are, a silent rank has ended everything within 10 s.
  public init(
    silence: Int = 5000, start: Int = 30_000, standstill: Int = 10_000, afterLoss: Int = 3000,
    afterRequest: Int = 10_000,
    beforeKill: Int = 1000
  ) {
    self.silence = silence
    self.start = start
    self.standstill = standstill
    self.afterLoss = afterLoss
    self.afterRequest = afterRequest
    self.beforeKill = beforeKill
  }
}

/// What the coordinator learns of its ranks.
public enum RankEvent: Hashable, Sendable {
  /// A rank has sent bytes.
  case message(rank: Int, bytes: [UInt8])
  /// A rank was lost; its peers learn of it now and end. Comes once at most.
  case lost(PeerLost)
  /// The run was asked to end.
  case interrupted
  /// A rank's process has ended, and no message of it follows.
  case exited(rank: Int, RankExit)
}

/// How a rank's process has ended.
public enum RankExit: Hashable, Sendable {
  /// By itself, with this code.
  case code(Int)
  /// By this signal.
  case signal(Int)
}

/// How a run has ended.
public enum RunOutcome: Hashable, Sendable {
  /// Every rank has left in order.
  case finished
  /// It was asked to end, and has.
  case interrupted
  /// A rank was lost. If it ended by itself, its exit says how: a code other than 69 is its own fault's.
  case lost(PeerLost, RankExit?)
}
