import Machines
import Plans
import TestMachines
import TestSupport
import Testing
import Units

/// The messages of each algorithm, checked by moving what they stand for.
struct CollectiveRoundTests {
  private static func received(_ rounds: [CollectiveRound], ways: Int) -> [Int] {
    var received = [Int](repeating: 0, count: ways)
    for round in rounds {
      for message in round.messages { received[message.to] += message.bytes * round.repetitions }
    }
    return received
  }

  // For even parts p: (w − 1) p; an all-reduce twice; an all-to-all p (w − 1) ∕ w.
  @Test(arguments: 2...9)
  func evenPartsGiveEveryCoordinateTheSameBytes(ways: Int) {
    let part = ways * 100
    for algorithm in CollectiveAlgorithm.allCases {
      for (operation, expected) in [
        (CollectiveOperation.reduceScatter, (ways - 1) * part), (.allGather, (ways - 1) * part),
        (.allReduce, 2 * (ways - 1) * part), (.allToAll, part / ways * (ways - 1)),
      ] {
        let rounds = algorithm.rounds(operation, sizes: [Int](repeating: part, count: ways))
        #expect(
          Self.received(rounds, ways: ways) == [Int](repeating: expected, count: ways),
          "\(algorithm) \(operation)")
      }
    }
  }

  // An all-gather brings each what it does not own, whatever the algorithm; direct
  // messages reduce-scatter (w − 1) times the own part to each; other ways give other shares of the same sum.
  @Test(arguments: 2...9)
  func unevenPartsAddUp(ways: Int) {
    var random = SplitMix64(seed: UInt64(ways))
    let sizes = (0..<ways).map { _ in Int.random(in: 0...1_000, using: &random) }
    let total = sizes.reduce(0, +)
    for algorithm in CollectiveAlgorithm.allCases {
      let gathered = Self.received(algorithm.rounds(.allGather, sizes: sizes), ways: ways)
      #expect(gathered == sizes.map { total - $0 }, "\(algorithm)")
      let scattered = Self.received(algorithm.rounds(.reduceScatter, sizes: sizes), ways: ways)
      #expect(scattered.reduce(0, +) == (ways - 1) * total, "\(algorithm)")
      if algorithm == .direct { #expect(scattered == sizes.map { (ways - 1) * $0 }) }
      let reduced = Self.received(algorithm.rounds(.allReduce, sizes: sizes), ways: ways)
      #expect(zip(scattered, gathered).map { $0 + $1 } == reduced, "\(algorithm)")
    }
  }

  // An array of 6 rows and 12 columns of 4 bytes, rows cut 3, 2, 1 and then columns 2, 4, 6: row part ×
  // column part.
  @Test(arguments: CollectiveAlgorithm.allCases)
  func anAllToAllMovesEveryBlockOnce(algorithm: CollectiveAlgorithm) {
    let (rows, columns) = ([3, 2, 1], [2, 4, 6])
    let rounds = algorithm.rounds(
      .allToAll, sizes: rows.map { $0 * 12 * 4 }, results: columns.map { $0 * 6 * 4 })
    var moved = [[Int]](repeating: [0, 0, 0], count: 3)
    for message in rounds.flatMap(\.messages) { moved[message.from][message.to] += message.bytes }
    for from in 0..<3 {
      for to in 0..<3 { #expect(moved[from][to] == (from == to ? 0 : rows[from] * columns[to] * 4)) }
    }
  }

  // The pieces of a part that shares do not cut into whole bytes still add up to it.
  @Test(arguments: 2...9)
  func piecesOfAnAllToAllAddUpToTheirPart(ways: Int) {
    var random = SplitMix64(seed: UInt64(ways) + 100)
    let sizes = (0..<ways).map { _ in Int.random(in: 1...1_000, using: &random) }
    let total = sizes.reduce(0, +)
    let rounds = CollectiveAlgorithm.direct.rounds(.allToAll, sizes: sizes)
    for from in 0..<ways {
      let sent = rounds.flatMap(\.messages).filter { $0.from == from }.reduce(0) { $0 + $1.bytes }
      let kept = sizes[from] - sent
      // It keeps its own share of its part, to within the rounding.
      #expect(abs(Double(kept) - Double(sizes[from] * sizes[from]) / Double(total)) < 1)
    }
  }

  // Who holds which addend: after a reduce-scatter a coordinate's part holds every addend exactly once.
  @Test(arguments: [2, 3, 4, 5, 7, 8])
  func aRingReduceScatterEndsAtTheOwner(ways: Int) {
    // Distinct powers of two as sizes tell which part a message carries.
    let sizes = (0..<ways).map { 1 << $0 }
    var addends = (0..<ways).map { owner in (0..<ways).map { _ in Set([owner]) } }
    for round in CollectiveAlgorithm.ring.rounds(.reduceScatter, sizes: sizes) {
      let before = addends
      for message in round.messages {
        let part = message.bytes.trailingZeroBitCount
        #expect(addends[message.to][part].isDisjoint(with: before[message.from][part]))
        addends[message.to][part].formUnion(before[message.from][part])
      }
    }
    for owner in 0..<ways { #expect(addends[owner][owner].count == ways) }
  }

  @Test(arguments: [2, 3, 4, 5, 7, 8])
  func aRingAllGatherPassesOnWhatItHas(ways: Int) {
    let sizes = (0..<ways).map { 1 << $0 }
    var held = (0..<ways).map { Set([$0]) }
    for round in CollectiveAlgorithm.ring.rounds(.allGather, sizes: sizes) {
      let before = held
      for message in round.messages {
        let part = message.bytes.trailingZeroBitCount
        #expect(before[message.from].contains(part))
        held[message.to].insert(part)
      }
    }
    #expect(held.allSatisfy { $0.count == ways })
  }

  @Test func halvingNeedsAPowerOfTwo() {
    #expect(CollectiveAlgorithm.halvingDoubling.resolved(ways: 6) == .ring)
    #expect(CollectiveAlgorithm.halvingDoubling.resolved(ways: 8) == .halvingDoubling)
    let sizes = [Int](repeating: 60, count: 6)
    #expect(
      CollectiveAlgorithm.halvingDoubling.rounds(.allReduce, sizes: sizes)
        == CollectiveAlgorithm.ring.rounds(.allReduce, sizes: sizes))
  }

  @Test func theStandardAlgorithmSuitsTheTopology() {
    func standard(_ topology: Topology, _ ways: Int) -> CollectiveAlgorithm {
      CollectiveAlgorithm.standard(for: meshMachine([ways], topology).groups[0].levels[0])
    }
    #expect(standard(.ring, 4) == .ring)
    #expect(standard(.line, 4) == .ring)
    #expect(standard(.fullyConnected, 4) == .direct)
    #expect(standard(.tree, 2) == .direct)
    #expect(standard(.switch, 8) == .halvingDoubling)
    #expect(standard(.switch, 6) == .ring)
    #expect(CollectiveAlgorithm.standard(for: switchedMachine(drives: 3).groups[0].levels[0]) == .direct)
  }

  @Test func partsTakeTheirShortestForm() {
    func bytes(_ counts: [Int]) -> [Bytes] { counts.map { Bytes($0) } }
    #expect(CollectiveParts(bytes([4, 4, 4, 4]), ways: 2) == .even(Bytes(4)))
    #expect(CollectiveParts(bytes([4, 5, 4, 5]), ways: 2) == .byCoordinate(bytes([4, 5])))
    #expect(CollectiveParts(bytes([4, 5, 5, 5]), ways: 2) == .byLane(bytes([4, 5, 5, 5])))
    #expect(CollectiveParts.dividing(10, of: 4, over: 4) == .byCoordinate(bytes([12, 12, 8, 8])))
    #expect(CollectiveParts.dividing(12, of: 4, over: 4) == .even(Bytes(12)))
    #expect(CollectiveParts.dividing(10, of: 4, over: 4).total(lane: 1, ways: 4) == Bytes(40))
  }
}
