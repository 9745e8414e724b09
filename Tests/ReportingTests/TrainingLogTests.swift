import Reporting
import Results
import Testing
import Units

struct TrainingLogTests {
  @Test func `a plain log tells the first steps, about fifty more, and the last one`() {
    var log = TrainingLog(detail: .normal)
    _ = log.lines(for: .start(TrainingSamples.start), steps: true)
    let told = (1...100).filter { number in
      !log.lines(for: .step(TrainingSamples.step(number)), steps: true).isEmpty
    }
    // A hundred steps in fifty parts: 1, 2 and 3 at once, then the first of each part, which is even.
    #expect(told == [1, 2, 3] + Array(stride(from: 4, through: 100, by: 2)))
  }

  @Test func `after a resumption the first steps are those of this run`() {
    var log = TrainingLog(detail: .normal)
    let start = TrainingStart(
      model: "m", machine: "m", data: "d", batch: 1, cells: nil, isDeterministic: false, steps: 10_000,
      stepsPerEpoch: 100, firstStep: 5000, ranks: [], priced: .zero, simulated: .zero)
    #expect(log.lines(for: .start(start), steps: true).contains("5000 are done of 10000, 100 epochs of 100"))
    let told = (5001...5200).filter { number in
      !log.lines(for: .step(TrainingSamples.step(number)), steps: true).isEmpty
    }
    #expect(told == [5001, 5002, 5003, 5200])
  }

  @Test func `a terminal gets no line for a step, a full log every one, a quiet one none`() {
    for (detail, steps, expected) in [
      (Detail.normal, false, false), (.full, true, true), (.brief, true, false),
    ] {
      var log = TrainingLog(detail: detail)
      _ = log.lines(for: .start(TrainingSamples.start), steps: steps)
      _ = log.lines(for: .step(TrainingSamples.step(50)), steps: steps)
      let lines = log.lines(for: .step(TrainingSamples.step(51)), steps: steps)
      #expect(lines.isEmpty == !expected, "\(detail)")
    }
  }

  @Test func `the progress line has loss, speed and time left, and fits the terminal`() {
    var log = TrainingLog(detail: .normal)
    _ = log.lines(for: .start(TrainingSamples.start), steps: false)
    // 64.2 s are rounded up: a minute and five seconds.
    #expect(
      log.progress(of: TrainingSamples.step(7), width: 120)
        == "step   7/100  epoch 1  loss 2.3000  accuracy 12.5 %  16000 samples/s  1 min 05 s left")
    #expect(log.progress(of: TrainingSamples.step(7), width: 20).count == 19)
    #expect(log.progress(of: TrainingSamples.step(7, loss: .nan), width: 120).contains("loss nan"))
  }

  @Test func `an epoch says what was learnt`() {
    var log = TrainingLog(detail: .normal)
    #expect(
      log.lines(for: .epoch(TrainingSamples.epoch), steps: false)
        == "epoch 1: loss 0.5000, accuracy 87.50 %, test accuracy 90.00 %, 12346 samples/s\n")
  }

  @Test func `the end stands beside its prediction`() {
    let text = TrainingSamples.end.text(files: [("weights file", "w.safetensors")])
    for expected in [
      "test accuracy  85.12 %",
      // 1.1 ∕ 1.25 = 0.88, 1 ∕ 1.25 = 0.8 and 0.5 ∕ 1.25 = 0.4.
      "1.25 ms measured, 1.1 ms simulated (-12 %), 1 ms priced", "-20 %", "-60 %",
      "4.002 KiB measured, 4 KiB simulated", "equal", "2 bytes off",
      // 950 ∕ 1000.
      "-5 %", "… and 4 more, with --verbose", "w.safetensors",
    ] {
      #expect(text.contains(expected), "\(expected) is not in\n\(text)")
    }
    // The longest come first: 20 µs for a price of 1 µs.
    #expect(text.contains("conv19") && !text.contains("conv3 "))
    #expect(TrainingSamples.end.text(.full).contains("conv3 "))
    #expect(!TrainingSamples.end.text(.brief).contains("conv19"))
  }

  @Test func `memory of an evaluation has a column where a rank evaluates`() {
    func end(_ evaluations: [Int]) -> String {
      TrainingEnd(
        steps: 1, weightsDigest: "00", ledger: "", testAccuracy: nil, priced: SimulatedTime(1_000_000),
        simulated: SimulatedTime(2_000_000), measured: SimulatedTime(3_000_000), uncalibrated: nil, pairs: [],
        tasks: [],
        memory: evaluations.enumerated().map { rank, bytes in
          TrainingEnd.Memory(
            rank: rank, planned: Bytes(100), resident: Bytes(100), library: Bytes(300),
            evaluation: Bytes(bytes))
        }
      ).text(.full)
    }
    let lines = end([700, 0]).split(separator: "\n")
    #expect(lines.contains { $0.hasSuffix("library  evaluation") }, "\(lines)")
    #expect(lines.contains { $0.hasSuffix("300 B       700 B") }, "\(lines)")
    #expect(lines.contains { $0.hasSuffix("300 B           -") }, "\(lines)")
    #expect(!end([0, 0]).contains("evaluation"))
  }

  @Test func `other threads than those of the measured rates are named`() {
    func rank(_ number: Int, _ rated: Int?, _ threads: Int) -> TrainingStart.Rank {
      TrainingStart.Rank(
        rank: number, process: 1, device: "core[\(number)]", kernels: "k", instructionSet: nil,
        threads: threads, ratedThreads: rated)
    }
    func text(_ ranks: [TrainingStart.Rank]) -> String { TrainingSamples.end.text(.brief, ranks: ranks) }
    #expect(
      text([rank(0, 1, 2), rank(1, 1, 2)]).contains("rates were measured with 1, and the run used 2\n"))
    #expect(
      text([rank(0, 1, 2), rank(1, 1, 2), rank(2, 3, 3)])
        .contains("core[0–1] (2): rates were measured with 1, and the run used 2\n"))
    for silent in [[rank(0, 1, 1)], [rank(0, nil, 4)], []] { #expect(!text(silent).contains("rates were")) }
  }

  @Test func `a run that had nothing left to do measures nothing`() {
    let end = TrainingEnd(
      steps: 100, weightsDigest: "00", ledger: "", testAccuracy: nil, priced: SimulatedTime(1_000_000),
      simulated: SimulatedTime(2_000_000), measured: .zero, uncalibrated: nil,
      pairs: [TrainingEnd.Pair(from: "a", to: "b", simulated: Bytes(8), measured: .zero)], tasks: [],
      memory: [])
    #expect(end.text().contains("none was left to do; 2 us simulated, 1 us priced"))
    #expect(!end.text().contains("8 B"))
  }

  @Test func `no line is wider than 100 columns or ends in a space`() {
    var log = TrainingLog(detail: .full)
    let events: [TrainingEvent] = [
      .start(TrainingSamples.start), .step(TrainingSamples.step(1)), .epoch(TrainingSamples.epoch),
      .checkpoint(path: "run/step-1", step: 1),
    ]
    let text = events.map { log.lines(for: $0, steps: true) }.joined() + TrainingSamples.end.text(.full)
    #expect(text.hasSuffix("\n"))
    for line in text.split(separator: "\n") {
      #expect(line.count <= 100, "\(line)")
      #expect(line.last != " ", "\(line)|")
    }
  }
}
