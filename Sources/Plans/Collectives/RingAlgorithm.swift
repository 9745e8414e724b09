/// Every coordinate sends to its successor, and what it receives it passes on.
///
/// ## Model
///
/// Over even parts of `S ∕ w` bytes a reduce-scatter or all-gather takes `(w − 1) · (α + S ∕ (w · β))` and an
/// all-reduce twice that, with the latency α (s) of a message to the successor and the bandwidth β (B∕s) of a
/// port that carries one message at a time. On a line the message from the last to the first is forwarded by
/// all between. An all-to-all is `w − 1` rounds, in round r from each coordinate `i` to `i + r`.
///
/// > Source: P. Patarasuk, X. Yuan. "Bandwidth Optimal All-Reduce Algorithms for Clusters of Workstations."
/// > *J. Parallel Distrib. Comput.* 69(2), 2009, pp. 117–124.
enum RingAlgorithm {
  static func rounds(_ operation: CollectiveOperation, _ parts: LaneParts) -> [CollectiveRound] {
    let ways = parts.ways
    switch operation {
    case .reduceScatter where !parts.isEven:
      // The last message to a coordinate completes its own part.
      return (0..<(ways - 1)).map { round in
        toSuccessor(parts) { ($0 - 1 - round + 2 * ways) % ways }
      }
    case .allGather where !parts.isEven:
      return (0..<(ways - 1)).map { round in toSuccessor(parts) { ($0 - round + ways) % ways } }
    case .allReduce where !parts.isEven:
      return rounds(.reduceScatter, parts) + rounds(.allGather, parts)
    case .reduceScatter, .allGather, .allReduce:
      let count = operation == .allReduce ? 2 * (ways - 1) : ways - 1
      return [CollectiveRound(toSuccessor(parts) { $0 }.messages, repetitions: count)]
    case .allToAll:
      return (1..<ways).map { distance in
        CollectiveRound(
          (0..<ways).map { from in
            let to = (from + distance) % ways
            return .init(from: from, to: to, bytes: parts.piece(from: from, to: to))
          })
      }
    }
  }

  static func evenTerms(_ operation: CollectiveOperation, over ports: LevelPorts) -> [EvenTerm] {
    switch operation {
    case .reduceScatter, .allGather: [ports.term(.shift(1), units: 1, repetitions: ports.ways - 1)]
    case .allReduce: [ports.term(.shift(1), units: 1, repetitions: 2 * (ports.ways - 1))]
    case .allToAll: (1..<ports.ways).map { ports.term(.shift($0), units: 1) }
    }
  }

  /// A round in which coordinate `i` sends part `part(i)` to `i + 1`.
  private static func toSuccessor(_ parts: LaneParts, _ part: (Int) -> Int) -> CollectiveRound {
    CollectiveRound(
      (0..<parts.ways).map { .init(from: $0, to: ($0 + 1) % parts.ways, bytes: parts.sizes[part($0)]) })
  }
}
