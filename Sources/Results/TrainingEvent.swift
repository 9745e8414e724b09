public import Units

/// Something that happens in a training run and that a user is told.
public enum TrainingEvent: Hashable, Sendable {
  /// The ranks are there and the plan is known.
  case start(TrainingStart)
  /// A step is done.
  case step(TrainingStep)
  /// An epoch is done.
  case epoch(TrainingEpoch)
  /// A checkpoint was written after so many steps.
  case checkpoint(path: String, step: Int)
  /// Something the user should know, one sentence.
  case note(String)
  /// Everything is done.
  case end(TrainingEnd)
}

/// How a training run begins.
public struct TrainingStart: Hashable, Sendable {
  /// A process that computes.
  public struct Rank: Hashable, Sendable {
    /// Its number.
    public let rank: Int
    /// Its process.
    public let process: Int
    /// The device of the machine that it stands for.
    public let device: String
    /// What computes: the library, its version and the instruction set.
    public let kernels: String
    /// The instruction set that the library uses, as machine files name it; nil without a library.
    public let instructionSet: String?
    /// How many threads compute.
    public let threads: Int
    /// For how many threads the rates of the device hold; nil where the machine does not say.
    public let ratedThreads: Int?

    /// Creates a rank.
    public init(
      rank: Int, process: Int, device: String, kernels: String, instructionSet: String?, threads: Int,
      ratedThreads: Int?
    ) {
      self.rank = rank
      self.process = process
      self.device = device
      self.kernels = kernels
      self.instructionSet = instructionSet
      self.threads = threads
      self.ratedThreads = ratedThreads
    }
  }

  /// The network.
  public let model: String
  /// The machine.
  public let machine: String
  /// What the samples are.
  public let data: String
  /// The samples of a step.
  public let batch: Int
  /// Into how many cells the batch is cut; nil without a grid.
  public let cells: Int?
  /// Whether the same bits come out of every number of ranks.
  public let isDeterministic: Bool
  /// The steps in all, those done before included.
  public let steps: Int
  /// The steps of one pass through the data.
  public let stepsPerEpoch: Int
  /// The steps that a checkpoint had done.
  public let firstStep: Int
  /// The processes that compute.
  public let ranks: [Rank]
  /// What the machine's description says of a step.
  public let priced: SimulatedTime
  /// The simulated makespan of a step.
  public let simulated: SimulatedTime

  /// Creates the beginning of a run.
  public init(
    model: String, machine: String, data: String, batch: Int, cells: Int?, isDeterministic: Bool, steps: Int,
    stepsPerEpoch: Int, firstStep: Int, ranks: [Rank], priced: SimulatedTime, simulated: SimulatedTime
  ) {
    self.model = model
    self.machine = machine
    self.data = data
    self.batch = batch
    self.cells = cells
    self.isDeterministic = isDeterministic
    self.steps = steps
    self.stepsPerEpoch = stepsPerEpoch
    self.firstStep = firstStep
    self.ranks = ranks
    self.priced = priced
    self.simulated = simulated
  }
}

/// A step of a training run.
public struct TrainingStep: Hashable, Sendable {
  /// The number, from one.
  public let number: Int
  /// The epoch, from one.
  public let epoch: Int
  /// The mean loss over the batch, before the update.
  public let loss: Double
  /// The part of the batch whose class was found.
  public let accuracy: Double
  /// The learning rate of the step.
  public let learningRate: Double
  /// The time of the step.
  public let duration: Seconds
  /// The samples a second since the step before.
  public let samplesPerSecond: Double
  /// The time left, as far as it can be told.
  public let remaining: Seconds

  /// Creates a step.
  public init(
    number: Int, epoch: Int, loss: Double, accuracy: Double, learningRate: Double, duration: Seconds,
    samplesPerSecond: Double, remaining: Seconds
  ) {
    self.number = number
    self.epoch = epoch
    self.loss = loss
    self.accuracy = accuracy
    self.learningRate = learningRate
    self.duration = duration
    self.samplesPerSecond = samplesPerSecond
    self.remaining = remaining
  }
}

/// An epoch of a training run.
public struct TrainingEpoch: Hashable, Sendable {
  /// The number, from one.
  public let number: Int
  /// The mean over its steps.
  public let loss: Double
  /// The part of its samples whose class was found, each before the step it took part in.
  public let accuracy: Double
  /// The part of the test samples whose class is found; nil where there are none.
  public let testAccuracy: Double?
  /// The samples a second over the epoch.
  public let samplesPerSecond: Double

  /// Creates an epoch.
  public init(
    number: Int, loss: Double, accuracy: Double, testAccuracy: Double?, samplesPerSecond: Double
  ) {
    self.number = number
    self.loss = loss
    self.accuracy = accuracy
    self.testAccuracy = testAccuracy
    self.samplesPerSecond = samplesPerSecond
  }
}

/// How a training run ends.
public struct TrainingEnd: Hashable, Sendable {
  /// What a pair of devices exchanged in a step.
  public struct Pair: Hashable, Sendable {
    /// The device that sends.
    public let from: String
    /// The device that receives.
    public let to: String
    /// What the simulation says for one step.
    public let simulated: Bytes
    /// What was counted, for one step.
    public let measured: Bytes

    /// Creates a pair.
    public init(from: String, to: String, simulated: Bytes, measured: Bytes) {
      self.from = from
      self.to = to
      self.simulated = simulated
      self.measured = measured
    }
  }

  /// A task, or tasks of one kind, as it was priced and as it was measured.
  public struct Task: Hashable, Sendable {
    /// The phase, `transfer`, `collective` or `update`.
    public let category: String
    /// The node's name, or the tensor's.
    public let name: String
    /// The device that it ran on; of a collective the slowest.
    public let device: String
    /// What the machine's description says.
    public let priced: SimulatedTime
    /// The median over the steps that were measured.
    public let measured: SimulatedTime

    /// Creates a task.
    public init(
      category: String, name: String, device: String, priced: SimulatedTime, measured: SimulatedTime
    ) {
      self.category = category
      self.name = name
      self.device = device
      self.priced = priced
      self.measured = measured
    }
  }

  /// The memory of a rank.
  public struct Memory: Hashable, Sendable {
    /// The number of the rank.
    public let rank: Int
    /// What was laid out before the first step.
    public let planned: Bytes
    /// By how much the resident memory grew over what it was before, without pages of files and what other
    /// ranks share.
    public let resident: Bytes
    /// By how much it had grown before, while the library of the kernels was opened and they were made: code
    /// that it generates, and what it keeps for itself.
    public let library: Bytes
    /// What is laid out besides while the rank classifies the test samples, and given back afterwards; zero
    /// where it classifies none.
    public let evaluation: Bytes

    /// Creates the memory of a rank.
    public init(rank: Int, planned: Bytes, resident: Bytes, library: Bytes, evaluation: Bytes) {
      self.rank = rank
      self.planned = planned
      self.resident = resident
      self.library = library
      self.evaluation = evaluation
    }
  }

  /// The steps that were done in all.
  public let steps: Int
  /// The digest of the trained weights.
  public let weightsDigest: String
  /// What proves which samples were read.
  public let ledger: String
  /// The part of the test samples whose class is found; nil where there are none.
  public let testAccuracy: Double?
  /// What the machine's description says of a step: a lower bound.
  public let priced: SimulatedTime
  /// The simulated makespan of a step.
  public let simulated: SimulatedTime
  /// The median of the steps, the first few left out.
  public let measured: SimulatedTime
  /// What the machine without measured rates says of the step; nil where it has none.
  public let uncalibrated: SimulatedTime?
  /// What devices exchanged in a step, pair by pair.
  public let pairs: [Pair]
  /// Every task with its price and its measured time.
  public let tasks: [Task]
  /// The memory of each rank.
  public let memory: [Memory]

  /// Creates the end of a run.
  public init(
    steps: Int, weightsDigest: String, ledger: String, testAccuracy: Double?, priced: SimulatedTime,
    simulated: SimulatedTime, measured: SimulatedTime, uncalibrated: SimulatedTime?, pairs: [Pair],
    tasks: [Task], memory: [Memory]
  ) {
    self.steps = steps
    self.weightsDigest = weightsDigest
    self.ledger = ledger
    self.testAccuracy = testAccuracy
    self.priced = priced
    self.simulated = simulated
    self.measured = measured
    self.uncalibrated = uncalibrated
    self.pairs = pairs
    self.tasks = tasks
    self.memory = memory
  }
}
