import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Planning
import Plans
import Testing
import Units

/// Executing any synchronous plan gives the result of one device.
///
/// The second implementation is the reference executor, which runs the whole training graph on one device
/// without plans, layouts or messages.
struct PlanExecutionTests {
  @Test func executingAPlanGivesTheResultOfOneDevice() throws {
    var checked = 0
    for one in try LoweredProblem.random(count: 150, overlaps: [.none, .backward], from: 9_000) {
      let training = one.problem.facts.training
      let graph = training.graph
      let resolved = try ResolvedPlan(one.plan, facts: one.problem.facts, machine: one.problem.machine)
      let run = try executed(
        one.tasks, of: resolved, steps: 2, library: ReferenceKernelLibrary(), scalar: .float64,
        data: { OneDevice.datum(graph, $0, $1, $2) }, initial: { OneDevice.start(graph, $0, $1) })
      if let fault = run.fault {
        Issue.record("seed \(one.seed): \(fault) in \(one.plan)")
        continue
      }
      let expected = try OneDevice.reference(
        training, microBatches: one.plan.options.microBatches, steps: 2)
      for (loss, other) in zip(run.losses, expected.losses) {
        #expect(abs(loss - other) <= 1e-10 * max(1, abs(other)), "seed \(one.seed): loss")
      }
      #expect(run.replicaDifference == 0, "seed \(one.seed): replicas differ")
      OneDevice.expectBytesAsSimulated(run, one.tasks, resolved, "seed \(one.seed)")
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        let difference = OneDevice.difference(tensor, other)
        #expect(difference <= 1e-10, "seed \(one.seed): \(value) differs by \(difference) in \(one.plan)")
      }
      checked += 1
    }
    #expect(checked > 100)
  }

  @Test func fastKernelsInFloat32StayWithinRounding() throws {
    var checked = 0
    for one in try LoweredProblem.random(count: 60, overlaps: [.none, .backward], from: 12_000) {
      let training = one.problem.facts.training
      let graph = training.graph
      let resolved = try ResolvedPlan(one.plan, facts: one.problem.facts, machine: one.problem.machine)
      let run = try executed(
        one.tasks, of: resolved, steps: 1, library: FastKernelLibrary(), scalar: .float32,
        data: { OneDevice.datum(graph, $0, $1, $2) }, initial: { OneDevice.start(graph, $0, $1) })
      #expect(run.fault == nil, "seed \(one.seed)")
      let expected = try OneDevice.reference(
        training, microBatches: one.plan.options.microBatches, steps: 1)
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        let difference = OneDevice.difference(tensor, other, floor: 1e-2)
        #expect(difference <= 1e-4, "seed \(one.seed): \(value) differs by \(difference)")
      }
      checked += 1
    }
    #expect(checked == 60)
  }

  @Test func masksOfCutSamplesAreThoseOfWholeOnes() throws {
    var problems = PlanProblems(seed: 3)
    let machine = problems.mesh(levels: 2)
    var builder = GraphBuilder(name: "masked")
    var y = builder.sample("x", TensorType(.float32, [4, 4, 3, 3]))
    y = try builder.convolution(y, channels: 4, kernel: 3, padding: 1, bias: .absent, name: "conv")
    y = try builder.dropout(y, ratio: 0.5, name: "mask")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 4, bias: .absent, name: "last")
    let training = try differentiate(builder.build(outputs: [y]))
    let graph = training.graph
    let facts = StepFacts(training)
    let expected = try OneDevice.reference(training, microBatches: 1, steps: 2)
    for names in [["channel", "channel"], ["batch", "channel"], ["channel", "batch"], ["batch", "batch"]] {
      let rules = graph.nodes.map { node in
        node.name == "mask" ? names : machine.groups[0].levels.map { _ in "batch" }
      }
      let plan = Plan(
        model: graph.name, machine: machine.name, batch: 4,
        stages: [
          Stage(
            group: machine.groups[0].name, nodes: graph.nodes.indices, rules: rules,
            shares: .equal(machine.groups[0]))
        ], options: StepOptions())
      let run = try executed(
        try lower(plan, facts: facts, machine: machine),
        of: try ResolvedPlan(plan, facts: facts, machine: machine), steps: 2,
        library: ReferenceKernelLibrary(), scalar: .float64, data: { OneDevice.datum(graph, $0, $1, $2) },
        initial: { OneDevice.start(graph, $0, $1) })
      #expect(run.fault == nil)
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        #expect(OneDevice.difference(tensor, other) <= 1e-10, "\(names): \(value)")
      }
    }
  }
}
