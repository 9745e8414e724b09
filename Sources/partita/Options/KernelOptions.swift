public import ArgumentParser
import Diagnostics
import Kernels
import Machines
public import Workflows

extension TrainingRequest.Kernels: ExpressibleByArgument {}

/// What computes in each rank.
struct KernelOptions: ParsableArguments {
  @Option(help: "What computes; without oneDNN's library the reference kernels do.")
  var kernels: TrainingRequest.Kernels = .onednn

  @Option(
    help: ArgumentHelp(
      "The instructions to which each rank keeps, such as native,sse41.", valueName: "set,…"),
    transform: Reading.instructionSets)
  var instructionSets: [InstructionSet] = []

  func validate() throws {
    if !instructionSets.isEmpty, kernels == .reference {
      throw ValidationError("--instruction-sets limits oneDNN: leave out '--kernels reference'")
    }
  }

  /// Refuses another number of names than of ranks.
  func requireOneSet(forEachOf ranks: Int?) throws {
    guard let ranks, !instructionSets.isEmpty, ranks != instructionSets.count else { return }
    throw ValidationError(
      "--instruction-sets names \(instructionSets.count) for \(ranks) rank\(ranks == 1 ? "" : "s"): "
        + "name one for each")
  }

  /// Where oneDNN's library lies, if the user says so.
  var paths: [String] { Environment.value(of: "PARTITA_ONEDNN").map { [$0] } ?? [] }

  /// The kernels on one thread.
  var library: any KernelLibrary { kernels.library(threads: 1, paths: paths) }
}

extension Reading {
  /// Reads names of instruction sets separated by commas.
  static func instructionSets(_ text: String) throws -> [InstructionSet] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
      if let set = InstructionSet(words: String(word)) { return set }
      let names = InstructionSet.allCases.map(\.rawValue)
      let hint = nearestName(to: word.lowercased(), among: names).map { "; did you mean '\($0)'?" } ?? ""
      throw ValidationError("'\(word)' is none of \(names.joined(separator: ", "))\(hint)")
    }
  }
}
