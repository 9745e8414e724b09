import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Plans
import Testing
import Units

/// Activations in blocks of channels change no result.
///
/// Where oneDNN is absent, or its convolutions want no blocks, the same networks run on plain activations.
struct MemoryFormatAgreementTests {
  /// A network in which all operators stand that keep blocks, between convolutions that want them.
  private static func network(
    mode: BatchNormalization.Mode = .full, batch: Int = CellRuns.batch
  ) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "blocks")
    var y = builder.sample("x", TensorType(.float32, [batch, 3, 9, 9]))
    y = try builder.convolution(y, channels: 32, kernel: 3, padding: 1, bias: .present, name: "conv1")
    y = try builder.batchNormalization(y, mode: mode, name: "norm1")
    y = try builder.relu(y, name: "relu1")
    y = try builder.maxPool(y, kernel: 3, stride: 2, padding: 1, name: "pool1")
    let left = try builder.convolution(y, channels: 16, kernel: 1, name: "left")
    let right = try builder.convolution(y, channels: 16, kernel: 3, padding: 1, name: "right")
    let both = try builder.concatenate([left, right], axis: 1, name: "both")
    y = try builder.add(y, both, name: "sum")
    y = try builder.batchNormalization(y, mode: mode, name: "norm2")
    y = try builder.activation(y, .sigmoid, name: "sigmoid")
    y = try builder.averagePool(y, kernel: 3, stride: 1, padding: 1, name: "pool2")
    y = try builder.convolution(y, channels: 48, kernel: 3, padding: 1, bias: .present, name: "conv2")
    y = try builder.globalAveragePool(y, name: "pool3")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 5, bias: .present, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .momentum(learningRate: 0.1))
  }

  private static func expectSame(_ run: ExecutedSteps, _ expected: ExecutedSteps, _ text: String) {
    #expect(run.losses == expected.losses, "\(text): losses")
    for (value, tensor) in expected.tensors {
      #expect(run.tensors[value] == tensor, "\(text): \(value)")
    }
  }

  // Expected: one device with the same kernels, bit by bit.
  @Test(arguments: [BatchNormalization.Mode.full, .cell, .frozen])
  func everyDivisionAndCutGivesTheSameBits(mode: BatchNormalization.Mode) throws {
    let library = FastKernelLibrary()
    let training = try Self.network(mode: mode)
    let alone = CellRuns.mesh([])
    let options = CellRuns.options(cells: 8)
    let expected = try CellRuns.run(
      training, alone, CellRuns.dataParallel(training, alone, options: options), library: library)
    for ways in [[2], [3], [2, 2]] {
      let machine = CellRuns.mesh(ways)
      let plan = CellRuns.dataParallel(training, machine, options: options)
      Self.expectSame(
        try CellRuns.run(training, machine, plan, library: library), expected, "\(mode), \(ways)")
    }
    let machine = CellRuns.pair()
    for cut in 1..<training.graph.nodes.count {
      let plan = CellRuns.dataParallel(training, machine, options: options, cuts: [cut])
      Self.expectSame(
        try CellRuns.run(training, machine, plan, library: library), expected, "\(mode), cut \(cut)")
    }
  }

  // Expected: the reference executor in Float64; what is rounded to Float32 in each layer makes the rest.
  @Test func plansOfEveryKindStayWithinRounding() throws {
    let library = FastKernelLibrary()
    let batch = 4
    let training = try Self.network(batch: batch)
    let graph = training.graph
    let facts = StepFacts(training)
    let expected = try OneDevice.reference(training, microBatches: 1, steps: 1)
    func check(_ plan: Plan, _ machine: Machine, areAlike: Bool = true, _ text: String) throws {
      let run = try executed(
        try lower(plan, facts: facts, machine: machine),
        of: try ResolvedPlan(plan, facts: facts, machine: machine), steps: 1, library: library,
        scalar: .float32, ranksAreAlike: areAlike, data: { OneDevice.datum(graph, $0, $1, $2) },
        initial: { OneDevice.start(graph, $0, $1) })
      #expect(run.fault == nil, "\(text)")
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        let difference = OneDevice.difference(tensor, other, floor: 1e-2)
        #expect(difference <= 1e-4, "\(text): \(value) differs by \(difference)")
      }
    }
    // Layers that are cut along channels stand beside layers that are not.
    let machine = CellRuns.mesh([2])
    for axis in [AxisRole.outputChannel, .inputChannel, .channel] {
      for parity in [0, 1] {
        let rules = graph.nodes.indices.map { node in
          let profile = OperatorProfile(NodeID(node), in: graph)
          let wanted = node % 2 == parity ? axis : .batch
          let rule =
            profile.rules.first { $0.axis == wanted } ?? profile.rules.first { $0.axis == .batch }
          return [rule?.name ?? "replicated"]
        }
        let plan = Plan(
          model: graph.name, machine: machine.name, batch: batch,
          stages: [
            Stage(
              group: machine.groups[0].name, nodes: graph.nodes.indices, rules: rules,
              shares: .equal(machine.groups[0]))
          ], options: StepOptions())
        try check(plan, machine, "\(axis), \(parity)")
      }
    }
    let pair = CellRuns.pair()
    for cut in stride(from: 1, to: graph.nodes.count, by: 3) {
      let plan = CellRuns.dataParallel(
        training, pair, options: StepOptions(), cuts: [cut], batch: batch)
      try check(plan, pair, areAlike: false, "cut \(cut) between unlike ranks")
    }
  }
}
