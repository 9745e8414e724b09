public import Units

/// What a resource does in one step.
public struct ResourceUse: Hashable, Sendable {
  /// What a resource is.
  public enum Kind: String, Hashable, Sendable {
    case device, storage, link
  }
  /// Its name, unique in the machine.
  public let name: String
  /// What it is.
  public let kind: Kind
  /// How long it is occupied.
  public let busy: SimulatedTime
  /// The bytes that pass it (links) or that it reads (storage).
  public let bytes: Bytes

  /// Creates a use.
  public init(name: String, kind: Kind, busy: SimulatedTime, bytes: Bytes) {
    self.name = name
    self.kind = kind
    self.busy = busy
    self.bytes = bytes
  }
}

/// A named share of an energy or a time.
public struct CostPart: Hashable, Sendable {
  /// What kind of part: `arithmetic`, `memory`, `communication`, `idle` for energy; task kinds for time.
  public let kind: String
  /// The device, link or level it belongs to, or empty.
  public let name: String
  /// The amount, in joules or seconds.
  public let value: Double

  /// Creates a part.
  public init(kind: String, name: String, value: Double) {
    self.kind = kind
    self.name = name
    self.value = value
  }
}

/// The price of one step.
public struct StepCost: Hashable, Sendable {
  /// max(critical path, busiest resource), or in a steady state max(busiest resource, longest cycle): a lower
  /// bound of the makespan.
  public let time: SimulatedTime
  /// The longest chain of dependent tasks, program order included.
  public let criticalPath: SimulatedTime
  /// The sum of all tasks, one after another: an upper bound of the makespan.
  public let serialSum: SimulatedTime
  /// Every resource that is used, in the machine's order.
  public let resources: [ResourceUse]
  /// Time of all tasks by kind, in seconds, as if one after another.
  public let timeParts: [CostPart]
  /// Energy of the step, nil where the machine does not give every coefficient.
  public let energy: Joules?
  /// The parts that add up to the energy.
  public let energyParts: [CostPart]
  /// Bytes that devices receive from others.
  public let bytesMoved: Bytes

  /// Creates a price.
  public init(
    time: SimulatedTime, criticalPath: SimulatedTime, serialSum: SimulatedTime, resources: [ResourceUse],
    timeParts: [CostPart], energy: Joules?, energyParts: [CostPart], bytesMoved: Bytes
  ) {
    self.time = time
    self.criticalPath = criticalPath
    self.serialSum = serialSum
    self.resources = resources
    self.timeParts = timeParts
    self.energy = energy
    self.energyParts = energyParts
    self.bytesMoved = bytesMoved
  }

  /// The resource that is occupied longest; the first of several.
  public var busiest: ResourceUse? {
    resources.reduce(nil) { best, use in (best.map { $0.busy < use.busy } ?? true) ? use : best }
  }
}
