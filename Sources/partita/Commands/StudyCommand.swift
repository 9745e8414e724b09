import ArgumentParser
import Reporting
import Results
import Studies

/// `partita study`.
struct StudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "study",
    abstract: "Compares the published results of a paper with what comes out of the ordinary path.",
    discussion: """
      EXAMPLES
        $ partita study hypar
        $ partita study dpt --json

      The studies are \(studyNames.joined(separator: ", ")).
      """)

  @Argument(help: "The study's name.")
  var name: String

  @OptionGroup var output: OutputOptions

  func run() throws {
    let result = try study(named: name)
    try output.write(text: result.text, document: { result.json })
  }
}
