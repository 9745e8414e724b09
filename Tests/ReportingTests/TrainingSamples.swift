import Results
import Units

/// Events of a run written by hand; their numbers mean nothing but differ from one another.
enum TrainingSamples {
  static let start = TrainingStart(
    model: "digits", machine: "2 equal devices", data: "digits", batch: 32, cells: 16, isDeterministic: true,
    steps: 100, stepsPerEpoch: 44, firstStep: 0,
    ranks: (0..<2).map { rank in
      TrainingStart.Rank(
        rank: rank, process: 4000 + rank, device: "core[\(rank)]", kernels: "onednn 3.2.0, AVX2",
        instructionSet: rank == 0 ? "avx2" : nil, threads: 1, ratedThreads: rank == 0 ? 1 : nil)
    },
    priced: SimulatedTime(1_000_000_000), simulated: SimulatedTime(1_100_000_000))

  static func step(_ number: Int, loss: Double = 2.3) -> TrainingStep {
    TrainingStep(
      number: number, epoch: 1, loss: loss, accuracy: 0.125, learningRate: 0.01, duration: Seconds(0.002),
      samplesPerSecond: 16_000, remaining: Seconds(64.2))
  }

  static let epoch = TrainingEpoch(
    number: 1, loss: 0.5, accuracy: 0.875, testAccuracy: 0.9, samplesPerSecond: 12_345.6)

  static let end = TrainingEnd(
    steps: 100, weightsDigest: String(repeating: "0a", count: 32), ledger: "l", testAccuracy: 0.8512,
    priced: SimulatedTime(1_000_000_000), simulated: SimulatedTime(1_100_000_000),
    measured: SimulatedTime(1_250_000_000), uncalibrated: SimulatedTime(500_000_000),
    pairs: [
      TrainingEnd.Pair(from: "core[0]", to: "core[1]", simulated: Bytes(2048), measured: Bytes(2048)),
      TrainingEnd.Pair(from: "core[1]", to: "core[0]", simulated: Bytes(2048), measured: Bytes(2050)),
    ],
    tasks: (0..<20).map { index in
      TrainingEnd.Task(
        category: "forward", name: "conv\(index)", device: "core[0]", priced: SimulatedTime(1_000_000),
        measured: SimulatedTime(Int64(index + 1) * 1_000_000))
    },
    memory: [
      TrainingEnd.Memory(
        rank: 0, planned: Bytes(950), resident: Bytes(1000), library: Bytes(300), evaluation: Bytes(700))
    ])
}
