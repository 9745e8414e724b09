public import Units

/// What a task costs alone: the only map from a task to time, energy and bytes.
///
/// Every interpreter reads it, so that what is priced, simulated and reported is one thing.
public struct TaskCost: Hashable, Sendable {
  /// How long one resource is occupied, and by how much data.
  public struct Occupancy: Hashable, Sendable {
    /// The index in ``ResourceTable/resources``.
    public let resource: Int
    /// How long.
    public let time: SimulatedTime
    /// The bytes that pass a link, or that a storage reads.
    public let bytes: Int
  }

  /// Resources taken together, each for its own time, and a latency after the longest of them.
  ///
  /// A round begins when all its resources are free. A compute task, a transfer and a read are one round.
  public struct Round: Hashable, Sendable {
    /// How many equal rounds follow one another.
    public let repetitions: Int
    /// The longest occupancy.
    public let longest: SimulatedTime
    /// The time that follows it, in which nothing is occupied.
    public let latency: SimulatedTime
    /// Where the occupancies stand in ``TaskCosts/occupancies``: by time, then by resource.
    public let occupancies: Range<Int>
  }

  /// Bytes that devices receive over a link or level (``TaskCosts/carriers``).
  public struct Received: Hashable, Sendable {
    /// The index in ``TaskCosts/carriers``.
    public let carrier: Int
    /// The bytes.
    public let bytes: Int
  }

  /// From the start to the end, latencies included.
  public let duration: SimulatedTime
  /// For each resource how long it is occupied in all, by resource.
  public let occupancies: [Occupancy]
  /// What passes each link and level.
  public let received: [Received]
  /// Energy of arithmetic, nil where the device gives no coefficient for what it does.
  public let arithmeticEnergy: Joules?
  /// Energy of accesses to memory, nil where the memory gives no coefficient and there are accesses.
  public let memoryEnergy: Joules?
}
