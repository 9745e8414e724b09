import ArgumentParser
import Datasets
import Documents
import Glibc
import Reporting
import Results
import Workflows

/// `partita train`.
struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Really trains a network under a plan, one process for each of its devices.",
    discussion: """
      EXAMPLES
        $ partita train Examples/digits.onnx --data digits --ranks 2 --batch 32 \\
            --steps 100 --out weights.safetensors
        $ partita train Examples/digits.onnx --data digits --ranks 2 --batch 32 \\
            --steps 20 --checkpoint run
        $ partita train Examples/digits.onnx --data digits --ranks 1 --batch 32 \\
            --steps 40 --checkpoint run --resume

      Without --machine the devices are equal parts of this computer, and --ranks says how many.
      """)

  @Argument(help: "An ONNX file or a built-in name.")
  var model: String

  @Option(help: ArgumentHelp("fashion-mnist, digits, or a path to samples with labels.", valueName: "data"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "A machine file (.yaml) or a name of the catalogue (default: this computer).", valueName: "machine"))
  var machine: String?

  @Option(help: ArgumentHelp("The global mini-batch (default: the model's own).", valueName: "n"))
  var batch: Int?

  @OptionGroup(title: "The run") var training: TrainingOptions
  @OptionGroup(title: "What is kept") var keeping: KeepingOptions
  @OptionGroup(title: "The plan") var search: SearchOptions
  @OptionGroup(title: "The training step") var step: StepOptions
  @OptionGroup(title: "The output") var output: OutputOptions

  @Flag(help: .hidden)
  var rankSeat = false

  func validate() throws {
    try Reading.positive(batch, "--batch")
    if training.deterministic == .off, step.cells != nil {
      throw ValidationError("--cells belongs to '--deterministic on': without it the batch has no cells")
    }
  }

  func run() throws {
    guard let data else {
      throw ValidationError(
        "name the data: '--data \(datasetNames.joined(separator: "', '--data "))', or a path to samples")
    }
    var request = TrainingRequest(model: model, data: data)
    request.planning.machine = machine
    request.planning.batch = batch
    step.apply(to: &request.planning)
    search.apply(to: &request.planning)
    training.apply(to: &request)
    keeping.apply(to: &request)
    request.dataFolders = datasetFolders(
      given: Environment.value(of: "PARTITA_DATA"), executable: Environment.executable)
    if rankSeat { Process.exit(runRank(request)) }
    try keeping.requireFolders()
    try train(request)
  }

  private func train(_ request: TrainingRequest) throws {
    // Right behind the command's name, since `--` may stand further on.
    let words = CommandLine.arguments.dropFirst()
    let arguments = Array(words.prefix(1)) + ["--rank-seat"] + Array(words.dropFirst())
    var display = TrainingDisplay(output: output, files: keeping.files)
    defer { display.clear() }
    try Workflows.train(request, arguments: arguments) { try display.show($0) }
  }
}
