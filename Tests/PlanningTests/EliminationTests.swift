import TestSupport
import Testing

@testable import Planning

/// Expectations come from brute force over all assignments.
struct EliminationTests {
  @Test func minimumAndOrderEqualBruteForceOnRandomNetworks() {
    for seed in UInt64(1)...400 {
      var networks = RandomNetworks(seed: seed)
      let network = networks.network()
      let costs = allCosts(of: network)
      guard let elimination = Elimination(network) else {
        Issue.record("seed \(seed): a small table is refused")
        continue
      }
      let least = costs.min() ?? .infinity
      #expect(elimination.minimum == least, "seed \(seed)")
      if least < .infinity { #expect(network.cost(of: elimination.best()) == least, "seed \(seed)") }

      var enumeration = Enumeration(elimination, variableCount: network.variables.count)
      var found: [Double] = []
      var seen: Set<[Int]> = []
      while let next = enumeration.next() {
        #expect(network.cost(of: next.values) == next.cost, "seed \(seed)")
        #expect(seen.insert(next.values).inserted, "seed \(seed): \(next.values) twice")
        found.append(next.cost)
      }
      #expect(!enumeration.isTruncated)
      #expect(found == costs.filter { $0 < .infinity }.sorted(), "seed \(seed)")
    }
  }

  @Test func ofEqualChainsTheLastVariableTakesItsFirstValueThenTheOneBefore() {
    // The tie rule of the searches: the axis named first, for the last layer and then for each predecessor.
    // Between (0, 1), (1, 0) at cost 1 and the rest at cost 2 the last variable takes 0.
    var network = CostNetwork()
    let first = network.addVariable([0, 0])
    let last = network.addVariable([0, 0])
    network.addEdge(from: first, to: last, costs: [2, 1, 1, 2])
    #expect(Elimination(network)?.best() == [1, 0])
    #expect(Elimination(CostNetwork())?.minimum == 0)
  }

  @Test func aTableThatWouldBeTooLargeIsRefused() {
    // Every pair of ten variables with 60 values: whichever goes first leaves 60^9 entries, more than the
    // limit.
    var network = CostNetwork()
    for _ in 0..<10 { _ = network.addVariable([Double](repeating: 0, count: 60)) }
    for from in 0..<10 {
      for to in 0..<from {
        network.addEdge(from: from, to: to, costs: [Double](repeating: 1, count: 3600))
      }
    }
    #expect(Elimination(network) == nil)
  }

  @Test func enumerationSaysWhenItLeftSomethingOut() {
    var network = CostNetwork()
    for _ in 0..<8 { _ = network.addVariable([0, 1, 2]) }
    guard let elimination = Elimination(network) else {
      Issue.record("no table is large")
      return
    }
    var enumeration = Enumeration(elimination, variableCount: 8, limit: 3)
    while enumeration.next() != nil {}
    #expect(enumeration.isTruncated)
  }

  private func allCosts(of network: CostNetwork) -> [Double] {
    var assignments: [[Int]] = [[]]
    for variable in network.variables {
      assignments = assignments.flatMap { head in variable.indices.map { head + [$0] } }
    }
    return assignments.map { network.cost(of: $0) }
  }
}

/// Random networks of up to six variables: chains, cycles, several edges between two variables, separate
/// parts and complete graphs, which are not series-parallel.
struct RandomNetworks {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  mutating func network() -> CostNetwork {
    var network = CostNetwork()
    let count = Int.random(in: 1...6, using: &random)
    for _ in 0..<count {
      let values = Int.random(in: 1...4, using: &random)
      _ = network.addVariable((0..<values).map { _ in cost() })
    }
    let density = Int.random(in: 0...2, using: &random)
    for from in 0..<count {
      for to in 0..<count where from != to {
        let isNext = to == from + 1
        guard Int.random(in: 0...9, using: &random) < (isNext ? 8 : 2 * density) else { continue }
        let size = network.variables[from].count * network.variables[to].count
        network.addEdge(from: from, to: to, costs: (0..<size).map { _ in cost() })
      }
    }
    return network
  }

  /// Small whole numbers, so that there are ties, and now and then something forbidden.
  private mutating func cost() -> Double {
    Int.random(in: 0...11, using: &random) == 0 ? .infinity : Double(Int.random(in: 0...20, using: &random))
  }
}
