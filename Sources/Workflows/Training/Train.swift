import Communication
import Datasets
import Diagnostics
import Differentiation
import Execution
import FoundationEssentials
import Graphs
import Machines
import Plans
import Pricing
public import Results
import Units

/// Trains a network under a plan, one process for each device of the plan.
///
/// The process that calls it coordinates: it plans, starts the ranks as processes of the same program with
/// the arguments `arguments`, tells `report` what happens, and returns when all ranks have ended. The ranks
/// call
/// ``runRank(_:)`` with the same request.
///
/// - Parameters:
///   - request: What is trained on what.
///   - arguments: The command line by which a process of this program becomes a rank.
///   - report: Called for every event, in their order.
/// - Throws: `InputError` for bad input, ``TrainingFault`` for a run that did not end well, and whatever
///   `report` throws, after the ranks have ended.
public func train(
  _ request: TrainingRequest, arguments: [String], report: (TrainingEvent) throws -> Void
) throws {
  let session = try TrainingSession(request)
  // Before hours are spent on what could not be kept.
  if let folder = request.checkpointFolder { try CheckpointFolder(folder).prepare() }
  for note in session.startNotes { try report(.note(note)) }
  let count = session.ranks.devices.count
  let threads = session.threads
  let group: RankGroup
  do {
    group = try launch(
      RankRun(
        count: count, arguments: { _ in arguments },
        environment: { rank in
          var variables = ["OMP_NUM_THREADS": "\(threads[rank])", "OMP_PROC_BIND": "false"]
          variables[InstructionSet.limitVariable] = session.instructionSets[rank]?.limit
          // Threads that wait for the next kernel burn milliseconds by default, which nearly stops everything
          // where there are more threads than processors.
          if threads.reduce(0, +) > ThisComputer.processorCount { variables["GOMP_SPINCOUNT"] = "1000" }
          return variables
        },
        processors: { processors(ofRank: $0, threads: threads) }))
  } catch {
    throw InputError(.inputOutput, "the ranks cannot be started: \(error)")
  }
  let plan = Array(session.planText.utf8)
  for rank in 0..<count { group.send(plan, to: rank) }
  var desk = TrainingDesk(session)
  var failure: (any Error)?
  while let event = group.next() {
    guard failure == nil else { continue }
    do {
      switch event {
      case .message(let rank, let bytes):
        if let message = RankMessage(bytes: bytes) { try desk.take(message, from: rank, report) }
      case .lost, .interrupted, .exited: break
      }
    } catch {
      failure = error
      group.end()
    }
  }
  if let failure { throw failure }
  if let fault = desk.fault { throw fault }
  switch group.outcome {
  case .finished: try desk.end(report)
  case .interrupted: throw TrainingFault.interrupted
  case .lost(let peer, _): throw TrainingFault.peerLost("\(peer)")
  case nil: throw TrainingFault.failed("the ranks ended without a word")
  }
}

/// The processors that a rank may use: its own where there are enough, all otherwise.
private func processors(ofRank rank: Int, threads: [Int]) -> [Int] {
  guard threads.reduce(0, +) <= ThisComputer.processorCount else { return [] }
  let first = threads[..<rank].reduce(0, +)
  return Array(first..<first + threads[rank])
}

extension TrainingSession {
  /// What a user should know before the first step.
  fileprivate var startNotes: [String] {
    var notes = notes
    if decision.plan.options.cells != nil, !resolved.keepsOrder {
      notes.append(
        "This plan splits channels, so that sums have another order than on one device: results differ by "
          + "rounding, about 1e-5 of a tensor after one step.")
    } else if Set(instructionSets).count > 1 {
      notes.append(
        "The ranks have unequal instruction sets, whose sums differ by rounding: results depend on the plan, "
          + "by about 1e-5 of a tensor after one step.")
    }
    return notes
  }
}

/// What the coordinator has heard so far.
private struct TrainingDesk {
  let session: TrainingSession
  private let result: PlanResult
  private var ready: [Int: TrainingStart.Rank] = [:]
  private var firstStep = 0
  /// The parts of the loss of steps that not all ranks have reported.
  private var open: [Int: [Int: (losses: [RankMessage.Part], correct: Int, nanoseconds: Int)]] = [:]
  private var durations: [Int] = []
  private var started: UInt64 = 0
  private var epochLoss = 0.0
  private var epochCorrect = 0
  private var epochSteps = 0
  private var epochStart: UInt64 = 0
  private var testAccuracies: [Int: Double?] = [:]
  private var waitingEpochs: [Int: TrainingEpoch] = [:]
  private var measured: [Int: RankMessage.Measurement] = [:]
  private var outcome: RankMessage?
  /// Why a rank gave up.
  private(set) var fault: (any Error)?
  private var faultRank = -1

  init(_ session: TrainingSession) {
    self.session = session
    result = PlanResult(session.tasks, on: session.decision.machine)
  }

  private var rankCount: Int { session.ranks.devices.count }

  mutating func take(
    _ message: RankMessage, from rank: Int, _ report: (TrainingEvent) throws -> Void
  ) throws {
    switch message {
    case .ready(let process, let kernels, let instructionSet, let threads, let first, let notes):
      firstStep = max(firstStep, first)
      if rank == 0 { for note in notes { try report(.note(note)) } }
      let device = session.decision.machine[session.ranks.devices[rank]]
      ready[rank] = TrainingStart.Rank(
        rank: rank, process: process, device: device.name, kernels: kernels, instructionSet: instructionSet,
        threads: threads, ratedThreads: device.threads)
      if let wanted = session.instructionSets[rank], instructionSet == nil {
        try report(
          .note(
            "Rank \(rank) computes without oneDNN, so that it does not keep to '\(wanted.rawValue)' and the "
              + "ranks are not as unequal as planned."))
      }
      if ready.count == rankCount { try start(report) }
    case .step(let number, let losses, let correct, let nanoseconds):
      open[number, default: [:]][rank] = (losses, correct, nanoseconds)
      if open[number]?.count == rankCount { try finish(step: number, report) }
    case .epoch(let number, let accuracy):
      testAccuracies[number] = accuracy
      try tellEpoch(number, report)
    case .checkpoint(let path, let step): try report(.checkpoint(path: path, step: step))
    case .measured(let measurement): measured[rank] = measurement
    case .result: outcome = message
    case .fault(let kind, let text, let hint, let file):
      // The first that gives up knows why, and may have several reasons; others give up because it is gone.
      guard kind != "peer" else { return }
      if let known = fault as? InputError, faultRank == rank, let kind = DiagnosticKind(rawValue: kind) {
        let location = file.map { SourceLocation(file: $0) }
        fault = InputError(known.diagnostics + [Diagnostic(kind, text, at: location, hint: hint)])
        return
      }
      guard fault == nil else { return }
      faultRank = rank
      if let kind = DiagnosticKind(rawValue: kind) {
        if kind == .badModel, text.hasPrefix("the loss is no number") {
          fault = TrainingFault.failed(text + (hint.map { ": \($0)" } ?? ""))
        } else {
          fault = InputError(kind, text, at: file.map { SourceLocation(file: $0) }, hint: hint)
        }
      } else {
        fault = TrainingFault.failed("rank \(rank): \(text)")
      }
    }
  }

  private mutating func start(_ report: (TrainingEvent) throws -> Void) throws {
    started = SteadyClock.now()
    epochStart = started
    try report(
      .start(
        TrainingStart(
          model: session.session.whole.graph.name, machine: session.decision.machine.name,
          data: session.training.name, batch: session.session.batch,
          cells: session.decision.plan.options.cells.map { min($0, session.session.batch) },
          isDeterministic: session.isDeterministic, steps: session.steps,
          stepsPerEpoch: session.stepsPerEpoch, firstStep: firstStep,
          ranks: ready.sorted { $0.key < $1.key }.map(\.value), priced: result.cost.time,
          simulated: result.timeline.makespan)))
  }

  private mutating func finish(step number: Int, _ report: (TrainingEvent) throws -> Void) throws {
    guard let parts = open.removeValue(forKey: number) else { return }
    // By cell, so that the sum does not depend on who computed which.
    let losses = parts.values.flatMap(\.losses).sorted { $0.index < $1.index }
    let loss = losses.reduce(0) { $0 + $1.value }
    let correct = parts.values.reduce(0) { $0 + $1.correct }
    let nanoseconds = parts.values.reduce(0) { max($0, $1.nanoseconds) }
    durations.append(nanoseconds)
    let time = SteadyClock.now()
    let batch = session.session.batch
    let mean = Double(time - started) / 1e9 / Double(max(1, number - firstStep))
    epochLoss += loss
    epochCorrect += correct
    epochSteps += 1
    let epoch = (number - 1) / session.stepsPerEpoch
    try report(
      .step(
        TrainingStep(
          number: number, epoch: epoch + 1, loss: loss, accuracy: Double(correct) / Double(batch),
          learningRate: session.schedule.rate(
            session.learningRate, step: number - 1, of: session.steps, epoch: epoch),
          duration: Seconds(Double(nanoseconds) / 1e9),
          samplesPerSecond: nanoseconds > 0 ? Double(batch) * 1e9 / Double(nanoseconds) : 0,
          remaining: Seconds(mean * Double(session.steps - number)))))
    guard number % session.stepsPerEpoch == 0 else { return }
    let seconds = Double(time - epochStart) / 1e9
    waitingEpochs[epoch + 1] = TrainingEpoch(
      number: epoch + 1, loss: epochLoss / Double(epochSteps),
      accuracy: Double(epochCorrect) / Double(epochSteps * batch), testAccuracy: nil,
      samplesPerSecond: Double(epochSteps * batch) / max(seconds, 1e-9))
    (epochLoss, epochCorrect, epochSteps) = (0, 0, 0)
    try tellEpoch(epoch + 1, report)
  }

  /// An epoch is told when its last step and its test accuracy are known.
  private mutating func tellEpoch(_ number: Int, _ report: (TrainingEvent) throws -> Void) throws {
    guard let accuracy = testAccuracies[number], let epoch = waitingEpochs.removeValue(forKey: number) else {
      return
    }
    epochStart = SteadyClock.now()
    try report(
      .epoch(
        TrainingEpoch(
          number: epoch.number, loss: epoch.loss, accuracy: epoch.accuracy, testAccuracy: accuracy,
          samplesPerSecond: epoch.samplesPerSecond)))
  }

  /// Tells how the run ended, once all ranks have left.
  func end(_ report: (TrainingEvent) throws -> Void) throws {
    guard case .result(let digest, let ledger, let accuracy, let steps)? = outcome else {
      throw TrainingFault.failed("rank 0 left without a result")
    }
    // The first step touches memory for the first time, and is no measure where there are others.
    let counted = durations.count > 1 ? Array(durations.dropFirst()) : durations
    let median = counted.isEmpty ? 0 : counted.sorted()[counted.count / 2]
    try report(
      .end(
        TrainingEnd(
          steps: steps, weightsDigest: digest, ledger: ledger, testAccuracy: accuracy,
          priced: result.cost.time, simulated: result.timeline.makespan,
          measured: SimulatedTime(Int64(median) * 1000), uncalibrated: uncalibrated, pairs: pairs,
          tasks: taskTimes,
          memory: memory)))
  }

  /// The price without measured rates of single kernels, where the machine has any.
  private var uncalibrated: SimulatedTime? {
    let machine = session.decision.machine
    guard machine.devices.contains(where: { $0.kernelRates != nil }) else { return nil }
    return price(result.tasks, on: machine.withoutKernelRates).time
  }

  /// What each pair of devices exchanged in a step, as simulated and as counted.
  private var pairs: [TrainingEnd.Pair] {
    let machine = session.decision.machine
    let simulated = session.tasks.messageBytes(on: machine)
    var counted: [DevicePair: Int] = [:]
    for (rank, found) in measured {
      for (other, bytes) in found.bytesSent.enumerated() where bytes > 0 {
        let pair = DevicePair(from: session.ranks.devices[rank], to: session.ranks.devices[other])
        counted[pair] = bytes / max(1, found.steps - firstStep)
      }
    }
    let known = Dictionary(simulated.map { ($0.pair, $0.bytes) }, uniquingKeysWith: { first, _ in first })
    let all = Set(known.keys).union(counted.keys).sorted {
      ($0.from.index, $0.to.index) < ($1.from.index, $1.to.index)
    }
    return all.map { pair in
      TrainingEnd.Pair(
        from: machine[pair.from].name, to: machine[pair.to].name, simulated: known[pair] ?? .zero,
        measured: Bytes(counted[pair] ?? 0))
    }
  }

  /// Every task with what it was priced at and what it took; of a collective its slowest rank.
  private var taskTimes: [TrainingEnd.Task] {
    var longest: [Int: (rank: Int, nanoseconds: Int)] = [:]
    for (rank, found) in measured.sorted(by: { $0.key < $1.key }) {
      for time in found.times where Int(time.value) > longest[time.index]?.nanoseconds ?? -1 {
        longest[time.index] = (rank, Int(time.value))
      }
    }
    return longest.sorted { $0.key < $1.key }.map { task, time in
      let item = session.tasks.tasks[task]
      return TrainingEnd.Task(
        category: item.category.rawValue, name: item.label.name,
        device: session.decision.machine[session.ranks.devices[time.rank]].name,
        priced: result.costs.cost(of: task).duration,
        measured: SimulatedTime(Int64(time.nanoseconds) * 1000))
    }
  }

  private var memory: [TrainingEnd.Memory] {
    measured.sorted { $0.key < $1.key }.map { rank, found in
      TrainingEnd.Memory(
        rank: rank, planned: Bytes(found.planned), resident: Bytes(found.resident),
        library: Bytes(found.library), evaluation: Bytes(found.evaluation))
    }
  }
}
