import ArgumentParser
import Diagnostics
import Reporting
import Results
import Workflows

/// `partita models`.
struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models",
    abstract: "Lists the built-in networks, or exports one as ONNX.",
    discussion: """
      EXAMPLES
        $ partita models
        $ partita models lenet --batch 32 --out lenet.onnx
      """)

  @Argument(help: "A built-in name.")
  var name: String?

  @Option(help: ArgumentHelp("The mini-batch of the exported network (default: 1).", valueName: "n"))
  var batch: Int?

  @Option(help: ArgumentHelp("Write the network to this file.", valueName: "model.onnx"))
  var out: String?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    try Reading.positive(batch, "--batch")
    if name == nil, out != nil || batch != nil { throw ValidationError("--out and --batch need a name") }
    if out == nil, batch != nil { throw ValidationError("--batch belongs to --out") }
  }

  func run() throws {
    let all = models()
    var listed = all
    if let name {
      listed = all.filter { $0.name == name }
      guard !listed.isEmpty else {
        let hint = nearestName(to: name, among: all.map(\.name)).map { "did you mean '\($0)'?" }
        throw InputError(
          .missingFile, "no built-in network is called '\(name)'",
          hint: hint ?? "'partita models' lists them")
      }
      if let out { try Output.write(exportModel(named: name, batch: batch ?? 1), toFile: out) }
    }
    try output.write(text: { _ in text(of: listed) }, document: { json(of: listed) })
  }
}
