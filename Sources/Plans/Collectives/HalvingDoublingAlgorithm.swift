/// Coordinates whose distance halves (reduce-scatter) or doubles (all-gather) exchange blocks of parts.
///
/// ## Model
///
/// Over even parts of `S ∕ w` bytes an all-reduce takes `2 · log₂ w · α + 2 · (w − 1) ∕ w · S ∕ β` where each
/// device has a port each way of β (B∕s) and messages take α (s), over a switch two hops. The ways must be a
/// power of two. An all-to-all is `w − 1` rounds, in round r between coordinates `i` and `i ⊕ r`: it forwards
/// nothing, so that it moves no more than the data.
///
/// > Source: R. Thakur, R. Rabenseifner, W. Gropp. "Optimization of Collective Communication Operations in
/// > MPICH." *Int. J. High Perform. Comput. Appl.* 19(1), 2005, pp. 49–66.
enum HalvingDoublingAlgorithm {
  static func rounds(_ operation: CollectiveOperation, _ parts: LaneParts) -> [CollectiveRound] {
    let ways = parts.ways
    switch operation {
    case .reduceScatter:
      return distances(ways).reversed().map { distance in
        exchange(parts, distance) { block($0 ^ distance, distance, parts) }
      }
    case .allGather:
      return distances(ways).map { distance in
        exchange(parts, distance) { block($0, distance, parts) }
      }
    case .allReduce: return rounds(.reduceScatter, parts) + rounds(.allGather, parts)
    case .allToAll:
      return (1..<ways).map { mask in exchange(parts, mask) { parts.piece(from: $0, to: $0 ^ mask) } }
    }
  }

  static func evenTerms(_ operation: CollectiveOperation, over ports: LevelPorts) -> [EvenTerm] {
    let repetitions = operation == .allReduce ? 2 : 1
    return switch operation {
    case .reduceScatter, .allGather, .allReduce:
      distances(ports.ways).map { ports.term(.exchange($0), units: $0, repetitions: repetitions) }
    case .allToAll: (1..<ports.ways).map { ports.term(.exchange($0), units: 1) }
    }
  }

  /// 1, 2, 4 … below `ways`.
  private static func distances(_ ways: Int) -> [Int] {
    (0..<ways.trailingZeroBitCount).map { 1 << $0 }
  }

  /// The bytes of the aligned block of `length` parts around a coordinate.
  private static func block(_ coordinate: Int, _ length: Int, _ parts: LaneParts) -> Int {
    let start = coordinate / length * length
    return parts.sizes[start..<(start + length)].reduce(0, +)
  }

  private static func exchange(_ parts: LaneParts, _ mask: Int, _ bytes: (Int) -> Int) -> CollectiveRound {
    CollectiveRound((0..<parts.ways).map { .init(from: $0, to: $0 ^ mask, bytes: bytes($0)) })
  }
}
