import ArgumentParser
import Datasets
import Diagnostics
import Execution
import Glibc
import Workflows

/// How a training run goes: how long, how fast it learns, and what computes.
struct TrainingOptions: ParsableArguments {
  /// A flag that is said in words, so that scripts can state the default.
  enum Switch: String, ExpressibleByArgument, CaseIterable {
    case on, off
  }

  @Option(help: ArgumentHelp("How many ranks there must be (default: the plan's devices).", valueName: "r"))
  var ranks: Int?

  @Option(help: ArgumentHelp("End after so many steps, those of a checkpoint included.", valueName: "s"))
  var steps: Int?

  @Option(help: ArgumentHelp("End after so many times through the data (default: 1).", valueName: "e"))
  var epochs: Int?

  @Option(help: ArgumentHelp("What samples and initial weights are drawn from.", valueName: "k"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("The learning rate (default: the optimizer's).", valueName: "x"))
  var learningRate: Double?

  @Option(
    help: ArgumentHelp(
      "How the learning rate changes: constant, cosine, step:EPOCHS:FACTOR, or one of them after "
        + "warmup:STEPS:.", valueName: "schedule"))
  var schedule = "constant"

  @Option(help: ArgumentHelp("Train only what comes after this layer.", valueName: "layer"))
  var freeze: String?

  @Option(help: "Whether every number of ranks gives the same bits.")
  var deterministic: Switch = .on

  @Option(
    help: ArgumentHelp(
      "The threads of each rank (default: those of its device, or the cores, divided).", valueName: "n"))
  var threads: Int?

  @OptionGroup var kernels: KernelOptions

  @Flag(help: "Leave out the test samples.")
  var noEvaluation = false

  func validate() throws {
    for (value, flag) in [
      (ranks, "--ranks"), (steps, "--steps"), (epochs, "--epochs"), (threads, "--threads"),
    ] { try Reading.positive(value, flag) }
    if steps != nil, epochs != nil {
      throw ValidationError("--steps and --epochs exclude each other: both say when the run ends")
    }
    if let learningRate, !(learningRate.isFinite && learningRate > 0) {
      throw ValidationError("--learning-rate must be above zero, and is \(learningRate)")
    }
    try kernels.requireOneSet(forEachOf: ranks)
  }

  /// Sets a request.
  func apply(to request: inout TrainingRequest) {
    request.ranks = ranks
    if let steps { request.length = .steps(steps) }
    if let epochs { request.length = .epochs(epochs) }
    request.seed = seed
    request.learningRate = learningRate
    request.schedule = schedule
    request.planning.freeze = freeze
    request.isDeterministic = deterministic == .on
    request.kernels = kernels.kernels
    request.kernelPaths = kernels.paths
    request.threads = threads
    request.instructionSets = kernels.instructionSets
    request.evaluates = !noEvaluation
  }
}

/// What a training run keeps: weights, the network and checkpoints.
struct KeepingOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Write the trained weights to this file.", valueName: "weights.safetensors"))
  var out: String?

  @Option(help: ArgumentHelp("Write the trained network to this file.", valueName: "trained.onnx"))
  var onnxOut: String?

  @Option(help: ArgumentHelp("Keep checkpoints in this folder.", valueName: "folder"))
  var checkpoint: String?

  @Option(help: ArgumentHelp("Write one after every n steps (default: every epoch).", valueName: "n"))
  var checkpointEvery: Int?

  @Flag(help: "Go on from the last checkpoint.")
  var resume = false

  @Option(
    help: ArgumentHelp(
      "End the process there, for tests of recovery: before-step, mid-step, after-step, or around a "
        + "checkpoint before-write, mid-write, before-rename, after-rename.", valueName: "step:point"),
    transform: Reading.failure)
  var failAt: TrainingRequest.Failure?

  func validate() throws {
    try Reading.positive(checkpointEvery, "--checkpoint-every")
    if checkpoint == nil {
      if resume { throw ValidationError("--resume needs --checkpoint FOLDER, where checkpoints are") }
      if checkpointEvery != nil { throw ValidationError("--checkpoint-every needs --checkpoint FOLDER") }
      if let failAt, FaultPoint(rawValue: failAt.point) != nil {
        throw ValidationError("--fail-at \(failAt.step):\(failAt.point) needs --checkpoint FOLDER")
      }
    }
    if let out, out == onnxOut { throw ValidationError("--out and --onnx-out name one file: '\(out)'") }
  }

  /// Sets a request.
  func apply(to request: inout TrainingRequest) {
    request.weightsPath = out
    request.networkPath = onnxOut
    request.checkpointFolder = checkpoint
    request.checkpointInterval = checkpointEvery
    request.isResumed = resume
    request.failure = failAt
  }

  /// What is written at the end, by what it holds.
  var files: [(what: String, path: String)] {
    [("weights file", out), ("network file", onnxOut), ("checkpoints", checkpoint)].compactMap { what, path in
      path.map { (what, $0) }
    }
  }

  /// Checks that results can be written before hours are spent on them.
  func requireFolders() throws(InputError) {
    for path in [out, onnxOut] {
      guard let path else { continue }
      let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
      guard access(folder, F_OK) == 0 else {
        throw InputError(
          .inputOutput, "No such file or directory", at: SourceLocation(file: path),
          hint: "make the folder first")
      }
      var status = stat()
      if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
        throw InputError(.inputOutput, "Is a directory", at: SourceLocation(file: path))
      }
    }
  }
}

extension Reading {
  /// Reads where a run is made to fail, such as `12:mid-step`.
  static func failure(_ text: String) throws -> TrainingRequest.Failure {
    let points = TrainingRequest.Failure.stepPoints + FaultPoint.allCases.map(\.rawValue)
    let words = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard words.count == 2, let step = Int(words[0]), step > 0 else {
      throw ValidationError("'\(text)' is no step and point; write it as in '12:mid-step'")
    }
    guard points.contains(words[1]) else {
      let hint = nearestName(to: words[1], among: points).map { "; did you mean '\($0)'?" } ?? ""
      throw ValidationError("'\(words[1])' is none of \(points.joined(separator: ", "))\(hint)")
    }
    return TrainingRequest.Failure(step: step, point: words[1])
  }
}
