import ArgumentParser
import Documents
import Reporting
import Results
import Workflows

/// `partita plan`.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Finds the best partition of a training step, and says what it costs and why.",
    discussion: """
      EXAMPLES
        $ partita plan lenet --machine hypar/16 --batch 256
        $ partita plan lenet --machine hypar/16 --batch 256 --out plan.json
        $ partita plan hypar/vgg-a --machine hypar/16 --batch 256 \\
            --axes batch,input-channel --reduce lazy --search hierarchical \\
            --minimize communication
      """)

  @Argument(help: "An ONNX file, a layer table (.csv) or a built-in name.")
  var model: String

  @Option(help: ArgumentHelp("A machine file (.yaml) or a name of the catalogue.", valueName: "machine"))
  var machine: String?

  @Option(help: ArgumentHelp("The global mini-batch (default: the model's own).", valueName: "n"))
  var batch: Int?

  @Option(help: ArgumentHelp("Write the plan to this file, for --plan and --fix.", valueName: "plan.json"))
  var out: String?

  @OptionGroup(title: "The search") var search: SearchOptions
  @OptionGroup(title: "The training step") var step: StepOptions
  @OptionGroup(title: "The output") var output: OutputOptions

  func validate() throws { try Reading.positive(batch, "--batch") }

  func run() throws {
    try Reading.required(machine)
    var request = Request(model: model)
    request.machine = machine
    request.batch = batch
    step.apply(to: &request)
    search.apply(to: &request)
    let start = ContinuousClock.now
    let outcome = try Workflows.plan(request)
    if output.verbose { output.note("planned in \(ContinuousClock.now - start)") }
    if let out { try Output.write(Array(outcome.plan.prettyPrinted.utf8), toFile: out) }
    try output.write(text: outcome.report.text, document: { outcome.report.json })
  }
}
