import Communication
public import Diagnostics
import Execution
public import Kernels
public import Machines

/// Measures the kernels of several instruction sets, each in a process of its own.
///
/// A process keeps to one set from its beginning, as the rank does that it stands for. They run one after
/// another and share the time equally, so that none disturbs another.
///
/// - Parameters:
///   - sets: The set of each rank; equal ones are measured once, and their devices stand together.
///   - seconds: The time to spend in all.
///   - arguments: The command line by which a process of this program calls
///     ``serveKernels(_:ranks:seconds:)`` for so many seconds.
/// - Returns: The kinds in the order in which their sets first stand among the ranks.
/// - Throws: ``Diagnostics/InputError`` for a set that this computer has not, and where a process or oneDNN
///   is missing; ``TrainingFault`` where the user ends it.
public func measureKinds(
  of sets: [InstructionSet], seconds: Double, arguments: (Double) -> [String]
) throws -> [Calibration.Kind] {
  try ThisComputer.require(sets)
  var distinct: [InstructionSet] = []
  for set in sets where !distinct.contains(set) { distinct.append(set) }
  let words = arguments(max(0.5, seconds / Double(distinct.count) - startingTime))
  return try distinct.map { set in
    try measure(set, count: sets.count { $0 == set }, arguments: words)
  }
}

/// The seconds in which a process starts and ends.
private let startingTime = 0.5

private func measure(
  _ set: InstructionSet, count: Int, arguments: [String]
) throws -> Calibration.Kind {
  let group: RankGroup
  do {
    group = try launch(
      RankRun(
        count: 1, arguments: { _ in arguments },
        environment: { _ in
          [InstructionSet.limitVariable: set.limit, "OMP_NUM_THREADS": "1", "OMP_PROC_BIND": "false"]
        }))
  } catch {
    throw InputError(.inputOutput, "\(error)")
  }
  var messages: [String] = []
  for event in group {
    if case .message(_, let bytes) = event { messages.append(String(decoding: bytes, as: UTF8.self)) }
  }
  if group.outcome == .interrupted { throw TrainingFault.interrupted }
  guard group.outcome == .finished, let answer = KernelAnswer(messages) else {
    throw InputError(.inputOutput, "the kernels of '\(set.rawValue)' could not be measured")
  }
  guard let used = answer.instructionSet else {
    throw InputError(
      .usage, "without oneDNN no kernels keep to '\(set.rawValue)': \(answer.library) computed",
      hint: "leave out --instruction-sets, or say in PARTITA_ONEDNN where oneDNN lies")
  }
  guard set == .native || used == set else {
    throw InputError(
      .inputOutput, "oneDNN keeps to '\(used.rawValue)' where '\(set.rawValue)' is asked of it")
  }
  return Calibration.Kind(
    name: set.rawValue, count: count, instructionSet: set, library: answer.library,
    kernels: try answer.calibration())
}

/// Measures kernels in a process that ``measureKinds(of:seconds:arguments:)`` has started, and tells it.
///
/// - Parameters:
///   - library: The kernels.
///   - ranks: How many threads compute at once.
///   - seconds: The time to spend.
/// - Throws: ``Diagnostics/InputError`` where no such process started this one, or there is no memory.
public func serveKernels(
  _ library: any KernelLibrary, ranks: Int, seconds: Double
) throws(InputError) {
  let seat: RankSeat
  do throws(TransportFault) {
    seat = try RankSeat.take()
  } catch {
    throw InputError(.inputOutput, "\(error)")
  }
  // Without oneDNN nothing keeps to a set, and whoever asks is told at once.
  let hasOneDNN = (library as? FastKernelLibrary)?.hasOneDNN ?? false
  guard let kernels = calibrateKernels(library, ranks: ranks, seconds: hasOneDNN ? seconds : 0) else {
    throw InputError(.inputOutput, "there is no memory to measure kernels in")
  }
  for message in KernelAnswer(kernels, library).messages { seat.send(Array(message.utf8)) }
  seat.leave()
}

/// What a process tells of the kernels that it has measured: a machine file of one device says most of it.
struct KernelAnswer: Hashable {
  let measuredCount: Int
  let leftOutCount: Int
  let library: String
  /// The instructions that oneDNN really used; nil without it.
  let instructionSet: InstructionSet?
  private let machineFile: String

  init(_ kernels: KernelCalibration, _ library: any KernelLibrary) {
    measuredCount = kernels.measuredCount
    leftOutCount = kernels.leftOutCount
    self.library = library.description
    instructionSet = InstructionSet(usedBy: library)
    machineFile =
      Calibration(library: library, ranks: 1, kernels: kernels, exchanges: []).machineFile
  }

  /// Reads what a process told; nil where it did not tell everything.
  init?(_ messages: [String]) {
    guard messages.count == 5, let measured = Int(messages[0]), let leftOut = Int(messages[1]) else {
      return nil
    }
    measuredCount = measured
    leftOutCount = leftOut
    library = messages[2]
    instructionSet = InstructionSet(rawValue: messages[3])
    machineFile = messages[4]
  }

  /// The answer as messages.
  var messages: [String] {
    ["\(measuredCount)", "\(leftOutCount)", library, instructionSet?.rawValue ?? "", machineFile]
  }

  /// What was measured, in four digits.
  func calibration() throws(InputError) -> KernelCalibration {
    let machine = try readMachine(yaml: machineFile, file: "what a process measured")
    guard case .processor(let roofline)? = machine.devices.first?.model, let rates = roofline.rates,
      let peak = roofline.peaks[.float32], let device = machine.devices.first
    else { preconditionFailure("a measured processor has no rates: \(machineFile.prefix(200))") }
    return KernelCalibration(
      launch: roofline.launch, rates: rates, memoryBandwidth: device.memory.bandwidth, peak: peak,
      efficiency: roofline.efficiency.points[0].fraction, measuredCount: measuredCount,
      leftOutCount: leftOutCount)
  }
}
