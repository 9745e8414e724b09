import Differentiation
import Graphs
import Machines
import Plans
import Results
import TestMachines
import Testing
import Units

/// A chain of dense layers, each on a processor of its own.
private struct LongPipeline {
  let machine: Machine
  let tasks: TaskGraph
  let stages: Int

  init(stages: Int, microBatches: Int, overlap: Overlap) throws {
    var builder = GraphBuilder(name: "chain")
    var y = builder.sample("x", TensorType(.float32, [4, 8]))
    for layer in 0..<stages { y = try builder.dense(y, 8, bias: .absent, name: "layer\(layer)") }
    let training = try differentiate(builder.build(outputs: [y]))
    let devices = (0..<stages).map { processor("stage\($0)") }
    var links: [Link] = []
    for index in 1..<stages {
      for (from, to) in [(index - 1, index), (index, index - 1)] {
        links.append(
          Link(
            name: "\(from)→\(to)", from: .device(DeviceID(from)), to: .device(DeviceID(to)),
            bandwidth: BytesPerSecond(1e9), latency: .zero, energy: nil, wire: links.count))
      }
    }
    let machine = Machine(
      name: "chain", devices: devices, links: links, wireNames: links.map(\.name))
    let nodes = training.graph.nodes.count
    let plan = Plan(
      model: "chain", machine: "chain", batch: 4 * microBatches,
      stages: (0..<stages).map { stage in
        let range = stage..<(stage == stages - 1 ? nodes : stage + 1)
        return Stage(
          group: "stage\(stage)", nodes: range, rules: range.map { _ in [] }, shares: Shares([]))
      }, options: StepOptions(overlap: overlap, microBatches: microBatches))
    self.machine = machine
    self.stages = stages
    tasks = try lower(plan, training: training, machine: machine)
  }

  /// The work of a stage as step and micro-batch, with a plus forward and a minus backward.
  func program(of stage: Int) -> [String] {
    var program: [String] = []
    for task in tasks.tasks {
      guard case .compute(let device, _) = task.kind, device.index == stage, task.category != .update else {
        continue
      }
      let entry =
        "\(task.category == .forward ? "+" : "-")\(task.label.step).\(task.label.microBatch)"
      if program.last != entry { program.append(entry) }
    }
    return program
  }

  /// The most micro-batches that stand between their forward and their backward work at once.
  func mostInFlight(of stage: Int) -> Int {
    var (now, most) = (0, 0)
    for entry in program(of: stage) {
      now += entry.hasPrefix("+") ? 1 : -1
      most = max(most, now)
    }
    return most
  }

  func activations(of stage: Int) throws -> Int {
    let use = try #require(tasks.memory.first { $0.device == "stage\(stage)" })
    return try #require(use.parts.first { $0.kind == "activations" }).size.count
  }
}

/// Pipelines of three and more stages, whose early stages lie further behind the further they are from the
/// end.
struct LongPipelineTests {
  // By hand: of three stages the first takes the errors of a micro-batch two turns after the second.
  @Test func theFirstOfThreeStagesLiesTwoTurnsBehind() throws {
    let pipeline = try LongPipeline(stages: 3, microBatches: 4, overlap: .steady)
    #expect(
      pipeline.program(of: 0).prefix(12) == [
        "+0.0", "+0.1", "+0.2", "+0.3", "+1.0", "+1.1", "+1.2", "-0.0", "+1.3", "-0.1", "-0.2", "-0.3",
      ])
    #expect(
      pipeline.program(of: 1).prefix(12) == [
        "+0.0", "+0.1", "+0.2", "+0.3", "+1.0", "-0.0", "+1.1", "-0.1", "+1.2", "-0.2", "+1.3", "-0.3",
      ])
    #expect(pipeline.program(of: 2).prefix(4) == ["+0.0", "-0.0", "+0.1", "-0.1"])
  }

  @Test(arguments: [3, 4, 5], [1, 2, 4, 8])
  func eachStageRunsEveryMicroBatchOnceEachWay(stages: Int, microBatches: Int) throws {
    for overlap in Overlap.allCases {
      let pipeline = try LongPipeline(stages: stages, microBatches: microBatches, overlap: overlap)
      for stage in 0..<stages {
        let program = pipeline.program(of: stage)
        #expect(Set(program).count == program.count)
        #expect(program.count == 2 * microBatches * pipeline.tasks.steps)
      }
    }
  }

  // The second implementation counts what the program has begun and not ended; only the activations that are
  // saved differ between schedules, so that differences are whole numbers of micro-batches.
  @Test(arguments: [3, 4, 5], [2, 4, 8])
  func memoryHoldsWhatTheProgramHasBegun(stages: Int, microBatches: Int) throws {
    let steady = try LongPipeline(stages: stages, microBatches: microBatches, overlap: .steady)
    let flush = try LongPipeline(stages: stages, microBatches: microBatches, overlap: .backward)
    let twice = try LongPipeline(stages: stages, microBatches: 2 * microBatches, overlap: .backward)
    for stage in 0..<(stages - 1) {
      let one = (try twice.activations(of: stage) - flush.activations(of: stage)) / microBatches
      let more = steady.mostInFlight(of: stage) - flush.mostInFlight(of: stage)
      #expect(flush.mostInFlight(of: stage) == microBatches)
      #expect(one > 0 && more > 0)
      let held = try steady.activations(of: stage) - flush.activations(of: stage)
      #expect(held == more * one, "stage \(stage)")
    }
  }
}
