public import Devices
public import Graphs
public import Machines
public import Results
public import Units

/// A plan made explicit: tasks with their resources, their dependences and a program order for each device.
///
/// Three interpreters read the same value: a price, a simulation, an execution. Tasks stand in a topological
/// order that is also the program order: of two tasks of one device the earlier in ``tasks`` runs first.
public struct TaskGraph: Hashable, Sendable {
  /// What a task does.
  public enum Kind: Hashable, Sendable {
    /// Arithmetic on a device.
    case compute(DeviceID, Work)
    /// Data sent at once from devices to others over listed links, such as a tensor from one stage to the
    /// next.
    case exchange([Flow])
    /// Data moved inside a group by an algorithm that expands into rounds.
    case collective(Collective)
    /// Reading stored samples on a device.
    case storageRead(DeviceID, bytes: Bytes)
    /// Nothing: a point that others wait for.
    case barrier
  }

  /// What a task is for, so that results can be joined and read.
  public struct Label: Hashable, Sendable {
    /// The category of work.
    public let category: Category
    /// The node's name, or the tensor's.
    public let name: String
    /// The micro-batch, from zero.
    public let microBatch: Int
    /// The training step, from zero, where several are unrolled.
    public let step: Int

    /// Creates a label.
    public init(category: Category, name: String, microBatch: Int = 0, step: Int = 0) {
      self.category = category
      self.name = name
      self.microBatch = microBatch
      self.step = step
    }
  }

  /// One task.
  public struct Task: Hashable, Sendable {
    /// What it does.
    public let kind: Kind
    /// What it is for.
    public let label: Label
    /// The indices of the tasks that must have ended; all are smaller than its own.
    public let dependencies: [Int]
    /// What it does to which values.
    public let action: Action

    /// Creates a task.
    public init(kind: Kind, label: Label, dependencies: [Int], action: Action = .none) {
      self.kind = kind
      self.label = label
      self.dependencies = dependencies
      self.action = action
    }
  }

  /// Every task, in program order.
  public let tasks: [Task]
  /// Bytes of an element by what it is.
  public let elementSizes: ElementSizes
  /// The precision of arithmetic.
  public let precision: Precision
  /// How many training steps are unrolled; 1 unless steps overlap.
  public let steps: Int
  /// For each device the peak of its memory and what it holds then.
  public let memory: [MemoryUse]
  /// The movements that the tasks' actions speak of.
  public let movements: [Movement]

  /// Creates a task graph.
  ///
  /// Every dependence must point to an earlier task.
  public init(
    tasks: [Task], elementSizes: ElementSizes, precision: Precision, steps: Int, memory: [MemoryUse],
    movements: [Movement] = []
  ) {
    self.tasks = tasks
    self.elementSizes = elementSizes
    self.precision = precision
    self.steps = steps
    self.memory = memory
    self.movements = movements
  }
}
