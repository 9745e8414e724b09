import Communication
import Datasets
import Diagnostics
import Documents
import Execution
import FoundationEssentials
import Glibc
import Kernels
import Machines
import Results

/// Does the work of one rank in a process that ``train(_:arguments:report:)`` started, and returns the exit
/// code.
///
/// The plan comes from the coordinator, so that all ranks have the same.
public func runRank(_ request: TrainingRequest) -> Int32 {
  let seat: RankSeat
  do {
    seat = try RankSeat.take()
  } catch {
    return 64
  }
  do {
    guard let command = seat.nextCommand() else { return 69 }
    let session = try TrainingSession(request, plan: String(decoding: command, as: UTF8.self))
    var work = try RankWork(session, seat: seat)
    try work.run()
    seat.leave()
    return 0
  } catch let error as PeerLost {
    if seat.isEnding {
      seat.leave()
      return 0
    }
    seat.send(RankMessage.fault(kind: "peer", message: "\(error)", hint: nil, file: nil).bytes)
    seat.flush(milliseconds: 1000)
    return 69
  } catch let error as InputError {
    for diagnostic in error.diagnostics {
      seat.send(
        RankMessage.fault(
          kind: diagnostic.kind.rawValue, message: diagnostic.message, hint: diagnostic.hint,
          file: diagnostic.location?.file
        ).bytes)
    }
    seat.flush(milliseconds: 1000)
    return 65
  } catch {
    seat.send(RankMessage.fault(kind: "", message: "\(error)", hint: nil, file: nil).bytes)
    seat.flush(milliseconds: 1000)
    return 70
  }
}

/// The steps of one rank, with what is written between them.
private struct RankWork {
  let session: TrainingSession
  let seat: RankSeat
  let trainer: RankTrainer
  /// At rank 0 what classifies the test samples.
  let evaluation: Evaluation?
  let folder: CheckpointFolder?
  /// By how many bytes the process grew while the library was opened.
  let opening: Int
  var step = 0
  /// The steps after which the last checkpoint was written or read.
  private var keptStep = -1

  init(_ session: TrainingSession, seat: RankSeat) throws {
    self.session = session
    self.seat = seat
    folder = session.request.checkpointFolder.map { CheckpointFolder($0) }
    ProcessMemory.giveBackFreed()
    let before = ProcessMemory.privateBytes()
    let library = session.library(ofRank: seat.rank)
    opening = max(0, ProcessMemory.privateBytes() - before)
    evaluation = seat.rank == 0 ? try session.preparedEvaluation(library) : nil
    trainer = try RankTrainer(session.job, over: seat.transport, library: library)
    var notes: [String] = []
    if let folder {
      if session.request.isResumed {
        notes = try resume(from: folder)
      } else {
        try folder.requireNoCheckpoints()
      }
    }
    seat.send(
      RankMessage.ready(
        process: Int(getpid()), kernels: library.description,
        instructionSet: InstructionSet(usedBy: library)?.rawValue, threads: session.threads[seat.rank],
        firstStep: step, notes: notes
      ).bytes)
  }

  private mutating func resume(from folder: CheckpointFolder) throws -> [String] {
    guard let latest = try folder.latest() else { return ["no checkpoint is there: the run begins anew"] }
    let state = latest.checkpoint.state
    try state.requireSameRun(
      as: session.state(after: state.step, ledger: SampleLedger()), file: latest.checkpoint.path)
    let missing = trainer.restore(
      latest.checkpoint.tensors, ledger: SampleLedger(text: state.ledger) ?? SampleLedger())
    if let name = missing.first {
      throw InputError(
        .badModel, "the checkpoint has no tensor '\(name)'",
        at: SourceLocation(file: latest.checkpoint.path))
    }
    step = state.step
    keptStep = step
    return latest.refused.map { diagnostic in
      let place = diagnostic.location.map { "\($0.file): " } ?? ""
      return "\(place)\(diagnostic.message); the checkpoint before it is taken"
    }
  }

  mutating func run() throws {
    let perEpoch = session.stepsPerEpoch
    var accuracy: Double?
    var accuracyStep = -1
    while step < session.steps {
      if try trainer.agree(toEnd: seat.isEnding) {
        try checkpoint()
        return
      }
      fail(at: "before-step")
      let result = try trainer.run(step: step, atHalf: { fail(at: "mid-step") })
      step += 1
      seat.send(
        RankMessage.step(
          number: step, losses: result.losses.map { .init(index: $0.part, value: $0.loss) },
          correct: result.correct, nanoseconds: result.nanoseconds
        ).bytes)
      if result.losses.contains(where: { !$0.loss.isFinite }) {
        throw InputError(.badModel, "the loss is no number after step \(step)", hint: "lower --learning-rate")
      }
      fail(at: "after-step", step: step)
      let isEpochEnd = step % perEpoch == 0
      if isEpochEnd || step == session.steps, session.request.evaluates || isEpochEnd {
        if session.evaluation != nil {
          try withModel { model in
            accuracy = try session.testAccuracy(of: model, by: evaluation)
            accuracyStep = step
          }
        }
        if seat.rank == 0, isEpochEnd {
          seat.send(RankMessage.epoch(number: step / perEpoch, testAccuracy: accuracy).bytes)
        }
      }
      if session.request.checkpointInterval.map({ step % $0 == 0 }) ?? isEpochEnd { try checkpoint() }
    }
    if keptStep != step { try checkpoint() }
    try finish(accuracy: accuracyStep == step ? accuracy : nil)
  }

  /// Ends this process as if the machine had failed, where the request says so.
  private func fail(at point: String, step: Int? = nil) {
    guard let failure = session.request.failure, failure.point == point,
      failure.step == step ?? self.step + 1, seat.rank == seat.rankCount - 1
    else { return }
    kill(getpid(), SIGKILL)
  }

  /// Brings the model to rank 0, where the body runs, and gives back what it was gathered in.
  private func withModel(_ body: (ModelTensors) throws -> Void) throws {
    try trainer.gather().map(body)
    ProcessMemory.giveBackFreed()
  }

  private mutating func checkpoint() throws {
    guard let folder else { return }
    keptStep = step
    let failure = session.request.failure
    let step = step
    try withModel { model in
      let state = session.state(after: step, ledger: model.ledger)
      try withTensorViews(of: model.arrays) { views throws(InputError) in
        try folder.save(state, tensors: views) { (point) throws(InputError) in
          if failure?.point == point.rawValue, failure?.step == step { kill(getpid(), SIGKILL) }
        }
      }
      seat.send(RankMessage.checkpoint(path: folder.path(ofStep: step), step: step).bytes)
    }
  }

  /// Writes what is asked for and tells what was measured.
  private func finish(accuracy: Double?) throws {
    seat.send(
      RankMessage.measured(
        .init(
          times: trainer.medianTimes.map { .init(index: $0.task, value: Double($0.nanoseconds)) },
          bytesSent: trainer.bytesSent, steps: step, planned: trainer.plannedBytes,
          resident: trainer.residentGrowth,
          library: opening + trainer.libraryGrowth + (evaluation?.libraryGrowth ?? 0),
          evaluation: evaluation?.plannedBytes ?? 0)
      ).bytes)
    guard let model = try trainer.gather() else { return }
    let tensors = model.network
    let digest = withTensorViews(of: tensors) { weightsDigest(of: $0).hexadecimal }
    if let path = session.request.weightsPath {
      let bytes = withTensorViews(of: tensors) { safetensors(of: $0, metadata: []) }
      try writeWhole(bytes, to: path)
    }
    if let path = session.request.networkPath { try writeWhole(try session.network(of: model), to: path) }
    seat.send(
      RankMessage.result(
        digest: digest, ledger: model.ledger.text,
        testAccuracy: try accuracy ?? session.testAccuracy(of: model, by: evaluation),
        steps: step
      ).bytes)
  }
}
