import ArgumentParser
import Documents
import Reporting

/// How a result is written.
struct OutputOptions: ParsableArguments {
  @Flag(help: "Print a JSON document, whose schema is published.")
  var json = false

  @Flag(name: .shortAndLong, help: "Print the result alone.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print everything.")
  var verbose = false

  func validate() throws {
    if quiet, verbose { throw ValidationError("--quiet and --verbose exclude each other") }
  }

  /// How much a text report shows.
  var detail: Detail { quiet ? .brief : verbose ? .full : .normal }

  /// Writes a result in the form that was asked for.
  func write(text: (Detail) -> String, document: () -> JSONValue) throws {
    try Output.write(json ? document().prettyPrinted : text(detail))
  }

  /// Says on standard error what is no result, unless it was asked to be quiet.
  func note(_ message: String) {
    if !quiet { Output.writeToStandardError("partita: \(message)\n") }
  }
}
