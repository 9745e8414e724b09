import Differentiation
import Graphs
import Machines
import Plans
import Results
import TestMachines
import Testing
import Units

/// A small network over near-storage drives and an NPU, where steps overlap.
private struct SteadyPipeline {
  let machine: Machine
  let tasks: TaskGraph

  /// Four images a micro-batch; the first four operators stand on the drives.
  init(microBatches: Int, overlap: Overlap) throws {
    let machine = try MachineCatalogue().machine(named: "dpt-vision")
    let training = try differentiate(try BuiltInNetwork.graph(named: "lenet", batch: 4))
    let front = 4
    func stage(_ name: String, _ nodes: Range<Int>) throws -> Stage {
      let group = try #require(machine.groups.first { $0.name == name })
      let rules = nodes.map { _ in [String](repeating: "batch", count: group.levels.count) }
      return Stage(group: name, nodes: nodes, rules: rules, shares: .equal(group))
    }
    let plan = Plan(
      model: "lenet", machine: machine.name, batch: 4 * microBatches,
      stages: [
        try stage("drive", 0..<front), try stage("npu", front..<training.graph.nodes.count),
      ],
      options: StepOptions(overlap: overlap, microBatches: microBatches))
    self.machine = machine
    tasks = try lower(plan, training: training, machine: machine)
  }

  /// The work of the first drive as step and micro-batch, with a plus forward and a minus backward.
  var programOfADrive: [String] {
    var program: [String] = []
    for task in tasks.tasks {
      guard case .compute(let device, _) = task.kind, machine[device].name == "drive[0]",
        task.category != .update
      else { continue }
      let sign = task.category == .forward ? "+" : "-"
      let entry = "\(sign)\(task.label.step).\(task.label.microBatch)"
      if program.last != entry { program.append(entry) }
    }
    return program
  }

  func activations(of device: String) throws -> Int {
    let use = try #require(tasks.memory.first { $0.device == device })
    return try #require(use.parts.first { $0.kind == "activations" }).size.count
  }
}

struct SteadyPipelineTests {
  @Test func earlyStagesAlternateBetweenTwoSteps() throws {
    let pipeline = try SteadyPipeline(microBatches: 3, overlap: .steady)
    // By hand: the forward work of a micro-batch of step 1, then the backward work of the same one of step 0.
    #expect(
      pipeline.programOfADrive.prefix(9) == [
        "+0.0", "+0.1", "+0.2", "+1.0", "-0.0", "+1.1", "-0.1", "+1.2", "-0.2",
      ])
  }

  @Test(arguments: [1, 2, 4])
  func earlyStagesHoldOneMicroBatchMoreThanAStep(microBatches: Int) throws {
    // A flush holds a step's micro-batches; the difference from two to four of them is two micro-batches.
    let flush = try SteadyPipeline(microBatches: microBatches, overlap: .backward).activations(of: "drive[0]")
    let steady = try SteadyPipeline(microBatches: microBatches, overlap: .steady).activations(of: "drive[0]")
    let one =
      try
      (SteadyPipeline(microBatches: 4, overlap: .backward).activations(of: "drive[0]")
      - SteadyPipeline(microBatches: 2, overlap: .backward).activations(of: "drive[0]")) / 2
    #expect(one > 0)
    #expect(steady - flush == one)
  }
}
