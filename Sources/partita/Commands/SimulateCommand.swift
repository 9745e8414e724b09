import ArgumentParser
import Documents
import Reporting
import Results
import Units
import Workflows

/// `partita simulate`.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Simulates a training step, or one collective alone: what happens when, on which resource.",
    discussion: """
      EXAMPLES
        $ partita simulate lenet --machine hypar/16 --batch 256 --trace trace.json
        $ partita simulate lenet --machine hypar/16 --batch 256 --plan data-parallel
        $ partita simulate --collective all-reduce --bytes 64MiB --machine hypar/16

      A trace opens in https://ui.perfetto.dev.
      """)

  @Argument(help: "An ONNX file, a layer table (.csv) or a built-in name.")
  var model: String?

  @Option(help: ArgumentHelp("A machine file (.yaml) or a name of the catalogue.", valueName: "machine"))
  var machine: String?

  @Option(help: ArgumentHelp("The global mini-batch (default: the model's own).", valueName: "n"))
  var batch: Int?

  @Option(help: ArgumentHelp("Write what happens when to this file.", valueName: "trace.json"))
  var trace: String?

  @Option(
    help: ArgumentHelp(
      "Simulate this collective instead: all-reduce, reduce-scatter, all-gather or all-to-all.",
      valueName: "operation"))
  var collective: String?

  @Option(
    help: ArgumentHelp("The collective's data on each device, such as 64MiB.", valueName: "bytes"),
    transform: Reading.bytes)
  var bytes: Bytes?

  @Option(
    help: ArgumentHelp(
      "The collective's algorithm: ring, direct or halving-doubling (default: each level's fastest).",
      valueName: "algorithm"))
  var algorithm: String?

  @Option(
    help: ArgumentHelp("Into how many chunks the collective cuts its data (default: 1).", valueName: "n"))
  var chunks: Int?

  @OptionGroup(title: "The plan") var search: SearchOptions
  @OptionGroup(title: "The training step") var step: StepOptions
  @OptionGroup(title: "The output") var output: OutputOptions

  func validate() throws {
    try Reading.positive(batch, "--batch")
    try Reading.positive(chunks, "--chunks")
    if collective != nil {
      if model != nil { throw ValidationError("a collective is simulated alone: leave out '\(model ?? "")'") }
      guard let bytes, bytes > .zero else { throw ValidationError("--collective needs --bytes above zero") }
    } else {
      if model == nil { throw ValidationError("name a model, or a --collective") }
      if bytes != nil || algorithm != nil || chunks != nil {
        throw ValidationError("--bytes, --algorithm and --chunks belong to --collective")
      }
    }
  }

  func run() throws {
    try Reading.required(machine)
    let outcome = try simulated()
    if let trace {
      let name = "\(model ?? collective ?? "") on \(outcome.report.machine)"
      try Output.write(Array(outcome.timeline.trace(named: name).utf8), toFile: trace)
    }
    try output.write(text: outcome.report.text, document: { outcome.report.json })
  }

  private func simulated() throws -> SimulationOutcome {
    if let collective, let bytes {
      return try simulateCollective(
        CollectiveRequest(
          machine: machine ?? "", operation: collective, bytes: bytes, algorithm: algorithm,
          chunks: chunks ?? 1))
    }
    var request = Request(model: model ?? "")
    request.machine = machine
    request.batch = batch
    step.apply(to: &request)
    search.apply(to: &request)
    return try Workflows.simulate(request)
  }
}
