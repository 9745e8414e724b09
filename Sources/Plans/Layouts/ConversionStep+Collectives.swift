import Machines
import Units

/// Which of a step's collectives are wanted.
public enum CollectiveSelection: Hashable, Sendable {
  /// One for each part of the levels above.
  case all
  /// The first alone where all are equal, which is enough to price them.
  case representative
}

extension ConversionStep {
  /// The collectives of the step, one for each part of the levels above.
  ///
  /// - Parameters:
  ///   - cut: The group whose devices hold the parts.
  ///   - group: The group's index in ``Machine/groups``.
  ///   - algorithms: For each level the algorithm that moves the data.
  ///   - elementSize: The bytes of an element.
  ///   - selection: Which of them are wanted.
  public func collectives(
    over cut: Cut, group: Int, algorithms: [CollectiveAlgorithm], elementSize: Int,
    selection: CollectiveSelection = .all
  ) -> [Collective] {
    let ways = cut.ways[level]
    let lanes = cut.strides[level]
    let span = ways * lanes
    let count = isUniform && selection == .representative ? 1 : cut.deviceCount / span
    return (0..<count).map { index in
      let first = index * span
      func parts(_ values: [Int]) -> CollectiveParts {
        if values.count == 1 { return .even(Bytes(values[0] * elementSize)) }
        // Lane by lane: the devices of one lane stand `lanes` apart.
        let sizes = (0..<lanes).flatMap { lane in
          (0..<ways).map { Bytes(values[first + $0 * lanes + lane] * elementSize) }
        }
        return CollectiveParts(sizes, ways: ways)
      }
      func lanePieces(_ first: Int) -> [[Bytes]]? {
        guard !pieces.isEmpty else { return nil }
        return (0..<lanes).map { lane in
          (0..<ways).flatMap { pieces[first + $0 * lanes + lane].map { Bytes($0 * elementSize) } }
        }
      }
      return Collective(
        operation: operation, algorithm: addends.isEmpty ? algorithms[level] : .fixedTree, group: group,
        level: level, firstDevice: first,
        parts: parts(operation == .reduceScatter ? after : before),
        resultParts: operation == .allToAll ? parts(after) : nil, pieces: lanePieces(first),
        addends: addends.count < 2
          ? [Int](repeating: addends.first ?? 1, count: ways)
          // Which cells a device has follows from the levels down to this one, so that lanes are alike.
          : (0..<ways).map { addends[first + $0 * lanes] })
    }
  }
}
