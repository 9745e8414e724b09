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
  private static let batch = 16

  /// A network with everything that sums over the batch: weights, biases, batch statistics, masks.
  private static func network(
    mode: BatchNormalization.Mode, microBatches: Int = 1
  ) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "small")
    var y = builder.sample("x", TensorType(.float32, [batch / microBatches, 3, 6, 6]))
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

  private static func device(_ name: String, _ group: String) -> Device {
    Device(
      name: name, group: group,
      model: .processor(
        Roofline(
          peaks: [.float32: FLOPsPerSecond(1e9)], efficiency: EfficiencyCurve(constant: 1), launch: Seconds(0)
        )),
      memory: Memory(capacity: Bytes(1 << 30), bandwidth: BytesPerSecond(1e9), efficiency: 1, energy: nil),
      energyPerMultiplyAccumulate: nil, idlePower: nil)
  }

  static func mesh(_ ways: [Int], _ topology: Topology = .ring) -> Machine {
    let count = ways.reduce(1, *)
    let levels = ways.enumerated().map { index, ways in
      MeshLevel(
        name: "H\(index)", ways: ways, topology: topology, bandwidth: BytesPerSecond(1e9), duplex: .full,
        latency: Seconds(0), energy: nil)
    }
    return Machine(
      name: "mesh", devices: (0..<count).map { device("d[\($0)]", "d") },
      mesh: Mesh(devices: (0..<count).map { DeviceID($0) }, levels: levels))
  }

  static func pair() -> Machine {
    let ends = [(0, 1), (1, 0)]
    return Machine(
      name: "pair", devices: [device("a", "a"), device("b", "b")],
      links: ends.enumerated().map { index, ends in
        Link(
          name: "l\(index)", from: .device(DeviceID(ends.0)), to: .device(DeviceID(ends.1)),
          bandwidth: BytesPerSecond(1e9), latency: Seconds(0), energy: nil, wire: index)
      }, wireNames: ["l0", "l1"])
  }

  /// Every operator along the batch where it can be.
  static func dataParallel(
    _ training: TrainingGraph, _ machine: Machine, shares: [[Int]]? = nil, options: StepOptions,
    cuts: [Int] = [], batch: Int = batch
  ) -> Plan {
    let graph = training.graph
    let bounds = [0] + cuts + [graph.nodes.count]
    let stages = zip(bounds, bounds.dropFirst()).enumerated().map { index, range in
      let group = machine.groups[min(index, machine.groups.count - 1)]
      return Stage(
        group: group.name, nodes: range.0..<range.1,
        rules: (range.0..<range.1).map { node in
          let profile = OperatorProfile(NodeID(node), in: graph)
          let rule = profile.rules.first { $0.axis == .batch }?.name ?? "replicated"
          return group.levels.map { _ in rule }
        }, shares: shares.map { Shares($0) } ?? .equal(group))
    }
    return Plan(
      model: graph.name, machine: machine.name, batch: batch, stages: stages, options: options)
  }

  static func run(
    _ training: TrainingGraph, _ machine: Machine, _ plan: Plan, sharedByteCount: Int = 4096
  ) throws -> ExecutedSteps {
    let facts = StepFacts(training)
    let tasks = try lower(plan, facts: facts, machine: machine)
    let resolved = try ResolvedPlan(plan, facts: facts, machine: machine)
    #expect(resolved.keepsOrder)
    let graph = training.graph
    let run = try executed(
      tasks, of: resolved, steps: 3, library: ReferenceKernelLibrary(), scalar: .float32,
      sharedByteCount: sharedByteCount, data: { PlanExecutionTests.datum(graph, $0, $1, $2) },
      initial: { PlanExecutionTests.start(graph, $0, $1) })
    #expect(run.fault == nil)
    return run
  }

  static func options(
    cells: Int, bucket: Bytes? = Bytes(1 << 20), microBatches: Int = 1, overlap: Overlap = .backward
  ) -> StepOptions {
    StepOptions(overlap: overlap, microBatches: microBatches, gradientBucket: bucket, cells: cells)
  }

  @Test(arguments: [BatchNormalization.Mode.full, .cell, .frozen], [4, 5, 8, 16])
  func everyDivisionOfTheBatchGivesTheSameBits(mode: BatchNormalization.Mode, cells: Int) throws {
    let training = try Self.network(mode: mode)
    let alone = Self.mesh([])
    let expected = try Self.run(
      training, alone, Self.dataParallel(training, alone, options: Self.options(cells: cells)))
    for ways in [[2], [4], [2, 2], [3]] {
      for bucket in [nil, Bytes(64), Bytes(1 << 20)] {
        let machine = Self.mesh(ways)
        let plan = Self.dataParallel(training, machine, options: Self.options(cells: cells, bucket: bucket))
        try Self.expectSame(
          try Self.run(training, machine, plan), expected, mode, "\(ways), \(String(describing: bucket))")
      }
    }
    // One of four cells is no fifth of them: every device needs a cell.
    for shares in cells == 4 ? [[3, 1], [2, 2]] : [[3, 1], [2, 3], [1, 4]] {
      let machine = Self.mesh([2])
      let plan = Self.dataParallel(
        training, machine, shares: [shares], options: Self.options(cells: cells))
      try Self.expectSame(try Self.run(training, machine, plan), expected, mode, "shares \(shares)")
    }
  }

  @Test func aCutBetweenDevicesGivesTheSameBits() throws {
    let training = try Self.network(mode: .full)
    let alone = Self.mesh([])
    let expected = try Self.run(
      training, alone, Self.dataParallel(training, alone, options: Self.options(cells: 8)))
    let machine = Self.pair()
    for cut in 1..<training.graph.nodes.count {
      let plan = Self.dataParallel(training, machine, options: Self.options(cells: 8), cuts: [cut])
      try Self.expectSame(try Self.run(training, machine, plan), expected, .full, "cut \(cut)")
    }
  }

  @Test func microBatchesGiveTheSameBits() throws {
    let whole = try Self.network(mode: .frozen)
    let alone = Self.mesh([])
    let expected = try Self.run(
      whole, alone, Self.dataParallel(whole, alone, options: Self.options(cells: 8)))
    let machine = Self.pair()
    for count in [2, 4] {
      let training = try Self.network(mode: .frozen, microBatches: count)
      let plan = Self.dataParallel(
        training, machine, options: Self.options(cells: 8, microBatches: count), cuts: [4])
      try Self.expectSame(try Self.run(training, machine, plan), expected, .frozen, "\(count) micro-batches")
    }
  }

  @Test(arguments: [1, 2, 4]) func drivesHostAndAcceleratorTogetherGiveTheSameBits(count: Int) throws {
    let whole = try Self.network(mode: .cell)
    let alone = Self.mesh([])
    let expected = try Self.run(
      whole, alone, Self.dataParallel(whole, alone, options: Self.options(cells: 16)))
    // The drives' gradients are summed on the host, which runs no operator.
    let machine = try MachineCatalogue().machine(named: "dpt-vision/4")
    let training = try Self.network(mode: .cell, microBatches: count)
    let options = Self.options(cells: 16, microBatches: count)
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
      model: training.graph.name, machine: machine.name, batch: Self.batch, stages: stages, options: options)
    try Self.expectSame(
      try Self.run(training, machine, plan), expected, .cell, "\(count) micro-batches on drives")
  }

  @Test func aNetworkThatBeginsWithAViewOfItsSamplesGivesTheSameBits() throws {
    var builder = GraphBuilder(name: "flat")
    var y = builder.sample("x", TensorType(.float32, [Self.batch, 3, 4]))
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 5, bias: .present, name: "last")
    let training = try differentiate(builder.build(outputs: [y]))
    let alone = Self.mesh([])
    let expected = try Self.run(
      training, alone, Self.dataParallel(training, alone, options: Self.options(cells: 8)))
    for ways in [2, 4] {
      let machine = Self.mesh([ways])
      let plan = Self.dataParallel(training, machine, options: Self.options(cells: 8))
      try Self.expectSame(try Self.run(training, machine, plan), expected, .full, "\(ways) ways")
    }
  }

  // 129 · 257 weights of 4 bytes are cut into parts of more than 32 KiB for two and three devices.
  @Test(arguments: [Overlap.backward, .none])
  func gradientsThatPeersReadWhereTheyLieGiveTheSameBits(overlap: Overlap) throws {
    var builder = GraphBuilder(name: "wide")
    var y = builder.sample("x", TensorType(.float32, [Self.batch, 257]))
    y = try builder.dense(y, 129, bias: .present, name: "first")
    y = try builder.relu(y, name: "relu")
    y = try builder.dense(y, 260, bias: .present, name: "middle")
    y = try builder.dense(y, 5, name: "last")
    let training = try differentiate(builder.build(outputs: [y]), optimizer: .momentum(learningRate: 0.1))
    let alone = Self.mesh([])
    let expected = try Self.run(
      training, alone, Self.dataParallel(training, alone, options: Self.options(cells: 8)))
    #expect(expected.sharedBytes == 0)
    for (ways, cells, bucket) in [
      ([2], 8, nil), ([2], 8, Bytes(1 << 20)), ([3], 8, Bytes(100_000)), ([4], 8, nil),
    ] as [([Int], Int, Bytes?)] {
      let machine = Self.mesh(ways, .switch)
      let options = Self.options(cells: cells, bucket: bucket, overlap: overlap)
      let plan = Self.dataParallel(training, machine, options: options)
      for shared in [4096, 1 << 24] {
        let run = try Self.run(training, machine, plan, sharedByteCount: shared)
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
