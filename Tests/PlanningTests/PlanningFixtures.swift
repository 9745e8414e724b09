import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Units

@testable import Planning

/// A processor of so many FLOP∕s, so that a product of n multiply-accumulates takes 2 n ∕ rate seconds.
func device(_ name: String, group: String, rate: Double = 1e10) -> Device {
  Device(
    name: name, group: group,
    model: .processor(
      Roofline(
        peaks: [.float32: FLOPsPerSecond(rate)], efficiency: EfficiencyCurve(constant: 1), launch: .zero)),
    memory: Memory(
      capacity: Bytes(1 << 40), bandwidth: BytesPerSecond(1e12), efficiency: 1, energy: nil),
    energyPerMultiplyAccumulate: nil, idlePower: nil)
}

/// A mesh of rings of equal devices.
func mesh(_ ways: [Int]) -> Machine {
  let devices = (0..<ways.reduce(1, *)).map { device("device[\($0)]", group: "device") }
  let levels = ways.enumerated().map { index, ways in
    MeshLevel(
      name: "H\(index)", ways: ways, topology: .ring, bandwidth: BytesPerSecond(1e9), duplex: .full,
      latency: Seconds(1e-7), energy: nil)
  }
  return Machine(
    name: "mesh", devices: devices,
    mesh: Mesh(devices: devices.indices.map { DeviceID($0) }, levels: levels))
}

/// Devices of different rates, each a group of its own, each joined to the next by a link each way.
func chainOfDevices(_ rates: [Double]) -> Machine {
  let devices = rates.enumerated().map { device("device\($0)", group: "device\($0)", rate: $1) }
  var links: [Link] = []
  for index in 1..<devices.count {
    for (from, to) in [(index - 1, index), (index, index - 1)] {
      links.append(
        Link(
          name: "\(from)→\(to)", from: .device(DeviceID(from)), to: .device(DeviceID(to)),
          bandwidth: BytesPerSecond(1e9), latency: Seconds(1e-6), energy: nil, wire: links.count))
    }
  }
  return Machine(
    name: "chain", devices: devices, links: links, wireNames: links.map(\.name))
}

/// Dense layers without biases, each followed by nothing, and a loss.
func denseChain(
  _ sizes: [Int], batch: Int, optimizer: Optimizer = .sgd()
) throws -> TrainingGraph {
  var builder = GraphBuilder(name: "chain")
  var y = builder.sample("x", TensorType(.float32, [batch, sizes[0]]))
  for (index, size) in sizes.dropFirst().enumerated() {
    y = try builder.dense(y, size, bias: .absent, name: "layer\(index)")
  }
  return try differentiate(builder.build(outputs: [y]), optimizer: optimizer)
}

/// The problem of a whole batch, or of one of its micro-batches.
func problem(
  _ training: TrainingGraph, on machine: Machine, overlap: Overlap = .none, microBatches: Int = 1,
  axes: [AxisRole] = [.batch, .inputChannel, .outputChannel]
) -> PlanningProblem {
  PlanningProblem(
    facts: StepFacts(training), machine: machine, batch: training.graph.batch * microBatches,
    step: StepOptions(overlap: overlap, microBatches: microBatches, gradientBucket: nil),
    options: SearchOptions(objective: .time, axes: axes))
}

extension PlanningProblem {
  /// The additive costs of each group with equal shares.
  var costs: [Int: AdditiveCosts] {
    let tables = CostTables(
      machine: machine, precision: step.precision, elementSizes: ElementSizes(step.precision))
    var costs: [Int: AdditiveCosts] = [:]
    for (index, group) in machine.groups.enumerated() {
      let tasks = StageTasks(
        training: training, machine: machine, groupIndex: index, shares: .equal(group), options: step)
      costs[index] = AdditiveCosts(tasks: tasks, machine: machine, tables: tables, objective: .time)
    }
    return costs
  }
}
