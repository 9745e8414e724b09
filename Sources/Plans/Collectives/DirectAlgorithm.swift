/// Every coordinate sends to every other at once.
///
/// ## Model
///
/// Over even parts of `S ∕ w` bytes a reduce-scatter or all-gather takes `α + (w − 1) · S ∕ (w · β)` where
/// each device has a port each way of β (B∕s), and `α + (w − 1) · S ∕ β` over one shared link; an all-reduce
/// takes twice that. An all-to-all is one round.
enum DirectAlgorithm {
  static func rounds(_ operation: CollectiveOperation, _ parts: LaneParts) -> [CollectiveRound] {
    switch operation {
    case .reduceScatter: [toAll(parts) { _, to in parts.sizes[to] }]
    case .allGather: [toAll(parts) { from, _ in parts.sizes[from] }]
    case .allToAll: [toAll(parts) { from, to in parts.piece(from: from, to: to) }]
    case .allReduce where parts.isEven: [toAll(parts, repetitions: 2) { from, _ in parts.sizes[from] }]
    case .allReduce: rounds(.reduceScatter, parts) + rounds(.allGather, parts)
    }
  }

  static func evenTerms(_ operation: CollectiveOperation, over ports: LevelPorts) -> [EvenTerm] {
    [ports.term(.allPairs, units: 1, repetitions: operation == .allReduce ? 2 : 1)]
  }

  private static func toAll(
    _ parts: LaneParts, repetitions: Int = 1, _ bytes: (_ from: Int, _ to: Int) -> Int
  ) -> CollectiveRound {
    var messages: [CollectiveRound.Message] = []
    messages.reserveCapacity(parts.ways * (parts.ways - 1))
    for from in 0..<parts.ways {
      for to in 0..<parts.ways where from != to {
        messages.append(.init(from: from, to: to, bytes: bytes(from, to)))
      }
    }
    return CollectiveRound(messages, repetitions: repetitions)
  }
}
