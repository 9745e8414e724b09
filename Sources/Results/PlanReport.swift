public import Units

/// A resource that holds the step up, and what more of it would give.
public struct Bottleneck: Hashable, Sendable {
  /// The resource's name.
  public let resource: String
  /// What it is.
  public let kind: ResourceUse.Kind
  /// How long it is occupied.
  public let busy: SimulatedTime
  /// `busy` over the time of the step.
  public let fraction: Double
  /// The time of the step if the resource were twice as fast; nil where that was not computed.
  public let timeIfDoubled: SimulatedTime?

  /// Creates a bottleneck.
  public init(
    resource: String, kind: ResourceUse.Kind, busy: SimulatedTime, fraction: Double,
    timeIfDoubled: SimulatedTime?
  ) {
    self.resource = resource
    self.kind = kind
    self.busy = busy
    self.fraction = fraction
    self.timeIfDoubled = timeIfDoubled
  }
}

/// How the training step was set up, in the words of the command line.
public struct StepSettings: Hashable, Sendable {
  /// How parameters are updated.
  public let optimizer: String
  /// The precision of arithmetic.
  public let precision: String
  /// Over which samples batch normalisation takes its statistics.
  public let batchNormalization: String
  /// What may run at the same time.
  public let overlap: String
  /// Into how many cells the batch is cut; nil where it is cut anywhere.
  public let cells: Int?
  /// Into how many micro-batches the batch is cut.
  public let microBatches: Int
  /// When partial results are reduced.
  public let reduction: String

  /// Creates settings.
  public init(
    optimizer: String, precision: String, batchNormalization: String, overlap: String, cells: Int?,
    microBatches: Int, reduction: String = "best"
  ) {
    self.optimizer = optimizer
    self.precision = precision
    self.batchNormalization = batchNormalization
    self.overlap = overlap
    self.cells = cells
    self.microBatches = microBatches
    self.reduction = reduction
  }
}

/// A plan described for people and scripts: what was decided, what it costs, and why.
public struct PlanReport: Hashable, Sendable {
  /// How the plan was found.
  public struct Search: Hashable, Sendable {
    /// `exact`, `hierarchical`, `exhaustive`, or the baseline's or file's name.
    public let strategy: String
    /// What was minimised: `time`, `energy`, `communication` or `memory`.
    public let objective: String
    /// Whether no plan of the space is better.
    public let exact: Bool
    /// Price over a lower bound of the objective, less one; nil where there is no bound.
    public let gap: Double?
    /// How many states the search visited.
    public let states: Int

    /// Creates a description of a search.
    public init(strategy: String, objective: String, exact: Bool, gap: Double?, states: Int) {
      self.strategy = strategy
      self.objective = objective
      self.exact = exact
      self.gap = gap
      self.states = states
    }
  }

  /// Where a weighted layer runs and how it is split.
  public struct Layer: Hashable, Sendable {
    /// The layer's name.
    public let name: String
    /// The device group, such as `mesh` or `npu`.
    public let devices: String
    /// For each level of the group the axis that is split, such as `batch` or `replicated`.
    public let axes: [String]

    /// Creates a layer.
    public init(name: String, devices: String, axes: [String]) {
      self.name = name
      self.devices = devices
      self.axes = axes
    }
  }

  /// How one axis is shared out over the parts of one level.
  public struct Share: Hashable, Sendable {
    /// The device group.
    public let devices: String
    /// The level's name, or its number from the top.
    public let level: String
    /// The axis.
    public let axis: String
    /// The fraction that each part gets; they add up to one.
    public let fractions: [Double]
    /// The whole-number weights that the fractions come from.
    public let weights: [Int]

    /// Creates a share.
    public init(devices: String, level: String, axis: String, fractions: [Double], weights: [Int]) {
      self.devices = devices
      self.level = level
      self.axis = axis
      self.fractions = fractions
      self.weights = weights
    }
  }

  /// A plan that lost.
  public struct Alternative: Hashable, Sendable {
    /// What it does, in a few words.
    public let summary: String
    /// Its price; nil where it cannot run.
    public let cost: StepCost?
    /// Its simulated makespan; nil where it was not simulated.
    public let simulated: SimulatedTime?
    /// Why it loses.
    public let reason: String

    /// Creates an alternative.
    public init(summary: String, cost: StepCost?, simulated: SimulatedTime? = nil, reason: String) {
      self.summary = summary
      self.cost = cost
      self.simulated = simulated
      self.reason = reason
    }
  }

  /// The network's name.
  public let model: String
  /// The machine's name.
  public let machine: String
  /// The global mini-batch.
  public let batch: Int
  /// How the training step was set up.
  public let settings: StepSettings
  /// How the plan was found.
  public let search: Search
  /// The price of a step.
  public let cost: StepCost
  /// The simulated makespan of a step; nil where it was not simulated.
  public let simulated: SimulatedTime?
  /// The peak of each device's memory, in the machine's order.
  public let memory: [MemoryUse]
  /// The weighted layers, in topological order.
  public let layers: [Layer]
  /// How axes are shared out, where not equally.
  public let shares: [Share]
  /// Other plans, best first, and why they lose.
  public let alternatives: [Alternative]
  /// Why this plan, in sentences.
  public let why: [String]
  /// What holds the step up, worst first.
  public let bottlenecks: [Bottleneck]
  /// What was assumed.
  public let assumptions: [Assumption]
  /// What the user should know, such as fields of the machine that changed no number.
  public let warnings: [String]

  /// Creates a report.
  public init(
    model: String, machine: String, batch: Int, settings: StepSettings, search: Search, cost: StepCost,
    simulated: SimulatedTime?, memory: [MemoryUse], layers: [Layer], shares: [Share],
    alternatives: [Alternative], why: [String], bottlenecks: [Bottleneck], assumptions: [Assumption],
    warnings: [String]
  ) {
    self.model = model
    self.machine = machine
    self.batch = batch
    self.settings = settings
    self.search = search
    self.cost = cost
    self.simulated = simulated
    self.memory = memory
    self.layers = layers
    self.shares = shares
    self.alternatives = alternatives
    self.why = why
    self.bottlenecks = bottlenecks
    self.assumptions = assumptions
    self.warnings = warnings
  }
}
