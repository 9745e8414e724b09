public import Communication
public import Datasets
import Differentiation
import Graphs
public import Kernels
public import Plans
import Units

/// What all ranks of a run know of it.
public struct TrainingJob: Sendable {
  /// The plan.
  public let plan: ResolvedPlan
  /// Its tasks.
  public let tasks: TaskGraph
  /// Which device is which rank.
  public let ranks: RankTable
  /// The samples.
  public let samples: any Dataset
  /// What is drawn, and how often.
  public let seed: UInt64
  /// The steps in all.
  public let steps: Int
  /// The learning rate before the schedule.
  public let learningRate: Double
  /// How it changes.
  public let schedule: LearningRateSchedule
  /// Whether the kernels of all ranks are alike.
  public let ranksAreAlike: Bool
  /// The elements of a tensor before the first step, by its name; nil where they are drawn.
  public let given: @Sendable (String) -> [Double]?

  /// Describes a run.
  public init(
    plan: ResolvedPlan, tasks: TaskGraph, samples: any Dataset, seed: UInt64, steps: Int,
    learningRate: Double, schedule: LearningRateSchedule, ranksAreAlike: Bool,
    given: @escaping @Sendable (String) -> [Double]?
  ) {
    self.plan = plan
    self.tasks = tasks
    ranks = RankTable(tasks, on: plan.machine)
    self.samples = samples
    self.seed = seed
    self.steps = steps
    self.learningRate = learningRate
    self.schedule = schedule
    self.ranksAreAlike = ranksAreAlike
    self.given = given
  }

  /// The order in which samples are read.
  public var order: SampleOrder {
    SampleOrder(count: samples.count, seed: seed, batch: plan.plan.batch)
  }
}

/// One rank of a training run: it loads its samples, runs its part of the step and keeps its part of the
/// model.
public final class RankTrainer {
  /// What a step gave at this rank.
  public struct StepResult: Sendable {
    /// The parts of the loss that this rank reports, by cell or micro-batch.
    public let losses: [(part: Int, loss: Double)]
    /// How many samples were classified as their labels say.
    public let correct: Int
    /// The nanoseconds of the step, loading left out.
    public let nanoseconds: Int
  }

  /// The samples that this rank answered for.
  public private(set) var ledger = SampleLedger()
  /// The bytes sent to each rank in the steps so far.
  public private(set) var bytesSent: [Int]
  /// By how many bytes the resident memory has grown since before the memory of the step was touched.
  ///
  /// Of shared memory only what this rank has filled counts, so that no byte counts for two ranks. Pages of
  /// files do not count, such as libraries and samples: the system drops them when it likes.
  public var residentGrowth: Int { max(0, residentBytes() - residentBefore) }
  /// By how many bytes the process grew while the kernels of the step were made: code that their library
  /// generates, and what it keeps for itself.
  public let libraryGrowth: Int
  /// The bytes that were laid out.
  public var plannedBytes: Int { executor.program.plannedBytes }

  private let job: TrainingJob
  private let transport: any Transport
  private let executor: RankExecutor
  private let order: SampleOrder
  private let residentBefore: Int
  private var times: [Int: [UInt64]] = [:]
  private var isFirst = true
  private var sample: [Float]

  /// How many times of a task are kept.
  private static let timesKept = 31

  /// Lays out the memory of a rank and sets the model as it is before the first step.
  ///
  /// - Throws: ``ExecutionFault`` for what cannot be run.
  public init(
    _ job: TrainingJob, over transport: any Transport, library: any KernelLibrary
  ) throws(ExecutionFault) {
    self.job = job
    self.transport = transport
    order = job.order
    let measured = MeasuredLibrary(library)
    let program = try compile(
      job.tasks, of: job.plan, ranks: job.ranks, rank: transport.rank, library: measured,
      settings: ExecutionSettings(
        scalar: .float32, seed: job.seed, ranksAreAlike: job.ranksAreAlike))
    libraryGrowth = measured.bytes
    ProcessMemory.giveBackFreed()
    residentBefore = transport.sharedBytesHeld + ProcessMemory.privateBytes()
    executor = try RankExecutor(program, ranks: job.ranks, over: transport)
    bytesSent = [Int](repeating: 0, count: transport.rankCount)
    sample = [Float](repeating: 0, count: job.samples.sampleElements)
    initialise()
    // What weights were drawn in would count as memory of the step.
    ProcessMemory.giveBackFreed()
  }

  private func initialise() {
    let graph = job.plan.training.graph
    let drawn = InitialWeights(graph, seed: job.seed)
    for tensor in executor.kept {
      guard case .forward(let id) = tensor.value else { continue }
      if case .constant(let values) = graph[id].role, let values {
        executor.set(tensor) { values[$0] }
      } else if let values = job.given(graph[id].name) {
        executor.set(tensor) { values[$0] }
      } else {
        let values = drawn.values(of: id)
        executor.set(tensor) { Double(values[$0]) }
      }
    }
  }

  /// Takes the model of a checkpoint in place of the first one.
  ///
  /// - Returns: The names that the checkpoint lacks.
  public func restore(_ stored: StoredTensors, ledger: SampleLedger) -> [String] {
    var missing: [String] = []
    for tensor in executor.kept {
      guard let name = executor.name(of: tensor, in: job.plan.training) else { continue }
      guard let values = stored.floats(of: name) else {
        missing.append(name)
        continue
      }
      executor.set(tensor) { Double(values[$0]) }
    }
    // One rank alone answers for what was read before.
    if transport.rank == 0 { self.ledger = ledger }
    return missing
  }

  // MARK: Steps

  /// Runs one step, from zero.
  ///
  /// - Parameter atHalf: Called when half of the step's instructions have run.
  public func run(step: Int, atHalf: () -> Void = {}) throws(PeerLost) -> StepResult {
    load(step)
    let before = transport.bytesSent
    let start = SteadyClock.now()
    let outcome = try executor.run(
      step: step + 1,
      learningRate: job.schedule.rate(
        job.learningRate, step: step, of: job.steps, epoch: order.epoch(ofStep: step)),
      isTimed: true, atHalf: atHalf)
    let end = SteadyClock.now()
    for (rank, bytes) in transport.bytesSent.enumerated() { bytesSent[rank] += bytes - before[rank] }
    // The first step touches memory for the first time.
    if !isFirst { for time in outcome.times { keep(time) } }
    isFirst = false
    return StepResult(losses: outcome.losses, correct: outcome.correct, nanoseconds: Int(end - start))
  }

  private func keep(_ time: RankExecutor.TaskTime) {
    guard times[time.task, default: []].count < Self.timesKept else { return }
    times[time.task, default: []].append(time.end - time.begin)
  }

  /// For each task of this rank the median of its times in nanoseconds.
  public var medianTimes: [(task: Int, nanoseconds: Int)] {
    times.sorted { $0.key < $1.key }.map { task, times in
      (task, Int(times.sorted()[times.count / 2]))
    }
  }

  private func load(_ step: Int) {
    let batch = job.plan.plan.batch
    let microBatch = job.plan.training.graph.batch
    for port in executor.inputs {
      let first = port.microBatch * microBatch
      if port.isLabel {
        executor.set(port) { place in
          Double(
            self.job.samples.label(
              of: self.order.sample(ofStep: step, place: first + place / port.sampleElements)))
        }
        guard port.isPrincipal else { continue }
        let read = port.holding.runs.flatMap { run in
          run.map { order.sample(ofStep: step, place: first + $0 / port.sampleElements) }
        }
        ledger.record(read, inStep: step)
      } else if var floats = executor.floats(of: port) {
        for run in port.holding.runs {
          for place in run.lowerBound / port.sampleElements..<run.upperBound / port.sampleElements {
            job.samples.copySample(order.sample(ofStep: step, place: first + place), to: floats)
            floats += port.sampleElements
          }
        }
      } else {
        loadParts(port, step, first)
      }
      precondition(first < batch, "micro-batch \(port.microBatch) of a batch of \(batch)")
    }
  }

  /// Samples that are cut along other dimensions than the batch.
  private func loadParts(_ port: RankExecutor.InputPort, _ step: Int, _ first: Int) {
    var loaded = -1
    executor.set(port) { place in
      let number = place / port.sampleElements
      if number != loaded {
        let index = self.order.sample(ofStep: step, place: first + number)
        self.sample.withUnsafeMutableBufferPointer { buffer in
          guard let base = buffer.baseAddress else { return }
          self.job.samples.copySample(index, to: base)
        }
        loaded = number
      }
      return Double(self.sample[place % port.sampleElements])
    }
  }

  /// Brings the model to rank 0, and nil to the others.
  public func gather() throws(PeerLost) -> ModelTensors? {
    try executor.gather(job.plan.training, ledger: ledger, over: transport)
  }

  /// Whether any rank wants the run to end; all ranks learn it at the same step.
  public func agree(toEnd isWanted: Bool) throws(PeerLost) -> Bool {
    guard transport.rankCount > 1 else { return isWanted }
    if transport.rank > 0 {
      try transport.send([isWanted ? UInt8(1) : 0], to: 0)
      return try transport.receive(1, of: UInt8.self, from: 0)[0] == 1
    }
    var ends = isWanted
    for rank in 1..<transport.rankCount {
      let other = try transport.receive(1, of: UInt8.self, from: rank)[0] == 1
      ends = ends || other
    }
    for rank in 1..<transport.rankCount { try transport.send([ends ? UInt8(1) : 0], to: rank) }
    return ends
  }

  private func residentBytes() -> Int { transport.sharedBytesHeld + ProcessMemory.privateBytes() }
}
