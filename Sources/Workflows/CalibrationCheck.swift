public import Diagnostics
import Execution
public import Kernels
import Machines
public import Results

/// Compares what a machine file predicts of each operation of a step with the kernels as they run now, on the
/// first of its devices that this process can stand for.
///
/// - Parameters:
///   - request: The network, its batch, the machine and the step.
///   - library: The kernels.
///   - limit: To what ``InstructionSet/limitVariables`` limit oneDNN; nil where they are not set.
/// - Throws: ``InputError`` for a faulty network or machine, where no device has the instruction set of the
///   kernels, and where there is no memory.
public func compareKernels(
  _ request: Request, library: any KernelLibrary, limit: String?
) throws(InputError) -> (comparisons: [KernelComparison], machine: String, device: String) {
  guard let name = request.machine else {
    throw InputError(.usage, "no machine is given", hint: "write one: partita calibrate --out mine.yaml")
  }
  let machine = try MachineSource(name, request.texts).machine
  let device = try comparedDevice(of: machine, file: name, sets: instructionSets(of: library, limit: limit))
  let training = try Session.training(ModelSource(request), request, microBatches: 1)
  let cells = request.cells ?? 16
  guard
    let comparisons = Execution.compareKernels(
      training, cells: cells, device: device, library: library)
  else { throw InputError(.inputOutput, "there is no memory to measure kernels in") }
  return (comparisons, machine.name, device.name)
}

/// The first device whose instruction set is among those of the kernels, or else the first that names none.
///
/// - Parameters:
///   - machine: The machine.
///   - file: Its name, for the error.
///   - sets: The names of the set that the kernels use, the most exact one first; none where they use no
///     library.
/// - Throws: ``InputError`` where all devices name other sets.
func comparedDevice(
  of machine: Machine, file: String, sets: [InstructionSet]
) throws(InputError) -> Device {
  let fitting =
    machine.devices.first { $0.instructionSet.map(sets.contains) == true }
    ?? machine.devices.first { $0.instructionSet == nil }
  if let fitting { return fitting }
  let named = InstructionSet.allCases.filter { set in
    machine.devices.contains { $0.instructionSet == set }
  }
  let names = named.map(\.rawValue).joined(separator: ", ")
  guard let used = sets.first else {
    throw InputError(
      .badMachine, "every device of the machine has an instruction set, and these kernels keep to none",
      at: SourceLocation(file: file), hint: "compare those of oneDNN")
  }
  throw InputError(
    .badMachine,
    "no device of the machine has the instruction set '\(used.rawValue)', which oneDNN uses here",
    at: SourceLocation(file: file),
    hint: "it has \(names): set \(InstructionSet.limitVariable)=\(named.first?.limit ?? "") to keep to "
      + (named.count == 1 ? "it" : "the first"))
}

/// The names of the set that oneDNN uses in this process: its own, and `native` where nothing limits it.
private func instructionSets(of library: any KernelLibrary, limit: String?) -> [InstructionSet] {
  guard let fast = library as? FastKernelLibrary, fast.hasOneDNN else { return [] }
  return InstructionSet.names(of: InstructionSet(usedBy: fast), limit: limit)
}

extension InstructionSet {
  /// The names under which machine files may know the set that oneDNN uses.
  ///
  /// - Parameters:
  ///   - own: The set, nil where it has no name.
  ///   - limit: What the library's variable says, nil where it is not set.
  static func names(of own: InstructionSet?, limit: String?) -> [InstructionSet] {
    // Without a limit the library takes all that it knows of what the processor has.
    let isNative = limit.map { ["", "all", "default"].contains($0.lowercased()) } ?? true
    return (own.map { [$0] } ?? []) + (isNative ? [.native] : [])
  }
}
