import ArgumentParser
import Diagnostics
import Reporting
import Results
import Workflows

/// `partita machines`.
struct MachinesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "machines",
    abstract: "Lists the machines of the catalogue, or prints the description of one.",
    discussion: """
      EXAMPLES
        $ partita machines
        $ partita machines hypar/16 > machine.yaml
      """)

  @Argument(help: "A name of the catalogue.")
  var name: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    guard let name else {
      let all = try machines()
      return try output.write(text: { _ in text(of: all) }, document: { json(of: all) })
    }
    let description = try machineDescription(named: name)
    let listed = try machines().filter { $0.name == name }
    try output.write(text: { _ in description }, document: { json(of: listed) })
  }
}
