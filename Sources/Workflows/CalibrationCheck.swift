public import Diagnostics
import Execution
public import Kernels
import Machines
public import Results

/// Compares what a machine file predicts of each operation of a step on its first device with the kernels as
/// they run now.
///
/// - Parameters:
///   - request: The network, its batch, the machine and the step.
///   - library: The kernels.
/// - Throws: ``InputError`` for a faulty network or machine, and where there is no memory.
public func compareKernels(
  _ request: Request, library: any KernelLibrary
) throws(InputError) -> (comparisons: [KernelComparison], machine: String) {
  guard let name = request.machine else {
    throw InputError(.usage, "no machine is given", hint: "write one: partita calibrate --out mine.yaml")
  }
  let machine = try MachineSource(name, request.texts).machine
  let training = try Session.training(ModelSource(request), request, microBatches: 1)
  let cells = request.cells ?? 16
  guard
    let comparisons = Execution.compareKernels(
      training, cells: cells, device: machine.devices[0], library: library)
  else { throw InputError(.inputOutput, "there is no memory to measure kernels in") }
  return (comparisons, machine.name)
}
