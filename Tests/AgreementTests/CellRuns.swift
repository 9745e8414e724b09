import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Plans
import Testing
import Units

/// Runs of networks whose batch of sixteen samples is cut into cells, on small machines.
enum CellRuns {
  /// The samples of a step.
  static let batch = 16

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

  /// Equal devices on levels of so many ways.
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

  /// Two devices, each a group of its own, joined by a link each way.
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

  /// Runs three steps in Float32, where another order of sums shows.
  static func run(
    _ training: TrainingGraph, _ machine: Machine, _ plan: Plan,
    library: any KernelLibrary = ReferenceKernelLibrary(), sharedByteCount: Int = 4096
  ) throws -> ExecutedSteps {
    let facts = StepFacts(training)
    let tasks = try lower(plan, facts: facts, machine: machine)
    let resolved = try ResolvedPlan(plan, facts: facts, machine: machine)
    #expect(resolved.keepsOrder)
    let graph = training.graph
    let run = try executed(
      tasks, of: resolved, steps: 3, library: library, scalar: .float32,
      sharedByteCount: sharedByteCount, data: { OneDevice.datum(graph, $0, $1, $2) },
      initial: { OneDevice.start(graph, $0, $1) })
    #expect(run.fault == nil)
    return run
  }

  /// The options of a step of so many cells.
  static func options(
    cells: Int, bucket: Bytes? = Bytes(1 << 20), microBatches: Int = 1, overlap: Overlap = .backward
  ) -> StepOptions {
    StepOptions(overlap: overlap, microBatches: microBatches, gradientBucket: bucket, cells: cells)
  }
}
