import Datasets
import Testing

struct SampleOrderTests {
  @Test(arguments: [1, 2, 3, 4, 5, 16, 17, 100, 1000, 60_000])
  func `an epoch is a permutation`(count: Int) {
    let order = SampleOrder(count: count, seed: 3, batch: 1)
    for epoch in 0..<2 {
      let samples = (0..<count).map { order.sample(at: $0, inEpoch: epoch) }
      #expect(samples.sorted() == Array(0..<count))
    }
  }

  @Test func `no sample is read twice in an epoch, and few are left out`() {
    let order = SampleOrder(count: 103, seed: 1, batch: 10)
    #expect(order.stepsPerEpoch == 10)
    for epoch in 0..<3 {
      let steps = (0..<10).flatMap { order.samples(ofStep: epoch * 10 + $0) }
      #expect(Set(steps).count == 100)
    }
    #expect(order.epoch(ofStep: 9) == 0)
    #expect(order.epoch(ofStep: 10) == 1)
  }

  @Test func `seeds and epochs make other orders, and the same seed the same`() {
    let first = SampleOrder(count: 1000, seed: 1, batch: 100)
    let second = SampleOrder(count: 1000, seed: 2, batch: 100)
    #expect(first.samples(ofStep: 0) != second.samples(ofStep: 0))
    #expect(first.samples(ofStep: 0) != first.samples(ofStep: 10))
    #expect(first.samples(ofStep: 7) == SampleOrder(count: 1000, seed: 1, batch: 100).samples(ofStep: 7))
  }

  // A permutation of n has one fixed place in expectation, whatever n is, and (n − 1) ∕ n places where a
  // number follows its predecessor: 60 orders have 60 ± 5 · √60 of each.
  @Test func `orders look drawn`() {
    var fixed = 0
    var neighbours = 0
    for seed in 0..<60 as Range<UInt64> {
      let order = SampleOrder(count: 997, seed: seed, batch: 997)
      let samples = order.samples(ofStep: 0)
      fixed += samples.indices.filter { samples[$0] == $0 }.count
      neighbours += samples.indices.dropFirst().filter { samples[$0] == samples[$0 - 1] + 1 }.count
    }
    #expect(abs(fixed - 60) < 39)
    #expect(abs(neighbours - 60) < 39)
  }

  // 10 samples in batches of 4: 4, 4 and 2.
  @Test func `an evaluation reads every sample once`() {
    let order = EvaluationOrder(count: 10, batch: 4)
    #expect((0..<order.stepCount).map { order.samples(ofStep: $0) } == [0..<4, 4..<8, 8..<10])
    #expect(EvaluationOrder(count: 8, batch: 4).stepCount == 2)
    #expect(EvaluationOrder(count: 0, batch: 4).stepCount == 0)
  }

  @Test func `each class of a small set comes early and late alike`() {
    // The mean place of the first half of the samples is about half the count: 5 deviations of n/√(12 n/2).
    let order = SampleOrder(count: 10_000, seed: 5, batch: 10_000)
    let samples = order.samples(ofStep: 0)
    let places = samples.indices.filter { samples[$0] < 5000 }
    let mean = Double(places.reduce(0, +)) / 5000
    #expect(abs(mean - 4999.5) < 5 * 10_000 / (12.0 * 5000).squareRoot())
  }
}
