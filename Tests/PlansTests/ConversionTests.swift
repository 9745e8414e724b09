import Graphs
import Machines
import Plans
import TestMachines
import TestSupport
import Testing
import Units

/// Every expectation comes from devices that really hold sets of elements and exchange them
/// (``ElementExchange``), or from the formulas of the sharding algebra: n (w − 1) ∕ w and n (w − 1).
struct ConversionTests {
  private struct Case {
    let ways: [Int]
    let weights: [[Int]]
    let shape: [Int]
  }

  /// Even, even over some levels only, indivisible and uneven: 1–3 levels of 2 and 3 ways.
  private static let cases: [Case] = [
    Case(ways: [2], weights: [[1, 1]], shape: [4, 6]),
    Case(ways: [3], weights: [[1, 1, 1]], shape: [6, 3]),
    Case(ways: [3], weights: [[1, 1, 1]], shape: [4, 5]),
    Case(ways: [2], weights: [[3, 1]], shape: [4, 5]),
    Case(ways: [3], weights: [[2, 1, 3]], shape: [5, 7]),
    Case(ways: [2, 2], weights: [[1, 1], [1, 1]], shape: [8, 4]),
    Case(ways: [2, 3], weights: [[1, 1], [1, 1, 1]], shape: [6, 12]),
    Case(ways: [2, 2], weights: [[1, 1], [1, 1]], shape: [5, 7]),
    Case(ways: [2, 2], weights: [[1, 1], [1, 1]], shape: [4, 1]),
    Case(ways: [3, 2], weights: [[1, 1, 1], [1, 1]], shape: [7, 5]),
    Case(ways: [2, 2], weights: [[3, 1], [1, 2]], shape: [6, 5]),
    Case(ways: [2, 3], weights: [[1, 2], [2, 1, 1]], shape: [7, 6]),
    Case(ways: [2, 2, 2], weights: [[1, 1], [1, 1], [1, 1]], shape: [8, 16]),
    Case(ways: [2, 2, 2], weights: [[1, 1], [1, 1], [1, 1]], shape: [5, 3]),
    Case(ways: [2, 2, 2], weights: [[1, 1], [1, 1], [1, 1]], shape: [4, 6]),
    Case(ways: [2, 3], weights: [[1, 1], [1, 1, 1]], shape: [2, 9]),
    Case(ways: [2, 3, 2], weights: [[2, 1], [1, 1, 1], [1, 3]], shape: [7, 5]),
  ]

  private static func group(_ ways: [Int]) -> DeviceGroup { meshMachine(ways, .ring).groups[0] }

  /// All layouts of a matrix over so many levels.
  private static func layouts(_ levels: Int) -> [Layout] {
    let states: [SplitState] = [.replicated, .partial, .sharded(0), .sharded(1)]
    var lists: [[SplitState]] = [[]]
    for _ in 0..<levels { lists = lists.flatMap { list in states.map { list + [$0] } } }
    return lists.map { Layout($0) }
  }

  @Test(arguments: cases.indices)
  func blockByBlockExchangeEndsInTheTargetAndReceivesWhatTheStepsSay(_ index: Int) throws {
    let one = Self.cases[index]
    let group = Self.group(one.ways)
    let cut = Cut(group: group, shares: Shares(one.weights))
    var conversions = 0
    for from in Self.layouts(one.ways.count) {
      for to in Self.layouts(one.ways.count) {
        let isImpossible = (0..<one.ways.count).contains { to[$0] == .partial && from[$0] != .partial }
        let steps = conversionSteps(one.shape, from: from, to: to, over: cut)
        #expect((steps == nil) == isImpossible, "\(from) to \(to)")
        guard let steps else { continue }
        var exchange = ElementExchange(
          shape: one.shape, cut: cut, from: from, to: to)
        exchange.slice()
        for step in steps {
          let received = exchange.apply(step.operation, level: step.level)
          let stated = group.devices.indices.map { step.received(by: $0, ways: one.ways[step.level]) }
          let place: Comment = "\(one.ways) \(one.weights) \(one.shape): \(from) to \(to), \(step)"
          #expect(received == stated, place)
          expectCollectives(of: step, cut, receive: received, place)
          if received != stated { return }
        }
        #expect(exchange.isTarget(), "\(one.ways) \(one.weights) \(one.shape): \(from) to \(to)")
        conversions += 1
      }
    }
    // Of the 4 · 4 states of a level 13 pairs can be converted: R, S0 and S1 never become P.
    #expect(conversions == one.ways.reduce(1) { count, _ in count * 13 })
  }

  /// Axes that divide over any, some or none of the levels.
  @Test(arguments: 0..<120) func randomConversionsReceiveWhatTheStepsSay(_ seed: Int) throws {
    var random = SplitMix64(seed: UInt64(seed))
    let ways = (0..<Int.random(in: 1...3, using: &random)).map { _ in Int.random(in: 2...3, using: &random) }
    let group = Self.group(ways)
    let isEven = Int.random(in: 0..<4, using: &random) > 0
    let shares = Shares(
      ways.map { count in (0..<count).map { _ in isEven ? 1 : Int.random(in: 1...3, using: &random) } })
    let cut = Cut(group: group, shares: shares)
    let shape = [Int.random(in: 1...24, using: &random), Int.random(in: 1...24, using: &random)]
    let states: [SplitState] = [.replicated, .partial, .sharded(0), .sharded(1)]
    func layout(_ count: Int) -> Layout {
      Layout(ways.map { _ in states[Int.random(in: 0..<count, using: &random) % 4] })
    }
    let from = layout(4)
    let to = Layout(
      from.states.map { state in
        let next = states[Int.random(in: 0..<4, using: &random)]
        return next == .partial && state != .partial ? state : next
      })
    let steps = try #require(conversionSteps(shape, from: from, to: to, over: cut))
    var exchange = ElementExchange(shape: shape, cut: cut, from: from, to: to)
    exchange.slice()
    let place: Comment = "seed \(seed): \(ways) \(shares.weights) \(shape): \(from) to \(to)"
    for step in steps {
      let received = exchange.apply(step.operation, level: step.level)
      #expect(received == group.devices.indices.map { step.received(by: $0, ways: ways[step.level]) }, place)
    }
    #expect(exchange.isTarget(), place)
  }

  /// The bytes of the collectives are those of the step.
  private func expectCollectives(
    of step: ConversionStep, _ cut: Cut, receive elements: [Int], _ place: Comment
  ) {
    let machine = meshMachine(cut.ways, .ring)
    let tables = tables(machine)
    let algorithms = cut.group.levels.map { CollectiveAlgorithm.standard(for: $0) }
    let collectives = step.collectives(over: cut, group: 0, algorithms: algorithms, elementSize: 4)
    let bytes = collectives.reduce(0) { $0 + tables.bytesReceived(by: $1).count }
    let expected = 4 * elements.reduce(0, +)
    #expect(bytes == expected, place)
  }

  @Test func evenStepsReceiveTheFormulasOfTheAlgebra() throws {
    // n(w−1)/w of what is held before a reduce-scatter or an all-to-all, n(w−1) before an all-gather.
    for ways in [2, 3] {
      let cut = Cut(group: Self.group([ways]), shares: Shares([[Int](repeating: 1, count: ways)]))
      let shape = [6, 12]
      let whole = 72
      let part = whole / ways
      func received(_ from: SplitState, _ to: SplitState) -> [Int]? {
        conversionSteps(shape, from: Layout([from]), to: Layout([to]), over: cut)?.map {
          $0.received(by: 0, ways: ways)
        }
      }
      #expect(received(.replicated, .sharded(0)) == [])
      #expect(received(.partial, .sharded(1)) == [whole * (ways - 1) / ways])
      #expect(received(.sharded(0), .sharded(1)) == [part * (ways - 1) / ways])
      #expect(received(.sharded(0), .replicated) == [part * (ways - 1)])
      #expect(received(.partial, .replicated) == [part * (ways - 1), part * (ways - 1)])
      #expect(received(.replicated, .partial) == nil)
    }
  }

  @Test func dataParallelismOverFourTwoWayLevelsMovesThirtyTimesTheWeights() throws {
    // HyPar: level h moves 2 · 2^h · A, 30 A in all.
    let cut = Cut(group: Self.group([2, 2, 2, 2]), shares: Shares([[Int]](repeating: [1, 1], count: 4)))
    let weights = 16 * 5
    let steps = try #require(
      conversionSteps(
        [16, 5], from: Layout([SplitState](repeating: .partial, count: 4)),
        to: .replicated(levelCount: 4), over: cut))
    var moved = [0, 0, 0, 0]
    for step in steps {
      moved[step.level] += (0..<16).reduce(0) { $0 + step.received(by: $1, ways: 2) }
    }
    #expect(moved == (0..<4).map { 2 * (1 << $0) * weights })
    #expect(moved.reduce(0, +) == 30 * weights)
  }

  @Test func reductionsGoFromTheLowestLevelAndGathersFromTheHighest() throws {
    // The order that the sharding algebra states.
    let cut = Cut(group: Self.group([2, 3, 2]), shares: Shares([[1, 1], [1, 1, 1], [1, 1]]))
    let steps = try #require(
      conversionSteps(
        [12, 12], from: Layout([.partial, .sharded(0), .partial]),
        to: Layout([.replicated, .sharded(1), .sharded(0)]), over: cut))
    #expect(steps.map(\.operation) == [.reduceScatter, .reduceScatter, .allToAll, .allGather])
    #expect(steps.map(\.level) == [2, 0, 1, 0])
  }
}
