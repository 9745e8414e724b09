import ArgumentParser
import Diagnostics
import Reporting
import Workflows

/// The command line: it reads flags, calls one workflow, and writes what comes back.
@main
struct Partita: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "partita",
    abstract: "Plans, prices, simulates and runs the training of a network on a heterogeneous machine.",
    discussion: """
      EXAMPLES
        $ partita inspect resnet50 --batch 64
        $ partita plan lenet --machine hypar/16 --batch 256
        $ partita simulate lenet --machine hypar/16 --batch 256 --trace trace.json
        $ partita train Examples/digits.onnx --data digits --ranks 2 --batch 32 --steps 20

      Results go to standard output, everything else to standard error.

      EXIT CODES
        0 success            65 bad model or data   74 reading or writing failed
        1 failed run         66 no such file        78 bad machine description
        3 no feasible plan   69 a rank was lost     130 interrupted
        64 wrong usage       70 a fault of Partita
      """,
    version: "0.1.0",
    subcommands: [
      InspectCommand.self, PlanCommand.self, SimulateCommand.self, TrainCommand.self, StudyCommand.self,
      ModelsCommand.self, MachinesCommand.self, CalibrateCommand.self,
    ])

  static func main() {
    Signals.install()
    do {
      try refuseUnknownCommand()
      var command = try parseAsRoot()
      try command.run()
    } catch let error as InputError {
      leave(error.text.split(separator: "\n").map { "partita: \($0)\n" }.joined(), code: error.exitCode)
    } catch let fault as TrainingFault {
      leave("partita: \(fault.message)\n", code: fault.exitCode)
    } catch is ClosedPipe {
      // Whoever read our output has seen enough.
      Process.exit(0)
    } catch {
      let code = exitCode(for: error)
      let message = fullMessage(for: error)
      guard code.isSuccess else { leave(message.isEmpty ? "" : message + "\n", code: code.rawValue) }
      finish(help: message)
    }
  }

  /// Names the nearest command where the first word is none.
  private static func refuseUnknownCommand() throws {
    let names = configuration.subcommands.compactMap { $0.configuration.commandName } + ["help"]
    guard let word = CommandLine.arguments.dropFirst().first, !word.hasPrefix("-"), !names.contains(word)
    else { return }
    let hint = nearestName(to: word, among: names).map { "did you mean '\($0)'?" }
    throw InputError(.usage, "no command is called '\(word)'", hint: hint ?? "'partita --help' lists them")
  }

  /// Writes a help text or version, which fails like any result where nobody takes it.
  private static func finish(help message: String) -> Never {
    do {
      try Output.write(message + "\n")
    } catch let error as InputError {
      leave("partita: \(error.text)\n", code: error.exitCode)
    } catch {
      Process.exit(0)
    }
    Process.exit(0)
  }

  private static func leave(_ message: String, code: Int32) -> Never {
    Output.writeToStandardError(message)
    Process.exit(code)
  }
}

extension InputError {
  /// The code of the first fault, after sysexits.h.
  var exitCode: Int32 {
    switch diagnostics.first?.kind {
    case .infeasible: 3
    case .usage: 64
    case .badModel: 65
    case .missingFile: 66
    case .inputOutput: 74
    case .badMachine: 78
    case nil: 70
    }
  }
}

extension TrainingFault {
  /// What went wrong, on one line.
  fileprivate var message: String {
    switch self {
    case .peerLost(let message), .failed(let message): message
    case .interrupted: "interrupted"
    }
  }

  fileprivate var exitCode: Int32 {
    switch self {
    case .failed: 1
    case .peerLost: 69
    case .interrupted: 130
    }
  }
}
