import Differentiation
import Graphs
import Plans
import Testing

@testable import Planning

/// Bytes of float32 by hand: of a parameter the weight, its gradient and the optimizer's state, and what
/// backward work reads.
struct MemoryEstimatesTests {
  private struct Estimated {
    let search: PlacementSearch
    let estimates: MemoryEstimates

    init(optimizer: Optimizer) throws {
      self.init(try denseChain([6, 4, 2], batch: 8, optimizer: optimizer))
    }

    init(_ training: TrainingGraph) {
      let problem = problem(training, on: mesh([2]))
      var costs = problem.costs
      var cache = PlacementCache(problem.facts, reduction: .best)
      search = PlacementSearch(
        [Segment(group: 0, nodes: 0..<training.graph.nodes.count)], axes: problem.options.axes,
        fixed: { _ in [] }, profiles: problem.facts.profiles, costs: &costs, cache: &cache)
      estimates = MemoryEstimates(search, costs, problem.facts)
    }

    /// The bytes of a node under the rule of a name: what a price of one for each byte adds.
    func bytes(_ node: Int, _ rule: String) -> Double? {
      guard let place = search.strategies[node].firstIndex(where: { $0.names == [rule] }) else { return nil }
      let weighted = estimates.weighted(search.network, rate: 1)
      return weighted.variables[node][place] - search.network.variables[node][place]
    }

    /// The bytes that the second node adds to the first for a parameter of both, under rules of these names.
    func added(_ home: String, _ reader: String) -> Double? {
      let edges = estimates.weighted(search.network, rate: 1).edges
      guard edges.count == search.network.edges.count + 1, let edge = edges.last,
        let row = search.strategies[0].firstIndex(where: { $0.names == [home] }),
        let column = search.strategies[1].firstIndex(where: { $0.names == [reader] })
      else { return nil }
      return edge.costs[row * search.strategies[1].count + column]
    }
  }

  // 24 weights, 48 samples' elements; two states for each parameter with Adam, none with plain descent.
  @Test func parametersCountWithGradientsAndStateAndInputsWhereTheyAreSaved() throws {
    let plain = try Estimated(optimizer: .sgd())
    #expect(plain.bytes(0, "batch") == Double(24 * (4 + 4) + 48 / 2 * 4))
    #expect(plain.bytes(0, "input-channel") == Double(24 / 2 * (4 + 4) + 48 / 2 * 4))
    #expect(plain.bytes(0, "output-channel") == Double(24 / 2 * (4 + 4) + 48 * 4))
    let adam = try Estimated(optimizer: .adam())
    #expect(adam.bytes(0, "batch") == Double(24 * (4 + 4 + 2 * 4) + 48 / 2 * 4))
  }

  // 16 weights that both layers read, 32 samples' elements before each. All that belongs to the weights
  // stands with the first layer, where they are updated, Adam's two states among it. The second layer adds
  // half of the weights where it reads them in another layout, and half of a gradient that is not that of the
  // first.
  @Test func aSharedParameterCountsOnce() throws {
    var builder = GraphBuilder(name: "twice")
    let weight = builder.parameter("weight", TensorType(.float32, [4, 4]))
    var y = builder.sample("x", TensorType(.float32, [8, 4]))
    for index in 1...2 { y = try builder.add(.dense(Dense()), [y, weight], name: "layer\(index)")[0] }
    let adam = Estimated(try differentiate(builder.build(outputs: [y]), optimizer: .adam()))
    #expect(adam.bytes(0, "batch") == Double(16 * (4 + 4 + 2 * 4) + 32 / 2 * 4))
    #expect(adam.bytes(1, "batch") == Double(32 / 2 * 4))
    #expect(adam.bytes(1, "output-channel") == Double(32 * 4))
    #expect(adam.added("batch", "batch") == 0)
    #expect(adam.added("output-channel", "output-channel") == 0)
    #expect(adam.added("batch", "output-channel") == Double(16 / 2 * (4 + 4)))
  }

  // Scale and shift are the same 6 numbers, before which 48 samples' elements stand.
  @Test func aParameterThatANodeReadsTwiceCountsOnce() throws {
    var builder = GraphBuilder(name: "repeated")
    let vector = builder.parameter("vector", TensorType(.float32, [6]))
    let x = builder.sample("x", TensorType(.float32, [8, 6]))
    let y = try builder.add(
      .layerNormalization(LayerNormalization(axis: 1)), [x, vector, vector], name: "norm")
    let plain = Estimated(try differentiate(builder.build(outputs: y), optimizer: .sgd()))
    #expect(plain.bytes(0, "batch") == Double(6 * (4 + 4) + 48 / 2 * 4))
  }

  @Test func pricesOfBytesChangeNoEdgeAndBeginAtAHundredthOfTheCost() throws {
    let one = try Estimated(optimizer: .sgd())
    let weighted = one.estimates.weighted(one.search.network, rate: 3)
    #expect(weighted.edges.map(\.costs) == one.search.network.edges.map(\.costs))
    let cost = one.search.network.variables.reduce(0) { $0 + ($1.min() ?? 0) }
    let free = one.estimates.weighted(one.search.network, rate: 0)
    #expect(free.variables == one.search.network.variables)
    // The least bytes of all nodes together, by the difference that a price of one makes.
    let bytes = zip(one.estimates.weighted(one.search.network, rate: 1).variables, free.variables).reduce(0) {
      $0 + (zip($1.0, $1.1).map { $0 - $1 }.min() ?? 0)
    }
    let rate = one.estimates.startingRate(one.search.network)
    #expect(abs(rate * bytes - 0.01 * cost) <= 1e-9 * cost)
  }
}
