public import Units

/// What happens in a simulated step, or in one collective alone.
public struct SimulationReport: Hashable, Sendable {
  /// What was simulated.
  public enum Subject: Hashable, Sendable {
    /// A training step: the network, the global mini-batch, and the plan in a few words.
    case step(model: String, batch: Int, plan: String)
    /// One collective alone: the operation, the bytes of each device, the algorithm and the chunks.
    case collective(operation: String, bytes: Bytes, algorithm: String, chunks: Int)
  }

  /// A task of the critical path.
  public struct CriticalTask: Hashable, Sendable {
    /// Its index in the task graph.
    public let task: Int
    /// What it is, for a person.
    public let name: String
    /// The category of work, such as `forward` or `collective`.
    public let category: String
    /// The resources that it occupies, in the machine's order.
    public let resources: [String]
    /// When it began.
    public let start: SimulatedTime
    /// How long it took, latencies included.
    public let duration: SimulatedTime

    /// Creates a task.
    public init(
      task: Int, name: String, category: String, resources: [String], start: SimulatedTime,
      duration: SimulatedTime
    ) {
      self.task = task
      self.name = name
      self.category = category
      self.resources = resources
      self.start = start
      self.duration = duration
    }
  }

  /// What was simulated.
  public let subject: Subject
  /// The machine's name.
  public let machine: String
  /// The time of the step; in a steady state its period.
  public let makespan: SimulatedTime
  /// The price of the same tasks: bounds and energy.
  public let cost: StepCost
  /// The chain of tasks that decides the makespan, in the order of time.
  public let criticalPath: [CriticalTask]
  /// What each resource does, in the machine's order.
  public let resources: [ResourceUse]
  /// The time in which data moves and no device computes.
  public let exposedCommunication: SimulatedTime
  /// What holds the step up, worst first.
  public let bottlenecks: [Bottleneck]
  /// The peak of each device's memory, in the machine's order.
  public let memory: [MemoryUse]
  /// What was assumed.
  public let assumptions: [Assumption]
  /// What the user should know.
  public let warnings: [String]

  /// Creates a report.
  public init(
    subject: Subject, machine: String, makespan: SimulatedTime, cost: StepCost,
    criticalPath: [CriticalTask], resources: [ResourceUse], exposedCommunication: SimulatedTime,
    bottlenecks: [Bottleneck], memory: [MemoryUse], assumptions: [Assumption], warnings: [String]
  ) {
    self.subject = subject
    self.machine = machine
    self.makespan = makespan
    self.cost = cost
    self.criticalPath = criticalPath
    self.resources = resources
    self.exposedCommunication = exposedCommunication
    self.bottlenecks = bottlenecks
    self.memory = memory
    self.assumptions = assumptions
    self.warnings = warnings
  }
}
