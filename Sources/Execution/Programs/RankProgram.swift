import Differentiation

/// What one rank does in a training step: instructions over planned memory.
///
/// It is made once from a plan's task graph; ``RankExecutor`` runs it in every step.
public struct RankProgram: Sendable {
  /// The number of the rank.
  public let rank: Int
  let code: [Instruction]
  /// For each instruction the task that it belongs to.
  let taskOfInstruction: [Int]
  let memory: MemoryBook
  let arena: ArenaPlan
  /// The bytes that instructions need while they run.
  let scratchSize: Int
  let ports: [SamplePort]
  let statics: [StaticPlace]
  let losses: [LossPlace]
  let predictions: [PredictionPlace]
  let optimizer: Optimizer
  let settings: ExecutionSettings

  /// The bytes that the rank plans to use: parameters and states, what lives in a step, and scratch.
  public var plannedBytes: Int { arena.size + arena.sharedSize + scratchSize }

  /// Of them, the bytes of buffers that other ranks read where they lie.
  public var sharedBytes: Int { arena.sharedSize }

  /// The bytes of each message that the rank sends in a step, added up by receiving device.
  public var bytesSent: [(device: Int, bytes: Int)] {
    var totals: [Int: Int] = [:]
    for instruction in code {
      let programs: [ExchangeProgram] =
        switch instruction {
        case .exchange(let call): [call.program]
        case .begin(let calls): calls.map(\.program)
        default: []
        }
      for (device, bytes) in programs.flatMap(\.bytesSent) { totals[device, default: 0] += bytes }
    }
    return totals.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
