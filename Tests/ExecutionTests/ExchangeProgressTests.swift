import Communication
import Execution
import Graphs
import Plans
import TestThreads
import Testing
import Units

/// Exchanges over the transport that ranks really use.
struct ExchangeProgressTests {
  /// A partial matrix to the whole, in float32; rows of 8192 make strips that travel unpacked.
  private static let shape = [4, 8192]

  private static func programs(
    _ cut: Cut, _ target: Layout, _ algorithm: CollectiveAlgorithm
  ) -> [PreparedConversion] {
    let partial = Layout([SplitState](repeating: .partial, count: cut.levelCount))
    return (0..<cut.deviceCount).compactMap {
      PreparedConversion(
        shape, from: partial, to: target, over: cut, device: $0,
        algorithms: [CollectiveAlgorithm](repeating: algorithm, count: cut.levelCount), elementType: .float32)
    }
  }

  private static func addend(_ rank: Int, _ element: Int) -> Float {
    Float((element * 5 + rank * 11) % 1000)
  }

  private enum Way: CaseIterable { case run, progress }

  // Sums of integers below 2²⁴ are exact in float32: the sum over ranks of the addends.
  @Test(arguments: CollectiveAlgorithm.allCases) func sharedMemoryMovesTheSame(
    _ algorithm: CollectiveAlgorithm
  )
    throws
  {
    let cut = Cut(group: exchangeGroup([2, 2]), shares: Shares([[1, 2], [1, 1]]))
    let elements = Self.shape.reduce(1, *)
    for (target, way) in [
      (Layout([.replicated, .replicated]), Way.run), (Layout([.sharded(1), .replicated]), .progress),
      (Layout([.sharded(0), .sharded(1)]), .run),
    ] {
      let programs = Self.programs(cut, target, algorithm)
      let results = ExchangeResults<[Float]>(4, 1, [])
      let transports = try LocalTransport.ranks(4)
      try onThreads(4) { rank in
        var values = (0..<elements).map { Self.addend(rank, $0) }
        for program in programs[rank].steps {
          var result = [Float](repeating: -1, count: program.afterCount)
          var scratch = [UInt8](repeating: 0, count: program.scratchBytes)
          values.withUnsafeMutableBytes { before in
            result.withUnsafeMutableBytes { after in
              scratch.withUnsafeMutableBytes { scratch in
                let bound = program.bound(
                  before: before.baseAddress, after: after.baseAddress, scratch: scratch.baseAddress,
                  ranks: [0, 1, 2, 3])
                switch way {
                case .run: try? bound.run(over: transports[rank])
                case .progress:
                  var progress = ExchangeProgress(bound)
                  progress.advance(over: transports[rank])
                  try? progress.finish(over: transports[rank])
                }
              }
            }
          }
          values = result
        }
        results.set(rank, 0, values)
      }
      for rank in 0..<4 {
        let expected = exchangeElements(Self.shape, target, cut, rank).map { element in
          (0..<4).reduce(Float(0)) { $0 + Self.addend($1, element) }
        }
        #expect(results.get(rank, 0) == expected, "\(algorithm) to \(target), rank \(rank)")
      }
      let sent = transports.map { $0.bytesSent.reduce(0, +) }
      let stated = programs.map { $0.steps.flatMap { $0.bytesSent.map(\.bytes) }.reduce(0, +) }
      #expect(sent == stated, "\(algorithm) to \(target)")
    }
  }

  // With addends that no sum keeps exactly, the direct algorithm adds ((a₀ + a₁) + a₂) + a₃.
  @Test func directSumsFollowTheOrderOfTheCoordinates() throws {
    let cut = Cut(group: exchangeGroup([4]), shares: Shares([[1, 1, 1, 1]]))
    let count = 37
    @Sendable func value(_ rank: Int, _ element: Int) -> Double {
      1 / Double(3 + (rank * 31 + element * 17) % 101)
    }
    let programs = (0..<4).compactMap {
      PreparedConversion(
        [count], from: Layout([.partial]), to: Layout([.sharded(0)]), over: cut, device: $0,
        algorithms: [.direct], elementType: .float64)?.steps.first
    }
    let network = ExchangeNetwork(4)
    let results = ExchangeResults<[Double]>(4, 1, [])
    try network.run { transport in
      let program = programs[transport.rank]
      // The result lies on the own addend, which is read before it is written.
      let values = ExchangeBuffer((0..<count).map { value(transport.rank, $0) })
      let scratch = ExchangeBuffer(byteCount: program.scratchBytes)
      // Addresses alone keep no buffer alive.
      defer { withExtendedLifetime((values, scratch)) {} }
      let offset = program.resultOffsetInSource ?? 0
      try? program.run(
        before: values.start, after: values.start + 8 * offset, scratch: scratch.start, ranks: [0, 1, 2, 3],
        over: transport)
      results.set(transport.rank, 0, values.doubles(program.afterCount, from: offset))
    }
    for rank in 0..<4 {
      let expected = exchangeElements([count], Layout([.sharded(0)]), cut, rank).map { element in
        (1..<4).reduce(value(0, element)) { $0 + value($1, element) }
      }
      #expect(results.get(rank, 0) == expected)
    }
  }
}
