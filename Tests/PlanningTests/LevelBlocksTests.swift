import Differentiation
import Graphs
import Machines
import Plans
import Testing

@testable import Planning

/// Up to which number of levels every level is free: six on chains of layer tables, four on networks that
/// branch (SHARDING, section 4).
struct LevelBlocksTests {
  private static func table(layers: Int) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "table")
    var y = builder.sample("x", TensorType(.float32, [1024, 1024]))
    for layer in 0..<layers {
      y = try builder.tabulated(
        y,
        Tabulated(
          .dense, inputElements: 1024, outputElements: 1024, weightElements: 1 << 20,
          forwardMultiplyAccumulates: 1e6, errorMultiplyAccumulates: 1e6,
          weightGradientMultiplyAccumulates: 1e6), name: "layer\(layer)")
    }
    let loss = try builder.tabulatedLoss(y)
    return try differentiate(builder.build(outputs: [loss]))
  }

  private static func branching() throws -> TrainingGraph {
    var builder = GraphBuilder(name: "branching")
    let x = builder.sample("x", TensorType(.float32, [64, 64, 4, 4]))
    let y = try builder.convolution(x, channels: 64, kernel: 3, padding: 1, bias: .absent, name: "first")
    let z = try builder.convolution(y, channels: 64, kernel: 3, padding: 1, bias: .absent, name: "second")
    let flat = try builder.flatten(try builder.add(y, z, name: "sum"), name: "flatten")
    let last = try builder.dense(flat, 64, bias: .absent, name: "last")
    return try differentiate(builder.build(outputs: [last]))
  }

  private func blocks(_ training: TrainingGraph, levels: Int) -> [Int]? {
    let problem = problem(training, on: mesh([Int](repeating: 2, count: levels)))
    return LevelBlocks(problem).blocks(of: problem.machine.groups[0])
  }

  @Test func aChainOfTabulatedLayersIsFreeUpToSixLevels() throws {
    let training = try Self.table(layers: 3)
    for levels in 1...6 { #expect(blocks(training, levels: levels) == nil, "\(levels) levels") }
    // The seventh is tied to its neighbour: two of the upper ones follow one rule.
    #expect(blocks(training, levels: 7) == [0, 0, 1, 2, 3, 4, 5])
  }

  @Test func aBranchingNetworkIsFreeUpToFourLevels() throws {
    let training = try Self.branching()
    for levels in 1...4 { #expect(blocks(training, levels: levels) == nil, "\(levels) levels") }
    let tied = try #require(blocks(training, levels: 6))
    #expect(Set(tied).count < 6 && tied == tied.sorted())
  }

  // Three rules for each block of levels.
  @Test func tiedLevelsFollowOneRule() throws {
    let training = try Self.table(layers: 2)
    let machine = mesh([2, 2, 2])
    let cut = Cut(group: machine.groups[0], shares: .equal(machine.groups[0]))
    let profile = OperatorProfile(NodeID(0), in: training.graph)
    let axes: [AxisRole] = [.batch, .inputChannel, .outputChannel]
    let names = profile.strategies(over: cut, axes: axes, tied: [0, 0, 1]).map(\.names)
    #expect(names.count == 9)
    #expect(names.allSatisfy { $0[0] == $0[1] })
  }
}
