import ArgumentParser
import Diagnostics
import Reporting
import Results
import Workflows

/// `partita inspect`.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Says what is in a network, and what training it would need.",
    discussion: """
      EXAMPLES
        $ partita inspect resnet50 --batch 64
        $ partita inspect lenet --batch 64 --json
      """)

  @Argument(help: "An ONNX file, a layer table (.csv) or a built-in name.")
  var model: String

  @Option(help: ArgumentHelp("The global mini-batch (default: the model's own).", valueName: "n"))
  var batch: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws { try Reading.positive(batch, "--batch") }

  func run() throws {
    var request = Request(model: model)
    request.batch = batch
    let inspection = try inspect(request)
    try output.write(text: inspection.text, document: { inspection.json })
    guard inspection.unsupported.isEmpty else {
      throw InputError(
        .badModel, "unsupported operators: \(inspection.unsupported.map(\.kind).joined(separator: ", "))",
        at: SourceLocation(file: model))
    }
  }
}
