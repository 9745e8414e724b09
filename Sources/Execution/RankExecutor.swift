public import Communication
import Differentiation
import Graphs
import Kernels
import Plans

/// Runs a ``RankProgram`` step by step: real tensors, real kernels, real messages.
///
/// All memory is reserved before the first step, and nothing is allocated in a step.
public final class RankExecutor {
  /// What the rank does.
  public let program: RankProgram
  private let transport: any Transport
  private let memory: RankMemory
  private let code: [BoundInstruction]
  /// What goes on beside the instructions.
  private var besides = ExchangeChain()

  /// What one step gave.
  public struct StepOutcome: Sendable {
    /// The parts of the loss that this rank reports: its cells, or micro-batches where there is no grid.
    public let losses: [(part: Int, loss: Double)]
    /// How many samples that this rank reports were classified as their labels say.
    public let correct: Int
    /// For each of the rank's tasks in order the nanoseconds between its start and its end; empty where they
    /// were not asked for.
    public let times: [TaskTime]
  }

  /// When a task ran, in nanoseconds of a steady clock.
  public struct TaskTime: Sendable {
    /// The task's index in the task graph.
    public let task: Int
    /// When it began.
    public let begin: UInt64
    /// When it ended.
    public let end: UInt64
  }

  /// Reserves the memory of a program and binds it.
  ///
  /// - Throws: ``ExecutionFault`` where the memory is not to be had.
  public init(
    _ program: RankProgram, ranks: RankTable, over transport: any Transport
  ) throws(ExecutionFault) {
    self.program = program
    self.transport = transport
    memory = try RankMemory(program, over: transport)
    let binder = Binder(memory: memory, ranks: ranks)
    code = program.code.map { binder.bound($0) }
  }

  // MARK: A step

  /// Runs one step.
  ///
  /// - Parameters:
  ///   - number: The number of the step, from one.
  ///   - learningRate: The rate of the moment; nil for the optimizer's own.
  ///   - isTimed: Whether the times of the tasks are wanted.
  ///   - atHalf: Called when half of the instructions have run, for tests of what happens then.
  public func run(
    step number: Int, learningRate: Double? = nil, isTimed: Bool = false,
    atHalf: () -> Void = {}
  ) throws(PeerLost) -> StepOutcome {
    var times: [TaskTime] = []
    if isTimed { times.reserveCapacity(code.count) }
    var index = 0
    besides.beginStep()
    while index < code.count {
      let task = program.taskOfInstruction[index]
      let begin = isTimed ? SteadyClock.now() : 0
      while index < code.count, program.taskOfInstruction[index] == task {
        if index == code.count / 2 { atHalf() }
        try run(code[index], step: number, learningRate)
        index += 1
      }
      if isTimed { times.append(TaskTime(task: task, begin: begin, end: SteadyClock.now())) }
    }
    let losses = program.losses.filter(\.isPrincipal).map {
      (part: $0.part, loss: value(at: $0.place))
    }
    return StepOutcome(losses: losses, correct: correct(), times: times)
  }

  private func run(
    _ instruction: BoundInstruction, step: Int, _ learningRate: Double?
  ) throws(PeerLost) {
    switch instruction {
    case .kernel(let kernel, let operands, let call):
      let generator = CounterGenerator(
        seed: program.settings.seed, step: UInt64(step), stream: UInt64(call.stream))
      kernel.run(
        operands,
        KernelMoment(
          generator: generator, firstSample: call.firstSample, places: call.places, rows: call.rows),
        scratch: memory.scratch)
      if !besides.isEmpty { besides.advance(over: transport) }
    case .pack(let kernel, let operands, let packed): kernel.packParameters(operands, into: packed)
    case .sum(let target, let addends, let count):
      switch program.settings.scalar {
      case .float32: OrderedSum.float32(addends, to: target, count: count)
      case .float64: OrderedSum.float64(addends, to: target, count: count)
      }
    case .clear(let place, let size): place.initializeMemory(as: UInt8.self, repeating: 0, count: size)
    case .exchange(let exchange): try exchange.run(over: transport)
    case .begin(let exchanges):
      besides.append(exchanges)
      besides.advance(over: transport)
    case .finish(let count): try besides.finish(count, over: transport)
    case .follow(let statistics): follow(statistics)
    case .update(let update): self.update(update, step: step, learningRate)
    }
  }

  func pointer(_ reference: BufferReference) -> UnsafeMutableRawPointer { memory.pointer(reference) }

  /// Counts the samples whose highest score is that of their label.
  func correct(first limit: Int = .max) -> Int {
    switch program.settings.scalar {
    case .float32: correct(limit, as: Float.self)
    case .float64: correct(limit, as: Double.self)
    }
  }

  private func correct<Number: Comparable>(_ limit: Int, as type: Number.Type) -> Int {
    var count = 0
    var seen = 0
    for place in program.predictions {
      let scores = pointer(place.scores).assumingMemoryBound(to: type)
      let labels = pointer(place.labels).assumingMemoryBound(to: Int64.self)
      for sample in 0..<place.samples where seen < limit {
        seen += 1
        let row = scores + sample * place.classes
        var best = 0
        for index in 1..<max(1, place.classes) where row[index] > row[best] { best = index }
        if best == Int(labels[sample]) { count += 1 }
      }
    }
    return count
  }

  private func value(at reference: BufferReference) -> Double {
    switch program.settings.scalar {
    case .float32: Double(pointer(reference).load(as: Float.self))
    case .float64: pointer(reference).load(as: Double.self)
    }
  }

  private func update(_ update: ParameterUpdate, step: Int, _ learningRate: Double?) {
    let (parameter, gradient) = (pointer(update.parameter), pointer(update.gradient))
    switch program.settings.scalar {
    case .float32:
      program.optimizer.update(
        parameter: parameter.assumingMemoryBound(to: Float.self),
        gradient: UnsafePointer(gradient.assumingMemoryBound(to: Float.self)),
        states: update.states.map { pointer($0).assumingMemoryBound(to: Float.self) }, count: update.count,
        step: step, learningRate: learningRate)
    case .float64:
      program.optimizer.update(
        parameter: parameter.assumingMemoryBound(to: Double.self),
        gradient: UnsafePointer(gradient.assumingMemoryBound(to: Double.self)),
        states: update.states.map { pointer($0).assumingMemoryBound(to: Double.self) }, count: update.count,
        step: step, learningRate: learningRate)
    }
  }

  private func follow(_ statistics: RunningStatistics) {
    switch program.settings.scalar {
    case .float32: follow(statistics, as: Float.self)
    case .float64: follow(statistics, as: Double.self)
    }
  }

  private func follow<Scalar: KernelScalar>(_ statistics: RunningStatistics, as type: Scalar.Type) {
    func numbers(_ place: BufferReference, _ count: Int) -> UnsafeMutableBufferPointer<Scalar> {
      UnsafeMutableBufferPointer(start: pointer(place).assumingMemoryBound(to: type), count: count)
    }
    let mean = numbers(statistics.mean, statistics.channels)
    let variance = numbers(statistics.variance, statistics.channels)
    let moments = BatchMoments<Scalar>(
      sums: Array(numbers(statistics.sums, 2 * statistics.channels)), origin: Array(mean),
      count: statistics.count)
    let followed = moments.runningStatistics(
      mean: Array(mean), variance: Array(variance), momentum: statistics.momentum)
    for channel in 0..<statistics.channels {
      mean[channel] = followed.mean[channel]
      variance[channel] = followed.variance[channel]
    }
  }
}
