import Testing

@testable import Execution

/// Rates by the equations that the type states.
struct LearningRateScheduleTests {
  private func rates(_ words: String, steps: Int = 4, perEpoch: Int = 1) -> [Double]? {
    LearningRateSchedule(words: words).map { schedule in
      (0..<steps).map { schedule.rate(2, step: $0, of: steps, epoch: $0 / perEpoch) }
    }
  }

  @Test func aConstantRateStays() { #expect(rates("constant") == [2, 2, 2, 2]) }

  @Test func aStepMultipliesAfterEveryFewEpochs() { #expect(rates("step:2:0.5") == [2, 2, 1, 1]) }

  @Test func aCosineFallsFromTheRateToNearlyNothing() {
    // 2 · (1 + cos(π t ∕ 4)) ∕ 2 at t = 0, 2: 2 and 1.
    let rates = rates("cosine") ?? []
    #expect(rates[0] == 2)
    #expect(abs(rates[2] - 1) < 1e-12)
    #expect(rates == rates.sorted(by: >))
  }

  @Test func aWarmUpRisesInEqualSteps() { #expect(rates("warmup:2:constant") == [1, 2, 2, 2]) }

  @Test(arguments: ["", "linear", "step", "step:0:0.5", "step:2:2", "step:2:x", "warmup:2", "cosine:1"])
  func otherWordsAreRefused(words: String) { #expect(LearningRateSchedule(words: words) == nil) }
}
