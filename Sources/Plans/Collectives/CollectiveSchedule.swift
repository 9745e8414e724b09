/// Which data each message of a collective carries: the rounds of an algorithm with their meaning.
///
/// ``CollectiveAlgorithm/rounds(_:sizes:results:)`` counts the bytes of the same messages in the same order;
/// whoever moves real data follows the schedule. A *part* is what a coordinate owns before an all-gather or
/// after a reduce-scatter; a *piece* is what one coordinate holds before an all-to-all and another
/// afterwards.
///
/// ```swift
/// let schedule = CollectiveSchedule(.reduceScatter, .ring, ways: 3)
/// schedule.rounds[0].messages[0].content  // .parts(2..<3): coordinate 0 passes on its addend of part 2
/// ```
public struct CollectiveSchedule: Hashable, Sendable {
  /// What a message carries.
  public enum Content: Hashable, Sendable {
    /// The parts of these coordinates, one behind the other.
    case parts(Range<Int>)
    /// Of an all-to-all, what the sender holds before and the receiver afterwards.
    case piece
  }

  /// What the receiver does with what arrives.
  public enum Arrival: Hashable, Sendable {
    /// It takes the place of what was there.
    case replace
    /// It is added to the receiver's own addend; what arrives from several coordinates in one round is added
    /// in the order of the coordinates, the receiver's own addend in its turn.
    case add
  }

  /// Data from one coordinate to another.
  public struct Message: Hashable, Sendable {
    /// The coordinate that sends.
    public let from: Int
    /// The coordinate that receives.
    public let to: Int
    /// What it carries.
    public let content: Content
    /// What the receiver does with it.
    public let arrival: Arrival
  }

  /// Messages that are under way at the same time.
  public struct Round: Hashable, Sendable {
    /// The messages, in the order in which the algorithm counts them.
    public let messages: [Message]
  }

  /// What the collective does.
  public let operation: CollectiveOperation
  /// The algorithm that runs: halving and doubling has become a ring where the ways are no power of two.
  public let algorithm: CollectiveAlgorithm
  /// The coordinates that take part.
  public let ways: Int
  /// The rounds, one after another; none for one coordinate.
  public let rounds: [Round]

  /// Creates the schedule of a collective over `ways` coordinates.
  ///
  /// - Complexity: O(messages).
  public init(_ operation: CollectiveOperation, _ algorithm: CollectiveAlgorithm, ways: Int) {
    precondition(ways > 0, "\(ways) ways")
    self.operation = operation
    self.algorithm = algorithm.resolved(ways: ways)
    self.ways = ways
    rounds = ways == 1 ? [] : Self.rounds(operation, self.algorithm, ways)
  }

  private static func rounds(
    _ operation: CollectiveOperation, _ algorithm: CollectiveAlgorithm, _ ways: Int
  ) -> [Round] {
    switch operation {
    case .allReduce:
      return rounds(.reduceScatter, algorithm, ways) + rounds(.allGather, algorithm, ways)
    case .reduceScatter:
      switch algorithm {
      case .ring:
        // The last message to a coordinate completes its own part.
        return (0..<(ways - 1)).map { round in
          toSuccessor(ways, .add) { ($0 - 1 - round + 2 * ways) % ways }
        }
      case .direct, .fixedTree: return [toAll(ways, .add) { _, to in .parts(to..<(to + 1)) }]
      case .halvingDoubling:
        return distances(ways).reversed().map { distance in
          exchange(ways, distance, .add) { .parts(block(around: $0 ^ distance, distance)) }
        }
      }
    case .allGather:
      switch algorithm {
      case .ring:
        return (0..<(ways - 1)).map { round in
          toSuccessor(ways, .replace) { ($0 - round + ways) % ways }
        }
      case .direct, .fixedTree: return [toAll(ways, .replace) { from, _ in .parts(from..<(from + 1)) }]
      case .halvingDoubling:
        return distances(ways).map { distance in
          exchange(ways, distance, .replace) { .parts(block(around: $0, distance)) }
        }
      }
    case .allToAll:
      switch algorithm {
      case .ring:
        return (1..<ways).map { distance in
          Round(
            messages: (0..<ways).map {
              Message(from: $0, to: ($0 + distance) % ways, content: .piece, arrival: .replace)
            })
        }
      case .direct, .fixedTree: return [toAll(ways, .replace) { _, _ in .piece }]
      case .halvingDoubling:
        return (1..<ways).map { mask in exchange(ways, mask, .replace) { _ in .piece } }
      }
    }
  }

  /// 1, 2, 4 … below `ways`.
  private static func distances(_ ways: Int) -> [Int] { (0..<ways.trailingZeroBitCount).map { 1 << $0 } }

  /// The aligned block of `length` coordinates around one of them.
  private static func block(around coordinate: Int, _ length: Int) -> Range<Int> {
    let start = coordinate / length * length
    return start..<(start + length)
  }

  private static func toSuccessor(_ ways: Int, _ arrival: Arrival, _ part: (Int) -> Int) -> Round {
    Round(
      messages: (0..<ways).map { from in
        let part = part(from)
        return Message(
          from: from, to: (from + 1) % ways, content: .parts(part..<(part + 1)), arrival: arrival)
      })
  }

  private static func exchange(
    _ ways: Int, _ mask: Int, _ arrival: Arrival, _ content: (Int) -> Content
  ) -> Round {
    Round(
      messages: (0..<ways).map {
        Message(from: $0, to: $0 ^ mask, content: content($0), arrival: arrival)
      })
  }

  private static func toAll(
    _ ways: Int, _ arrival: Arrival, _ content: (_ from: Int, _ to: Int) -> Content
  ) -> Round {
    Round(
      messages: (0..<ways).flatMap { from in
        (0..<ways).filter { $0 != from }.map { to in
          Message(from: from, to: to, content: content(from, to), arrival: arrival)
        }
      })
  }
}
