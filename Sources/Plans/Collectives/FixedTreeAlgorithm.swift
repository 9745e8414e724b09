/// Every coordinate sends the partial sums it has to whoever owns the part, which adds them at their places
/// of the tree over the cells.
///
/// ## Model
///
/// A coordinate that holds k partial sums (the maximal subtrees of its cells, ``CellGrid``) sends k addends
/// of each part, so that over even parts of `S ∕ w` bytes a reduce-scatter takes
/// `α + k · (w − 1) · S ∕ (w · β)` where each device has a port each way of β (B∕s). With k = 1, as of
/// equal shares that are subtrees, and in an all-gather, in which sums are complete, it is the direct
/// algorithm.
enum FixedTreeAlgorithm {
  static func rounds(
    _ operation: CollectiveOperation, _ parts: LaneParts, addends: [Int]
  ) -> [CollectiveRound] {
    guard !addends.isEmpty else { return DirectAlgorithm.rounds(operation, parts) }
    precondition(addends.count == parts.ways, "\(addends.count) counts of addends over \(parts.ways) ways")
    switch operation {
    case .allGather, .allToAll: return DirectAlgorithm.rounds(operation, parts)
    case .allReduce:
      return rounds(.reduceScatter, parts, addends: addends) + rounds(.allGather, parts, addends: addends)
    case .reduceScatter:
      let coordinates = 0..<parts.ways
      return [
        CollectiveRound(
          coordinates.flatMap { from in
            coordinates.map { .init(from: from, to: $0, bytes: addends[from] * parts.sizes[$0]) }
          })
      ]
    }
  }
}
