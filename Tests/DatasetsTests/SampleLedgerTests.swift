import Datasets
import Testing

struct SampleLedgerTests {
  let order = SampleOrder(count: 50, seed: 9, batch: 8)

  @Test func `the ledgers of ranks add up to that of the run`() {
    var ranks = [SampleLedger(), SampleLedger()]
    for step in 0..<20 {
      let samples = order.samples(ofStep: step)
      ranks[1].record(samples[3...], inStep: step)
      ranks[0].record(samples[..<3], inStep: step)
    }
    ranks[0].merge(ranks[1])
    #expect(ranks[0] == SampleLedger(of: order, steps: 0..<20))
    #expect(ranks[0].count == 160)
  }

  @Test func `a resumed run goes on from a stored ledger`() throws {
    var ledger = try #require(SampleLedger(text: SampleLedger(of: order, steps: 0..<7).text))
    for step in 7..<20 { ledger.record(order.samples(ofStep: step), inStep: step) }
    #expect(ledger == SampleLedger(of: order, steps: 0..<20))
    for text in ["", "1-2", "x-0000000000000000-0000000000000000", "-1-0000000000000000-0000000000000000"] {
      #expect(SampleLedger(text: text) == nil)
    }
  }

  @Test func `lost, repeated and swapped samples are noticed`() {
    let right = SampleLedger(of: order, steps: 0..<6)
    var lost = SampleLedger(of: order, steps: 0..<5)
    lost.record(order.samples(ofStep: 5).dropLast(), inStep: 5)
    #expect(lost != right)
    var repeated = SampleLedger(of: order, steps: 0..<5)
    repeated.record(order.samples(ofStep: 4), inStep: 5)
    #expect(repeated.count == right.count)
    #expect(repeated != right)
    var late = SampleLedger(of: order, steps: 0..<4)
    late.record(order.samples(ofStep: 5), inStep: 4)
    late.record(order.samples(ofStep: 4), inStep: 5)
    #expect(late != right)
  }
}
