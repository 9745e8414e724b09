import Graphs
import Kernels

/// One thing that a rank does, with places in place of pointers.
enum Instruction: Sendable {
  /// Runs a kernel on the rows of a part.
  case kernel(KernelCall)
  /// Puts parameters in the order in which a kernel reads them.
  case pack(KernelCall)
  /// Adds `count` numbers of each addend, in the order of the addends; the target may be one of them.
  case sum(to: BufferReference, addends: [BufferReference], count: Int)
  /// Sets bytes to zero.
  case clear(BufferReference, size: Int)
  /// Exchanges data with other ranks, or rearranges it.
  case exchange(ExchangeCall)
  /// Begins exchanges that go on beside the instructions that follow, one after the other, after those that
  /// were begun before.
  case begin([ExchangeCall])
  /// Waits until so many of the exchanges that were begun in the step have ended.
  case finish(Int)
  /// Lets running statistics follow those of a step.
  case follow(RunningStatistics)
  /// Changes a parameter by its gradient.
  case update(ParameterUpdate)
}

/// An exchange with its places.
struct ExchangeCall: Sendable {
  let program: ExchangeProgram
  let before: BufferReference?
  let after: BufferReference?
  let scratch: BufferReference?

  /// Every place that it touches until it has ended.
  var references: [BufferReference] { [before, after, scratch].compactMap { $0 } }

  /// The places that other ranks read from.
  var sent: [BufferReference] {
    program.buffersSentInPlace.compactMap {
      switch $0 {
      case .before: before
      case .after: after
      case .scratch: scratch
      }
    }
  }
}

/// A kernel with the places of its operands.
struct KernelCall: Sendable {
  let kernel: any PreparedKernel
  var inputs: [BufferReference?] = []
  var outputs: [BufferReference?] = []
  var auxiliaries: [BufferReference?] = []
  var outputErrors: [BufferReference?] = []
  var results: [BufferReference?] = []
  var statistics: BufferReference?
  var packedParameters: BufferReference?
  /// What masks are drawn for: the index of the node.
  let stream: Int
  let firstSample: Int
  let places: [Int]?
  let rows: TableRows?

  /// Every place that the call touches.
  var references: [BufferReference] {
    (inputs + outputs + auxiliaries + outputErrors + results + [statistics, packedParameters])
      .compactMap { $0 }
  }
}

/// Running statistics and the sums that they follow.
struct RunningStatistics: Sendable {
  /// The sums of the step.
  let sums: BufferReference
  /// The numbers of each channel.
  let count: Int
  let mean: BufferReference
  let variance: BufferReference
  let channels: Int
  let momentum: Double
}

/// A parameter, its gradient and the optimizer's states.
struct ParameterUpdate: Sendable {
  let parameter: BufferReference
  let gradient: BufferReference
  let states: [BufferReference]
  let count: Int
}
