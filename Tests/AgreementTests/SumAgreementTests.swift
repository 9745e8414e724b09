import Differentiation
import Graphs
import Kernels
import Machines
import Plans
import Testing
import Units

@testable import Execution

/// The sums that are priced are those that ranks make: as many, over as many elements, with as many addends.
///
/// The instructions of a compiled program are counted with their addends.
struct SumAgreementTests {
  /// Sums over some elements.
  private struct Sums: CustomStringConvertible {
    var count = 0.0
    var addends = 0.0

    var description: String { "\(count) sums of \(addends) addends" }
  }

  /// Names sums of the same task over as many elements; of no task where micro-batches differ.
  private struct Key: Hashable {
    let task: Int?
    let elements: Int
  }

  /// Weights and biases, and the two vectors of a batch normalisation, or one that is both.
  private static func network(
    samples: Int, _ mode: BatchNormalization.Mode, isShared: Bool = false
  ) throws -> TrainingGraph {
    let vector = TensorType(.float32, [4])
    var builder = GraphBuilder(name: "small")
    var y = builder.sample("x", TensorType(.float32, [samples, 3, 6, 6]))
    y = try builder.convolution(y, channels: 4, kernel: 3, padding: 1, bias: .present, name: "conv")
    let scale = builder.parameter("scale", vector)
    let shift = isShared ? scale : builder.parameter("shift", vector)
    let states = ["mean", "variance"].map { builder.parameter($0, vector, role: .state) }
    y = try builder.add(
      .batchNormalization(BatchNormalization(mode: mode)), [y, scale, shift] + states, name: "norm")[0]
    y = try builder.relu(y, name: "relu")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 5, bias: .present, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .momentum(learningRate: 0.1))
  }

  /// The same machine with kernels that were measured, so that work says which kernel does it.
  private static func measured(_ machine: Machine) -> Machine {
    let devices = machine.devices.map { device in
      guard case .processor(let model) = device.model else { return device }
      let rated = Roofline(
        peaks: model.peaks, efficiency: model.efficiency, launch: model.launch, rates: KernelRates([]))
      return Device(
        name: device.name, group: device.group, model: .processor(rated), memory: device.memory,
        energyPerMultiplyAccumulate: nil, idlePower: nil)
    }
    return Machine(name: machine.name, devices: devices, mesh: machine.mesh)
  }

  private static func expectSame(
    _ training: TrainingGraph, ways: [Int], shares: [[Int]]? = nil, _ options: StepOptions
  ) throws {
    let machine = measured(CellRuns.mesh(ways))
    let plan = CellRuns.dataParallel(
      training, machine, shares: shares, options: options, batch: training.graph.batch * options.microBatches)
    let facts = StepFacts(training)
    let tasks = try lower(plan, facts: facts, machine: machine)
    let resolved = try ResolvedPlan(plan, facts: facts, machine: machine)
    let ranks = RankTable(tasks, on: machine)
    for rank in ranks.devices.indices {
      let program = try compile(
        tasks, of: resolved, ranks: ranks, rank: rank, library: ReferenceKernelLibrary(),
        settings: ExecutionSettings(scalar: .float32, seed: 7))
      func key(_ task: Int, _ elements: Int) -> Key {
        Key(task: options.microBatches == 1 ? task : nil, elements: elements)
      }
      var made: [Key: Sums] = [:]
      for (instruction, task) in zip(program.code, program.taskOfInstruction) {
        guard case .sum(_, let addends, let count) = instruction else { continue }
        made[key(task, count), default: Sums()].count += 1
        made[key(task, count), default: Sums()].addends += Double(addends.count)
      }
      var priced: [Key: Sums] = [:]
      for (task, entry) in tasks.tasks.enumerated() {
        guard case .compute(let device, let work) = entry.kind, device == ranks.devices[rank] else {
          continue
        }
        for sums in work.kernel?.sums ?? [] {
          priced[key(task, sums.elements), default: Sums()].count += sums.count
          priced[key(task, sums.elements), default: Sums()].addends += sums.addends
        }
      }
      for key in Set(made.keys).union(priced.keys) {
        let (one, other) = (made[key] ?? Sums(), priced[key] ?? Sums())
        let name = key.task.map { tasks.tasks[$0].label.name } ?? "all tasks"
        #expect(
          abs(one.count - other.count) < 1e-9 && abs(one.addends - other.addends) < 1e-9,
          """
          \(name) on rank \(rank) of \(ways) \(shares ?? []), \(options.cells ?? 0) cells, \
          \(options.microBatches) micro-batches, over \(key.elements) elements: made \(one), priced \(other)
          """)
      }
    }
  }

  @Test(arguments: 1...17) func sumsOverCellsArePricedAsTheyAreMade(cells: Int) throws {
    for mode in [BatchNormalization.Mode.full, .cell] {
      let training = try Self.network(samples: 2 * cells, mode)
      for ways in [[], [2], [3], [5], [2, 2]] where ways.reduce(1, *) <= cells {
        try Self.expectSame(training, ways: ways, CellRuns.options(cells: cells))
      }
      if cells >= 4 {
        try Self.expectSame(training, ways: [2], shares: [[3, 1]], CellRuns.options(cells: cells))
      }
    }
  }

  @Test(arguments: [2, 4, 6, 12]) func sumsOverMicroBatchesArePricedAsTheyAreMade(cells: Int) throws {
    for isShared in [false, true] {
      let training = try Self.network(samples: cells, .cell, isShared: isShared)
      for ways in [[], [2]] where ways.reduce(1, *) <= cells / 2 {
        try Self.expectSame(training, ways: ways, CellRuns.options(cells: cells, microBatches: 2))
        for count in [1, 3] {
          try Self.expectSame(training, ways: ways, StepOptions(microBatches: count))
        }
      }
      // One node reads a parameter twice, in every cell.
      try Self.expectSame(training, ways: [2], CellRuns.options(cells: cells))
    }
  }
}
