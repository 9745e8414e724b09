import Graphs
import Machines
import Plans
import TestMachines
import Testing
import Units

/// Splits of convolutions with groups over several levels.
struct GroupedConvolutionTests {
  private static func profile(groups: Int, input: Int, output: Int, bias: BiasUse = .absent) throws
    -> OperatorProfile
  {
    var builder = GraphBuilder(name: "grouped")
    let x = builder.sample("x", TensorType(.float32, [16, input, 4, 4]))
    let y = try builder.convolution(
      x, channels: output, kernel: 3, padding: 1, groups: groups, bias: bias, name: "grouped")
    let graph = builder.build(outputs: [y])
    let node = try #require(graph.nodes.firstIndex { $0.name == "grouped" })
    return OperatorProfile(NodeID(node), in: graph)
  }

  private static func cut(_ ways: [Int]) -> Cut {
    let group = meshMachine(ways, .ring).groups[0]
    return Cut(group: group, shares: .equal(group))
  }

  // Four groups over four ways leave one group on each device, whose outputs a lower level may split.
  @Test func outputChannelsSplitWhereEachDeviceHoldsOneGroup() throws {
    let profile = try Self.profile(groups: 4, input: 16, output: 16, bias: .present)
    let cut = Self.cut([4, 2])
    let strategy = try profile.strategy(named: ["group", "output-channel"], over: cut)
    #expect(strategy.inputs[1] == Layout([.sharded(0), .sharded(0)]))
    #expect(strategy.inputErrors[0] == Layout([.sharded(1), .partial]))
    for names in [["output-channel", "group"], ["output-channel", "batch"], ["batch", "input-channel"]] {
      #expect(throws: PlanViolation.axisTooShort(node: "grouped", rule: names)) {
        try profile.strategy(named: names, over: cut)
      }
    }
    // Two ways leave two groups on each device.
    #expect(throws: PlanViolation.self) {
      try profile.strategy(named: ["group", "output-channel"], over: Self.cut([2, 2]))
    }
  }

  // Channel 2 g + d of the activations is channel d of group g, but the four weights' channels of one group
  // lie in turn on the devices of the lower level: blocks 0 and 2, while the activations' are 0 and 1.
  @Test func inputChannelsSplitOnlyWhereWeightsAndActivationsFallAlike() throws {
    let cut = Self.cut([2, 2])
    #expect(throws: PlanViolation.self) {
      try Self.profile(groups: 2, input: 8, output: 8).strategy(
        named: ["group", "input-channel"], over: cut)
    }
    let strategy = try Self.profile(groups: 2, input: 4, output: 8).strategy(
      named: ["group", "input-channel"], over: cut)
    #expect(strategy.outputs[0] == Layout([.sharded(1), .partial]))
  }

  // Every split divides the multiply-accumulates and repeats none.
  @Test func workAddsUpToTheWhole() throws {
    for (groups, input, output, ways) in [(2, 4, 8, [2, 2]), (4, 8, 16, [4, 2]), (2, 8, 12, [2, 3, 2])] {
      let profile = try Self.profile(groups: groups, input: input, output: output)
      let cut = Self.cut(ways)
      let rules = profile.node.operator.rules
      let whole = rules.work(.forward, inputs: profile.inputTypes, outputs: profile.outputTypes)
      let strategies = profile.strategies(over: cut, axes: [.batch, .inputChannel, .outputChannel])
      #expect(strategies.contains { $0.names.contains("output-channel") })
      for strategy in strategies {
        let sum = (0..<cut.deviceCount).reduce(0.0) { sum, device in
          func local(_ types: [TensorType], _ layouts: [Layout]) -> [TensorType] {
            zip(types, layouts).map { $0.with(shape: cut.localShape($0.shape, $1, device: device)) }
          }
          return sum
            + rules.work(
              .forward, inputs: local(profile.inputTypes, strategy.inputs),
              outputs: local(profile.outputTypes, strategy.outputs)
            ).multiplyAccumulates
        }
        #expect(sum == whole.multiplyAccumulates, "\(strategy.names)")
      }
    }
  }
}
