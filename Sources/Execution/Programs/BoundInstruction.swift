import Kernels
import Plans

/// An instruction with pointers.
enum BoundInstruction {
  case kernel(any PreparedKernel, KernelOperands, KernelCall)
  case pack(any PreparedKernel, KernelOperands, UnsafeMutableRawPointer)
  case sum(to: UnsafeMutableRawPointer, [UnsafeRawPointer], Int)
  case clear(UnsafeMutableRawPointer, Int)
  case exchange(BoundExchange)
  case begin([BoundExchange])
  case finish(Int)
  case follow(RunningStatistics)
  case update(ParameterUpdate)
}

/// Puts pointers in the place of references.
struct Binder {
  let memory: RankMemory
  let ranks: RankTable

  private func pointer(_ reference: BufferReference?) -> UnsafeMutableRawPointer? {
    reference.map { memory.pointer($0) }
  }

  private func operands(_ call: KernelCall) -> KernelOperands {
    KernelOperands(
      inputs: call.inputs.map(pointer), outputs: call.outputs.map(pointer),
      auxiliaries: call.auxiliaries.map(pointer), outputErrors: call.outputErrors.map(pointer),
      results: call.results.map(pointer), statistics: pointer(call.statistics),
      packedParameters: pointer(call.packedParameters))
  }

  private func bound(_ call: ExchangeCall) -> BoundExchange {
    call.program.bound(
      before: pointer(call.before), after: pointer(call.after), scratch: pointer(call.scratch),
      ranks: ranks.rankOfDevice)
  }

  func bound(_ instruction: Instruction) -> BoundInstruction {
    switch instruction {
    case .kernel(let call): .kernel(call.kernel, operands(call), call)
    case .pack(let call):
      .pack(call.kernel, operands(call), pointer(call.packedParameters) ?? memory.scratch)
    case .sum(let target, let addends, let count):
      .sum(to: memory.pointer(target), addends.map { UnsafeRawPointer(memory.pointer($0)) }, count)
    case .clear(let place, let size): .clear(memory.pointer(place), size)
    case .exchange(let call): .exchange(bound(call))
    case .begin(let calls): .begin(calls.map { bound($0) })
    case .finish(let count): .finish(count)
    case .follow(let statistics): .follow(statistics)
    case .update(let update): .update(update)
    }
  }
}
