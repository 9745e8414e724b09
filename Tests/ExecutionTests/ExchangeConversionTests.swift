import Execution
import Graphs
import Machines
import Plans
import TestSupport
import Testing
import Units

/// Every conversion on real buffers of several ranks, against slices and sums of the whole tensor.
///
/// Values are small integers, so that sums in float64 are exact in any order.
struct ExchangeConversionTests {
  private struct Case {
    let ways: [Int]
    let weights: [[Int]]
    let shape: [Int]
  }

  /// Even, indivisible and uneven: 1–3 levels of 2–4 ways.
  private static let cases: [Case] = [
    Case(ways: [2], weights: [[1, 1]], shape: [4, 6]),
    Case(ways: [3], weights: [[1, 1, 1]], shape: [4, 5]),
    Case(ways: [3], weights: [[2, 0, 3]], shape: [5, 7]),
    Case(ways: [4], weights: [[1, 1, 1, 1]], shape: [7, 3, 5]),
    Case(ways: [2, 2], weights: [[1, 1], [1, 1]], shape: [8, 4]),
    Case(ways: [2, 2], weights: [[1, 1], [1, 1]], shape: [5, 7]),
    Case(ways: [2, 3], weights: [[1, 1], [1, 1, 1]], shape: [6, 12]),
    Case(ways: [3, 2], weights: [[1, 1, 1], [1, 1]], shape: [7, 5, 3]),
    Case(ways: [2, 2], weights: [[3, 1], [1, 2]], shape: [6, 5]),
    Case(ways: [4, 2], weights: [[1, 2, 3, 1], [1, 1]], shape: [9, 8]),
    Case(ways: [2, 2, 2], weights: [[1, 1], [1, 1], [1, 1]], shape: [8, 16]),
    Case(ways: [2, 2, 2], weights: [[1, 1], [1, 1], [1, 1]], shape: [5, 3]),
    Case(ways: [2, 3, 2], weights: [[2, 1], [1, 1, 1], [1, 3]], shape: [7, 5]),
  ]

  /// What a device brings in of an element: its own addend on the partial levels.
  private static func value(_ element: Int, _ layout: Layout, _ cut: Cut, _ device: Int) -> Double {
    var addend = 0
    for level in 0..<cut.levelCount where layout[level] == .partial {
      addend = addend * 5 + cut.coordinate(of: device, at: level) + 1
    }
    return Double((element * 7 + addend * 13 + element * addend) % 97)
  }

  /// What a device must end with: the sum over the levels that were reduced.
  private static func expected(_ shape: [Int], _ trial: ExchangeTrial, _ cut: Cut, _ device: Int) -> [Double]
  {
    let reduced = (0..<cut.levelCount).filter { trial.from[$0] == .partial && trial.to[$0] != .partial }
    let others = (0..<cut.deviceCount).filter { other in
      (0..<cut.levelCount).allSatisfy {
        reduced.contains($0) || cut.coordinate(of: other, at: $0) == cut.coordinate(of: device, at: $0)
      }
    }
    return exchangeElements(shape, trial.to, cut, device).map { element in
      others.reduce(0) { $0 + value(element, trial.from, cut, $1) }
    }
  }

  /// Runs a conversion on one rank and says what it ends with, or what went wrong.
  private static func run(
    _ prepared: PreparedConversion, _ trial: ExchangeTrial, source: [Double],
    over transport: ExchangeTransport
  ) -> (values: [Double], fault: String?) {
    var values = source
    var fault: String?
    let ranks = Array(0..<transport.rankCount)
    for (index, program) in (prepared.slice.map { [$0] } ?? prepared.steps).enumerated() {
      if program.beforeCount != values.count { return ([], "\(program.beforeCount) before, \(values.count)") }
      let use: SourceUse = index == 0 && prepared.slice == nil ? trial.use : .consumed
      let scratch = ExchangeBuffer(byteCount: program.scratchBytes)
      var (before, after) = (ExchangeBuffer(values), ExchangeBuffer(byteCount: 8 * program.afterCount))
      var (source, result) = (before.start, after.start)
      if trial.isShared, let offset = program.resultOffsetInSource {
        (after, result) = (before, before.start + 8 * offset)
      } else if trial.isShared, let offset = program.sourceOffsetInResult {
        (before, source) = (after, after.start + 8 * offset)
        for (place, value) in values.enumerated() {
          source.storeBytes(of: value, toByteOffset: 8 * place, as: Double.self)
        }
      }
      // Addresses alone keep no buffer alive.
      defer { withExtendedLifetime((before, after, scratch)) {} }
      do {
        try program.run(before: source, after: result, scratch: scratch.start, ranks: ranks, over: transport)
      } catch {
        return ([], "\(error)")
      }
      if !before.isIntact || !after.isIntact || !scratch.isIntact { fault = "written outside" }
      if use == .kept, before !== after, before.doubles(values.count) != values { fault = "not kept" }
      values = (0..<program.afterCount).map { result.load(fromByteOffset: 8 * $0, as: Double.self) }
    }
    return (values, fault)
  }

  @Test(arguments: cases.indices)
  func everyConversionGivesSlicesAndSumsOfTheWhole(_ index: Int) throws {
    let one = Self.cases[index]
    let cut = Cut(group: exchangeGroup(one.ways), shares: Shares(one.weights))
    let seed = UInt64(index) + 1
    var random = SplitMix64(seed: seed)
    let trials = ExchangeTrial.drawn(one.shape, over: cut, count: 60, &random)
    let network = ExchangeNetwork(cut.deviceCount)
    let results = ExchangeResults<(values: [Double], fault: String?)>(
      cut.deviceCount, trials.count, ([], "not run"))
    try network.run { transport in
      for (number, trial) in trials.enumerated() {
        let device = transport.rank
        let source = exchangeElements(one.shape, trial.from, cut, device).map {
          Self.value($0, trial.from, cut, device)
        }
        results.set(
          device, number, Self.run(trial.programs[device], trial, source: source, over: transport))
      }
    }
    var stated = [[Int]](repeating: [Int](repeating: 0, count: cut.deviceCount), count: cut.deviceCount)
    for (number, trial) in trials.enumerated() {
      let how = "\(trial.algorithm) \(trial.use) \(trial.isShared)"
      let place: Comment =
        "seed \(seed), \(one.ways) \(one.weights) \(one.shape): \(trial.from) to \(trial.to), \(how)"
      for device in 0..<cut.deviceCount {
        let (values, fault) = results.get(device, number)
        #expect(fault == nil, place)
        let expected = Self.expected(one.shape, trial, cut, device)
        // Without steps and slices nothing changes.
        #expect(values == expected, place)
        for program in trial.programs[device].steps {
          for (sender, bytes) in program.bytesReceived { stated[device][sender] += bytes }
        }
      }
      Self.expectBytes(trial, cut, place)
    }
    #expect(network.received == stated, "seed \(seed)")
  }

  /// The bytes of every step are those of the priced collectives, between each two devices, and those that
  /// the step states in elements.
  private static func expectBytes(_ trial: ExchangeTrial, _ cut: Cut, _ place: Comment) {
    guard let conversion = trial.programs.first?.conversion else { return }
    for (index, step) in conversion.steps.enumerated() {
      let ways = cut.ways[step.level]
      let lanes = cut.strides[step.level]
      var expected = [[Int]](repeating: [Int](repeating: 0, count: cut.deviceCount), count: cut.deviceCount)
      let collectives = step.collectives(
        over: cut, group: 0,
        algorithms: [CollectiveAlgorithm](repeating: trial.algorithm, count: cut.levelCount), elementSize: 8)
      for collective in collectives {
        for lane in 0..<lanes {
          let rounds = collective.algorithm.rounds(
            collective.operation, sizes: collective.parts.sizes(lane: lane, ways: ways),
            results: collective.resultParts?.sizes(lane: lane, ways: ways),
            pieces: collective.pieces?[lane].map(\.count))
          for round in rounds {
            for message in round.messages {
              let to = collective.firstDevice + message.to * lanes + lane
              let from = collective.firstDevice + message.from * lanes + lane
              expected[to][from] += message.bytes * round.repetitions
            }
          }
        }
      }
      var received = [[Int]](repeating: [Int](repeating: 0, count: cut.deviceCount), count: cut.deviceCount)
      for device in 0..<cut.deviceCount {
        for (sender, bytes) in trial.programs[device].steps[index].bytesReceived {
          received[device][sender] += bytes
        }
      }
      #expect(received == expected, "\(place) \(step)")
      let stated = (0..<cut.deviceCount).map { 8 * step.received(by: $0, ways: ways) }
      let totals = received.map { $0.reduce(0, +) }
      // Uneven addends that pass through others give single devices other shares of the same sum.
      let isForwarded = step.operation == .reduceScatter && trial.algorithm != .direct
      #expect(
        isForwarded ? totals.reduce(0, +) == stated.reduce(0, +) : totals == stated, "\(place) \(step)")
    }
  }
}
