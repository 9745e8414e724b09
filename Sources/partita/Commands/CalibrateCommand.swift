import ArgumentParser
import Communication
import Diagnostics
import Documents
import Execution
import Kernels
import Machines
import Reporting
import Results
import Units
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
        $ partita calibrate --instruction-sets native,sse41 --out unequal.yaml
        $ partita calibrate --compare lenet --machine mine.yaml --batch 64
      """)

  @Option(help: ArgumentHelp("Write the machine file here (default: standard output).", valueName: "file"))
  var out: String?

  @Option(help: ArgumentHelp("How many ranks, each a device (default: one for each core).", valueName: "n"))
  var ranks: Int?

  @OptionGroup var kernels: KernelOptions

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

  @Flag(help: "Print a JSON document, whose schema is published: a summary, or the result of --compare.")
  var json = false

  /// This process is one of the ranks that the exchange is measured between.
  @Flag(help: .hidden)
  var rankSeat = false

  /// This process measures the kernels of one instruction set for so many seconds.
  @Option(help: .hidden)
  var kernelSeat: Double?

  func validate() throws {
    try Reading.positive(ranks, "--ranks")
    guard 1...3600 ~= seconds else { throw ValidationError("--seconds is 1 to 3600, not \(seconds)") }
    if let ranks, ranks > 1024 { throw ValidationError("--ranks is at most 1024, not \(ranks)") }
    try kernels.requireOneSet(forEachOf: ranks)
    if json, compare == nil, out == nil {
      throw ValidationError("--json needs --out FILE: the machine file goes there")
    }
    if compare != nil, !kernels.instructionSets.isEmpty {
      throw ValidationError("--compare runs the kernels as they are: leave out --instruction-sets")
    }
  }

  func run() throws {
    if rankSeat { return try Self.takeSeat() }
    if let kernelSeat { return try serveKernels(kernels.library, ranks: ranks ?? 1, seconds: kernelSeat) }
    if let compare { return try check(compare) }
    let sets = kernels.instructionSets
    let count = sets.isEmpty ? ranks ?? ThisComputer.processorCount : sets.count
    let start = ContinuousClock.now
    let exchanges = count > 1 ? try Self.measureExchanges() : []
    // What is left out is the making of the file.
    let left = max(1, Double(seconds) - (ContinuousClock.now - start) / .seconds(1) - 1)
    let calibration = Calibration(
      kinds: try sets.isEmpty
        ? [equalRanks(count, seconds: left)]
        : measureKinds(of: sets, seconds: left) {
          ["calibrate", "--kernel-seat", "\($0)", "--ranks", "\(ThisComputer.togetherCount(of: count))"]
        },
      exchanges: exchanges)
    let duration = ContinuousClock.now - start
    for kind in calibration.kinds {
      Output.writeToStandardError(
        "partita: \(kind.name): measured \(kind.kernels.measuredCount) points, "
          + "\(kind.kernels.leftOutCount) have the rates of their neighbours\n")
    }
    guard let out else { return try Output.write(calibration.machineFile) }
    try Output.write(Array(calibration.machineFile.utf8), toFile: out)
    guard json else { return }
    let summary = calibration.summary(duration: Seconds(duration / .seconds(1)))
    try Output.write(summary.json(machineFile: out).prettyPrinted)
  }

  /// This process measured, for ranks that are all as it is.
  private func equalRanks(_ count: Int, seconds: Double) throws(InputError) -> Calibration.Kind {
    let library = kernels.library
    guard
      let measured = calibrateKernels(
        library, ranks: ThisComputer.togetherCount(of: count), seconds: seconds)
    else {
      throw InputError(.inputOutput, "there is no memory to measure kernels in")
    }
    return Calibration.Kind(
      name: "rank", count: count, instructionSet: nil, library: library.description, kernels: measured)
  }

  private func check(_ model: String) throws {
    var request = Request(model: model)
    request.machine = machine
    request.batch = batch
    request.cells = cells
    let result = try compareKernels(
      request, library: kernels.library,
      limit: InstructionSet.limitVariables.lazy.compactMap(Environment.value).first)
    try Output.write(
      json
        ? Reporting.json(
          of: result.comparisons, model: model, machine: result.machine, device: result.device
        ).prettyPrinted
        : text(of: result.comparisons, model: model, machine: result.machine, device: result.device))
  }

  // MARK: Two ranks

  private static func measureExchanges() throws -> [TransportProbe.Measurement] {
    let processors = ThisComputer.processorCount
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
