import ArgumentParser
import Communication
import Diagnostics
import Execution
import Glibc
import Documents
import Kernels
import Reporting
import Results
import Workflows

/// `partita calibrate`.
struct CalibrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "calibrate",
    abstract: "Measures this computer and writes its machine file.",
    discussion: """
      EXAMPLES
        $ partita calibrate --out mine.yaml
        $ partita plan lenet --machine mine.yaml --batch 64
        $ partita calibrate --compare lenet --machine mine.yaml --batch 64
      """)

  /// Which kernels are measured.
  enum Kernels: String, CaseIterable, ExpressibleByArgument { case onednn, reference }

  @Option(help: ArgumentHelp("Write the machine file here (default: standard output).", valueName: "file"))
  var out: String?

  @Option(help: ArgumentHelp("How many ranks, each a device (default: one for each core).", valueName: "n"))
  var ranks: Int?

  @Option(help: "The kernels that are measured.")
  var kernels = Kernels.onednn

  @Option(help: ArgumentHelp("The time to spend.", valueName: "seconds"))
  var seconds = 60

  @Option(
    help: ArgumentHelp(
      "Compare the kernels of this network with what --machine predicts.", valueName: "model"))
  var compare: String?

  @Option(help: ArgumentHelp("The machine file that --compare checks.", valueName: "machine"))
  var machine: String?

  @Option(help: ArgumentHelp("The mini-batch of --compare.", valueName: "n"))
  var batch: Int?

  @Option(help: ArgumentHelp("The cells of the mini-batch of --compare (default: 16).", valueName: "n"))
  var cells: Int?

  @Flag(help: "Print the result of --compare as a JSON document, whose schema is published.")
  var json = false

  /// This process is one of the ranks that the exchange is measured between.
  @Flag(help: .hidden)
  var rankSeat = false

  func validate() throws {
    try Reading.positive(ranks, "--ranks")
    guard 1...3600 ~= seconds else { throw ValidationError("--seconds is 1 to 3600, not \(seconds)") }
    if let ranks, ranks > 1024 { throw ValidationError("--ranks is at most 1024, not \(ranks)") }
  }

  func run() throws {
    if rankSeat { return try Self.takeSeat() }
    if let compare { return try check(compare) }
    let count = ranks ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    let start = ContinuousClock.now
    let exchanges = count > 1 ? try Self.measureExchanges() : []
    let library = library
    let spent = (ContinuousClock.now - start) / .seconds(1)
    // What is left out is the making of the file.
    let left = max(1, Double(seconds) - spent - 1)
    guard let measured = calibrateKernels(library, seconds: left) else {
      throw InputError(.inputOutput, "there is no memory to measure kernels in")
    }
    let calibration = Calibration(
      library: library, ranks: count, kernels: measured, exchanges: exchanges)
    Output.writeToStandardError(
      "partita: measured \(measured.measuredCount) points in \(ContinuousClock.now - start), "
        + "\(measured.leftOutCount) have the rates of their neighbours\n")
    if let out {
      try Output.write(Array(calibration.machineFile.utf8), toFile: out)
    } else {
      try Output.write(calibration.machineFile)
    }
  }

  private var library: any KernelLibrary {
    kernels == .onednn ? FastKernelLibrary(threads: 1) : ReferenceKernelLibrary()
  }

  private func check(_ model: String) throws {
    var request = Request(model: model)
    request.machine = machine
    request.batch = batch
    request.cells = cells
    let result = try compareKernels(request, library: library)
    try Output.write(
      json
        ? Reporting.json(of: result.comparisons, model: model, machine: result.machine).prettyPrinted
        : text(of: result.comparisons, model: model, machine: result.machine))
  }

  // MARK: Two ranks

  private static func measureExchanges() throws -> [TransportProbe.Measurement] {
    let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let group: RankGroup
    do {
      group = try launch(
        RankRun(
          count: 2, arguments: { _ in ["calibrate", "--rank-seat"] },
          processors: { processors >= 2 ? [$0] : [] }))
    } catch {
      throw InputError(.inputOutput, "\(error)")
    }
    var result: [TransportProbe.Measurement] = []
    for event in group {
      guard case .message(0, let bytes) = event else { continue }
      let words = String(decoding: bytes, as: UTF8.self).split(separator: " ")
      guard words.count == 3, let size = Int(words[0]), let replacing = Double(words[1]),
        let adding = Double(words[2])
      else { continue }
      result.append(TransportProbe.Measurement(bytes: size, replacing: replacing, adding: adding))
    }
    guard group.outcome == .finished, !result.isEmpty else {
      if group.outcome == .interrupted { Process.exit(130) }
      throw InputError(.inputOutput, "the exchange between two ranks could not be measured")
    }
    return result
  }

  private static func takeSeat() throws {
    do {
      let seat = try RankSeat.take()
      for result in try TransportProbe.measure(over: seat.transport) {
        seat.send(Array("\(result.bytes) \(result.replacing) \(result.adding)".utf8))
      }
      seat.leave()
    } catch {
      throw InputError(.inputOutput, "\(error)")
    }
  }
}
