import Communication
import Graphs
import Plans
import TestThreads
import Testing

@testable import Execution

/// Exchanges that follow one another beside other work.
struct ExchangeChainTests {
  private static let count = 20_000

  /// An all-reduce between two devices, in place.
  private static func steps(_ device: Int) -> [ExchangeProgram] {
    let cut = Cut(group: exchangeGroup([2]), shares: Shares([[1, 1]]))
    return PreparedConversion(
      [count], from: Layout([.partial]), to: Layout([.replicated]), over: cut, device: device,
      algorithms: [.direct], elementType: .float32, use: .consumed)?.steps ?? []
  }

  // Rank r brings in i + r and then 3·(i + r): sums of integers below 2²⁴ are exact in float32.
  @Test(arguments: [1 << 20, 4096]) func exchangesFollowOneAnother(sharedByteCount: Int) throws {
    let transports = try LocalTransport.ranks(2, ringCapacity: 4096, sharedByteCount: sharedByteCount)
    let results = ExchangeResults<[[Float]]>(2, 1, [])
    try onThreads(2) { rank in
      let size = Self.count * 4
      let allocated = UnsafeMutableRawBufferPointer.allocate(byteCount: 2 * size, alignment: 64)
      defer { allocated.deallocate() }
      let memory = transports[rank].sharedBuffer(byteCount: 2 * size) ?? allocated
      guard let base = memory.baseAddress else { return }
      let numbers = base.assumingMemoryBound(to: Float.self)
      for index in 0..<Self.count {
        numbers[index] = Float(index + rank)
        numbers[Self.count + index] = Float(3 * (index + rank))
      }
      var chain = ExchangeChain()
      chain.beginStep()
      for bucket in 0..<2 {
        let start = base + bucket * size
        var place = start
        chain.append(
          Self.steps(rank).map { step in
            let before = place
            place =
              step.resultOffsetInSource.map { before + 4 * $0 } ?? before - 4
              * (step.sourceOffsetInResult ?? 0)
            return step.bound(before: before, after: place, scratch: nil, ranks: [0, 1])
          })
        chain.advance(over: transports[rank])
      }
      do {
        // The first bucket is there when its two steps have ended, whatever becomes of the second.
        try chain.finish(2, over: transports[rank])
        let first = (0..<Self.count).map { numbers[$0] }
        try chain.finish(4, over: transports[rank])
        let isFirstLeft = (0..<Self.count).allSatisfy { numbers[$0] == first[$0] }
        results.set(
          rank, 0, [first, (0..<Self.count).map { numbers[Self.count + $0] }, [isFirstLeft ? 1 : 0]])
        if !chain.isEmpty || chain.endedCount != 4 { results.set(rank, 0, []) }
        chain.beginStep()
      } catch {
        results.set(rank, 0, [])
      }
    }
    for rank in 0..<2 {
      let expected = (0..<Self.count).map { Float(2 * $0 + 1) }
      #expect(results.get(rank, 0) == [expected, expected.map { 3 * $0 }, [1]], "rank \(rank)")
    }
  }
}
