import Plans
import TestSupport
import Testing

/// The schedules against the rounds that are priced, and by moving what the messages carry.
struct CollectiveScheduleTests {
  /// One message as its sender, receiver and bytes.
  private struct Sent: Hashable {
    let from: Int
    let to: Int
    let bytes: Int
  }

  private static func sent(_ schedule: CollectiveSchedule, sizes: [Int], piece: (Int, Int) -> Int)
    -> [[Sent]]
  {
    schedule.rounds.map { round in
      round.messages.map { message in
        switch message.content {
        case .parts(let parts):
          Sent(from: message.from, to: message.to, bytes: sizes[parts].reduce(0, +))
        case .piece: Sent(from: message.from, to: message.to, bytes: piece(message.from, message.to))
        }
      }.filter { $0.bytes > 0 }
    }
  }

  private static func counted(_ rounds: [CollectiveRound]) -> [[Sent]] {
    rounds.flatMap { round in
      [[Sent]](
        repeating: round.messages.map { Sent(from: $0.from, to: $0.to, bytes: $0.bytes) },
        count: round.repetitions)
    }
  }

  // The second implementation is `rounds(_:sizes:results:)`, which prices and simulations use. Pieces come
  // from an array of rows and columns that are cut into whole steps: row part × column part.
  @Test(arguments: 1...9)
  func messagesCarryTheBytesThatAreCounted(ways: Int) {
    var random = SplitMix64(seed: UInt64(ways) + 7)
    for _ in 0..<20 {
      let isEven = Bool.random(using: &random)
      let rows = (0..<ways).map { _ in isEven ? 5 : Int.random(in: 0...9, using: &random) }
      let columns = (0..<ways).map { _ in isEven ? 3 : Int.random(in: 0...9, using: &random) }
      let (height, width) = (rows.reduce(0, +), columns.reduce(0, +))
      for algorithm in CollectiveAlgorithm.allCases {
        for operation in CollectiveOperation.allCases {
          let schedule = CollectiveSchedule(operation, algorithm, ways: ways)
          let sizes = operation == .allToAll ? rows.map { $0 * width } : rows
          let counted = Self.counted(
            algorithm.rounds(
              operation, sizes: sizes,
              results: operation == .allToAll ? columns.map { $0 * height } : nil))
          let sent = Self.sent(schedule, sizes: sizes) { rows[$0] * columns[$1] }
          #expect(sent == counted, "\(algorithm) \(operation) \(rows) \(columns)")
        }
      }
    }
  }

  // Every coordinate begins with the addend 2^i of every part: a part that holds 2^w − 1 has each once.
  @Test(arguments: 2...9)
  func anAllReduceLeavesEveryAddendOnceInEveryPart(ways: Int) {
    for algorithm in CollectiveAlgorithm.allCases {
      let schedule = CollectiveSchedule(.allReduce, algorithm, ways: ways)
      var held = (0..<ways).map { [Int](repeating: 1 << $0, count: ways) }
      for round in schedule.rounds {
        let before = held
        for message in round.messages {
          guard case .parts(let parts) = message.content else {
            Issue.record("an all-reduce has no pieces")
            return
          }
          for part in parts {
            let arriving = before[message.from][part]
            switch message.arrival {
            case .add: held[message.to][part] += arriving
            case .replace: held[message.to][part] = arriving
            }
          }
        }
      }
      #expect(held.allSatisfy { $0.allSatisfy { $0 == 1 << ways - 1 } }, "\(algorithm): \(held)")
    }
  }
}
