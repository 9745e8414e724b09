import Machines
import Plans
import TestMachines
import Testing
import Units

/// The closed forms against textbook formulas and against the rounds themselves.
struct CollectiveClosedFormTests {
  static let topologies: [Topology] = [.ring, .line, .fullyConnected, .switch, .tree]

  static func collective(
    _ operation: CollectiveOperation, _ algorithm: CollectiveAlgorithm, _ parts: CollectiveParts,
    level: Int = 0,
    firstDevice: Int = 0
  ) -> Collective {
    Collective(
      operation: operation, algorithm: algorithm, group: 0, level: level, firstDevice: firstDevice,
      parts: parts)
  }

  // 2(w − 1)(α + S ∕ (w·β)), Patarasuk and Yuan 2009: α = 1 µs, β = 1 GB∕s, S = w MB.
  @Test(arguments: 2...9, [Duplex.half, .full])
  func ringAllReduceTakesTwiceWaysLessOneRounds(ways: Int, duplex: Duplex) {
    let tables = tables(meshMachine([ways], .ring, duplex: duplex))
    let time = tables.collectiveTime(of: Self.collective(.allReduce, .ring, .even(Bytes(1_000_000))))
    let expected = 2 * Double(ways - 1) * (1e-6 + 1e6 / 1e9)
    #expect(abs(time.seconds.value - expected) <= 1e-9 * expected)
  }

  // Full duplex: α + (w − 1) S ∕ (w·β) for each half; half duplex: what a port sends and receives adds up.
  @Test(arguments: 2...9)
  func directAllReduceOverPortsIsTwoRounds(ways: Int) {
    for (duplex, factor) in [(Duplex.full, 1.0), (.half, 2.0)] {
      let tables = tables(meshMachine([ways], .fullyConnected, duplex: duplex))
      let time = tables.collectiveTime(of: Self.collective(.allReduce, .direct, .even(Bytes(1_000_000))))
      let expected = 2 * (1e-6 + factor * Double(ways - 1) * 1e6 / 1e9)
      #expect(abs(time.seconds.value - expected) <= 1e-9 * expected)
    }
  }

  // 2·log₂ w·α + 2 (w − 1)/w · S ∕ β, Thakur et al. 2005, where a message takes α = 2 hops of 1 µs.
  @Test(arguments: [2, 4, 8, 16])
  func halvingAndDoublingOnASwitchTakesLogarithmicRounds(ways: Int) {
    let tables = tables(meshMachine([ways], .switch))
    let time = tables.collectiveTime(
      of: Self.collective(.allReduce, .halvingDoubling, .even(Bytes(1_000_000))))
    let rounds = Double(ways.trailingZeroBitCount)
    let expected = 2 * rounds * 2e-6 + 2 * Double(ways - 1) * 1e6 / 1e9
    #expect(abs(time.seconds.value - expected) <= 1e-9 * expected)
  }

  // The ring's wrap-around message passes all w − 1 wires backwards, beside the others over half duplex.
  @Test func aRingOnALineForwardsOverAllWires() {
    for (duplex, factor) in [(Duplex.full, 1.0), (.half, 2.0)] {
      let tables = tables(meshMachine([5], .line, duplex: duplex))
      let time = tables.collectiveTime(of: Self.collective(.allGather, .ring, .even(Bytes(1_000_000))))
      let expected = 4 * (4e-6 + factor * 1e-3)
      #expect(abs(time.seconds.value - expected) <= 1e-9 * expected)
    }
  }

  // HyPar: data parallelism of A weights over four two-way tree levels moves 2·2^h·A at level h, 30 A in all;
  // links of b ∕ 2^h make it Σ bytes_h ∕ 2^h ∕ (b ∕ 2^h) = 30 A ∕ b.
  @Test func dataParallelismOverAnHTreeMovesThirtyTimesTheWeights() {
    let weights = 1 << 20
    let bandwidth = 0.25e9
    let machine = meshMachine(
      [2, 2, 2, 2], .tree, duplex: .half, bandwidth: (0..<4).map { bandwidth / Double(1 << $0) }, latency: 0)
    let tables = tables(machine)
    var total = 0
    var time = 0.0
    for level in 0..<4 {
      // Levels below have scattered the data already: a lane's data is A ∕ 2^(3 − h).
      let part = weights >> (4 - level)
      var bytes = 0
      for instance in 0..<(1 << level) {
        let collective = Self.collective(
          .allReduce, .direct, .even(Bytes(part)), level: level, firstDevice: instance * (16 >> level))
        bytes += tables.bytesReceived(by: collective).count
        if instance == 0 { time += tables.collectiveTime(of: collective).seconds.value }
      }
      #expect(bytes == 2 * (1 << level) * weights)
      total += bytes
    }
    #expect(total == 30 * weights)
    let expected = 30 * Double(weights) / bandwidth
    #expect(abs(time - expected) <= 1e-9 * expected)
  }

  // The second implementation is the expansion into messages, each laid over its ports.
  @Test(arguments: topologies, [Duplex.half, .full])
  func closedFormsEqualTheRoundsToTheTick(topology: Topology, duplex: Duplex) {
    for ways in Array(2...9) + [16] {
      let machine = meshMachine([2, ways, 2], topology, duplex: duplex, bandwidth: [0.9e9, 1.1e9, 0.7e9])
      let tables = tables(machine)
      for operation in CollectiveOperation.allCases {
        for algorithm in CollectiveAlgorithm.allCases {
          let part = operation == .allToAll ? ways * 12_345 : 98_765
          let collective = Self.collective(
            operation, algorithm, .even(Bytes(part)), level: 1, firstDevice: 2 * ways)
          // Parts given one by one are expanded; equal ones must not change the time.
          let listed = Self.collective(
            operation, algorithm, .byLane([Bytes](repeating: Bytes(part), count: 2 * ways)), level: 1,
            firstDevice: 2 * ways)
          let costs = TaskCosts(
            graph([(.collective(collective), []), (.collective(listed), [])]), tables: tables)
          let closed = tables.collectiveTime(of: collective)
          #expect(closed == costs.durations[0], "\(operation) \(algorithm) over \(ways)")
          #expect(closed == tables.collectiveTime(of: listed), "\(operation) \(algorithm) over \(ways)")
          #expect(closed == costs.durations[1])
          #expect(tables.bytesReceived(by: collective).count == costs.bytesMoved[0])
          #expect(costs.bytesMoved[0] == costs.bytesMoved[1])
        }
      }
    }
  }

  // The closed form of equally many partial sums, and the rounds of unlike ones, given part by part.
  @Test(arguments: topologies, [Duplex.half, .full])
  func partialSumsTakeTheirRoundsToTheTick(topology: Topology, duplex: Duplex) {
    for ways in [2, 3, 4, 8] {
      let machine = meshMachine([2, ways, 2], topology, duplex: duplex, bandwidth: [0.9e9, 1.1e9, 0.7e9])
      let tables = tables(machine)
      for operation in [CollectiveOperation.reduceScatter, .allGather, .allReduce] {
        for addends in [[Int](repeating: 3, count: ways), (0..<ways).map { 1 + $0 % 3 }] {
          func collective(_ parts: CollectiveParts) -> Collective {
            Collective(
              operation: operation, algorithm: .fixedTree, group: 0, level: 1, firstDevice: 2 * ways,
              parts: parts, addends: addends)
          }
          let even = collective(.even(Bytes(98_765)))
          let listed = collective(.byLane([Bytes](repeating: Bytes(98_765), count: 2 * ways)))
          let costs = TaskCosts(graph([(.collective(even), []), (.collective(listed), [])]), tables: tables)
          let sums = addends.reduce(0, +)
          // Each of two lanes: every part comes from all others as often as they have sums, and once as a
          // whole.
          let reduced = operation == .allGather ? 0 : (0..<ways).reduce(0) { $0 + sums - addends[$1] }
          let gathered = operation == .reduceScatter ? 0 : ways * (ways - 1)
          #expect(tables.bytesReceived(by: even).count == 2 * 98_765 * (reduced + gathered))
          for (task, one) in [even, listed].enumerated() {
            #expect(tables.collectiveTime(of: one) == costs.durations[task], "\(operation) \(addends)")
            #expect(tables.bytesReceived(by: one).count == costs.bytesMoved[task])
          }
          #expect(costs.durations[0] == costs.durations[1])
        }
      }
    }
  }

  @Test func listedLinksAreLoadedByEveryMessageOverThem() {
    // Four drives, direct all-gather of 1 MB parts: each drive sends and receives 3 MB over 1 GB∕s; two links
    // of 1 µs.
    let full = tables(switchedMachine(drives: 4))
    let gather = Self.collective(.allGather, .direct, .even(Bytes(1_000_000)))
    #expect(full.collectiveTime(of: gather) == SimulatedTime(3_000_000_000 + 2_000_000))
    let half = tables(switchedMachine(drives: 4, duplex: .half))
    #expect(half.collectiveTime(of: gather) == SimulatedTime(6_000_000_000 + 2_000_000))
    for tables in [full, half] {
      for operation in CollectiveOperation.allCases {
        for algorithm in CollectiveAlgorithm.allCases {
          let collective = Self.collective(operation, algorithm, .even(Bytes(4_000)))
          let costs = TaskCosts(graph([(.collective(collective), [])]), tables: tables)
          #expect(tables.collectiveTime(of: collective) == costs.durations[0])
          #expect(tables.bytesReceived(by: collective).count == costs.bytesMoved[0])
        }
      }
    }
  }

  @Test func nothingToMoveTakesNoTime() {
    let tables = tables(meshMachine([4], .ring))
    for operation in CollectiveOperation.allCases {
      let collective = Self.collective(operation, .ring, .even(.zero))
      #expect(tables.collectiveTime(of: collective) == .zero)
      #expect(TaskCosts(graph([(.collective(collective), [])]), tables: tables).durations[0] == .zero)
    }
  }
}
