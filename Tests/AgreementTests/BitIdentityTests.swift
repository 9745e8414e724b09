import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Plans
import Testing
import Units

/// With a grid of cells the plan decides where and when, and never what: the same bits come out of every
/// division of the batch and of the layers.
///
/// The expected values are those of one device; the numbers are Float32, where another order of sums shows.
struct BitIdentityTests {
  /// A network with everything that sums over the batch: weights, biases, batch statistics, masks.
  private static func network(
    mode: BatchNormalization.Mode, microBatches: Int = 1
  ) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "small")
    var y = builder.sample("x", TensorType(.float32, [CellRuns.batch / microBatches, 3, 6, 6]))
    y = try builder.convolution(y, channels: 4, kernel: 3, padding: 1, bias: .present, name: "conv1")
    y = try builder.batchNormalization(y, mode: mode, name: "norm")
    y = try builder.relu(y, name: "relu")
    y = try builder.maxPool(y, kernel: 2, stride: 2, name: "pool")
    let branch = try builder.convolution(y, channels: 4, kernel: 1, name: "conv2")
    y = try builder.add(y, branch, name: "sum")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 5, bias: .present, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .momentum(learningRate: 0.1))
  }

  @Test(arguments: [BatchNormalization.Mode.full, .cell, .frozen], [4, 5, 8, 16])
  func everyDivisionOfTheBatchGivesTheSameBits(mode: BatchNormalization.Mode, cells: Int) throws {
    let training = try Self.network(mode: mode)
    let alone = CellRuns.mesh([])
    let expected = try CellRuns.run(
      training, alone, CellRuns.dataParallel(training, alone, options: CellRuns.options(cells: cells)))
    for ways in [[2], [4], [2, 2], [3]] {
      for bucket in [nil, Bytes(64), Bytes(1 << 20)] {
        let machine = CellRuns.mesh(ways)
        let plan = CellRuns.dataParallel(
          training, machine, options: CellRuns.options(cells: cells, bucket: bucket))
        try Self.expectSame(
          try CellRuns.run(training, machine, plan), expected, mode, "\(ways), \(String(describing: bucket))")
      }
    }
    // One of four cells is no fifth of them: every device needs a cell.
    for shares in cells == 4 ? [[3, 1], [2, 2]] : [[3, 1], [2, 3], [1, 4]] {
      let machine = CellRuns.mesh([2])
      let plan = CellRuns.dataParallel(
        training, machine, shares: [shares], options: CellRuns.options(cells: cells))
      try Self.expectSame(try CellRuns.run(training, machine, plan), expected, mode, "shares \(shares)")
    }
  }

  @Test func aCutBetweenDevicesGivesTheSameBits() throws {
    let training = try Self.network(mode: .full)
    let alone = CellRuns.mesh([])
    let expected = try CellRuns.run(
      training, alone, CellRuns.dataParallel(training, alone, options: CellRuns.options(cells: 8)))
    let machine = CellRuns.pair()
    for cut in 1..<training.graph.nodes.count {
      let plan = CellRuns.dataParallel(training, machine, options: CellRuns.options(cells: 8), cuts: [cut])
      try Self.expectSame(try CellRuns.run(training, machine, plan), expected, .full, "cut \(cut)")
    }
  }

  @Test func microBatchesGiveTheSameBits() throws {
    let whole = try Self.network(mode: .frozen)
    let alone = CellRuns.mesh([])
    let expected = try CellRuns.run(
      whole, alone, CellRuns.dataParallel(whole, alone, options: CellRuns.options(cells: 8)))
    let machine = CellRuns.pair()
    for count in [2, 4] {
      let training = try Self.network(mode: .frozen, microBatches: count)
      let plan = CellRuns.dataParallel(
        training, machine, options: CellRuns.options(cells: 8, microBatches: count), cuts: [4])
      try Self.expectSame(
        try CellRuns.run(training, machine, plan), expected, .frozen, "\(count) micro-batches")
    }
  }

  @Test(arguments: [1, 2, 4]) func drivesHostAndAcceleratorTogetherGiveTheSameBits(count: Int) throws {
    let whole = try Self.network(mode: .cell)
    let alone = CellRuns.mesh([])
    let expected = try CellRuns.run(
      whole, alone, CellRuns.dataParallel(whole, alone, options: CellRuns.options(cells: 16)))
    // The drives' gradients are summed on the host, which runs no operator.
    let machine = try MachineCatalogue().machine(named: "dpt-vision/4")
    let training = try Self.network(mode: .cell, microBatches: count)
    let options = CellRuns.options(cells: 16, microBatches: count)
    let nodes = training.graph.nodes.indices
    let stages = [("drive", 0..<4), ("npu", 4..<nodes.count)].map { name, range in
      let group = machine.groups.first { $0.name == name } ?? machine.groups[0]
      return Stage(
        group: name, nodes: range,
        rules: range.map { node in
          let profile = OperatorProfile(NodeID(node), in: training.graph)
          return group.levels.map { _ in profile.rules.first { $0.axis == .batch }?.name ?? "replicated" }
        }, shares: .equal(group))
    }
    let plan = Plan(
      model: training.graph.name, machine: machine.name, batch: CellRuns.batch, stages: stages,
      options: options)
    try Self.expectSame(
      try CellRuns.run(training, machine, plan), expected, .cell, "\(count) micro-batches on drives")
  }

  @Test func aNetworkThatBeginsWithAViewOfItsSamplesGivesTheSameBits() throws {
    var builder = GraphBuilder(name: "flat")
    var y = builder.sample("x", TensorType(.float32, [CellRuns.batch, 3, 4]))
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 5, bias: .present, name: "last")
    let training = try differentiate(builder.build(outputs: [y]))
    let alone = CellRuns.mesh([])
    let expected = try CellRuns.run(
      training, alone, CellRuns.dataParallel(training, alone, options: CellRuns.options(cells: 8)))
    for ways in [2, 4] {
      let machine = CellRuns.mesh([ways])
      let plan = CellRuns.dataParallel(training, machine, options: CellRuns.options(cells: 8))
      try Self.expectSame(try CellRuns.run(training, machine, plan), expected, .full, "\(ways) ways")
    }
  }

  // 129 · 257 weights of 4 bytes are cut into parts of more than 32 KiB for two and three devices.
  @Test(arguments: [Overlap.backward, .none])
  func gradientsThatPeersReadWhereTheyLieGiveTheSameBits(overlap: Overlap) throws {
    var builder = GraphBuilder(name: "wide")
    var y = builder.sample("x", TensorType(.float32, [CellRuns.batch, 257]))
    y = try builder.dense(y, 129, bias: .present, name: "first")
    y = try builder.relu(y, name: "relu")
    y = try builder.dense(y, 260, bias: .present, name: "middle")
    y = try builder.dense(y, 5, name: "last")
    let training = try differentiate(builder.build(outputs: [y]), optimizer: .momentum(learningRate: 0.1))
    let alone = CellRuns.mesh([])
    let expected = try CellRuns.run(
      training, alone, CellRuns.dataParallel(training, alone, options: CellRuns.options(cells: 8)))
    #expect(expected.sharedBytes == 0)
    for (ways, cells, bucket) in [
      ([2], 8, nil), ([2], 8, Bytes(1 << 20)), ([3], 8, Bytes(100_000)), ([4], 8, nil),
    ] as [([Int], Int, Bytes?)] {
      let machine = CellRuns.mesh(ways, .switch)
      let options = CellRuns.options(cells: cells, bucket: bucket, overlap: overlap)
      let plan = CellRuns.dataParallel(training, machine, options: options)
      for shared in [4096, 1 << 24] {
        let run = try CellRuns.run(training, machine, plan, sharedByteCount: shared)
        #expect(run.sharedBytes > 0)
        try Self.expectSame(run, expected, .full, "\(ways), \(shared) shared bytes")
      }
    }
  }

  private static func expectSame(
    _ run: ExecutedSteps, _ expected: ExecutedSteps, _ mode: BatchNormalization.Mode, _ what: String
  ) throws {
    #expect(run.tensors.count == expected.tensors.count)
    for (value, tensor) in expected.tensors {
      #expect(run.tensors[value] == tensor, "\(mode), \(what): \(value) differs")
    }
    #expect(run.cells == expected.cells, "\(mode), \(what): statistics of cells differ")
    #expect(run.replicaDifference == 0, "\(mode), \(what): replicas differ")
  }
}
