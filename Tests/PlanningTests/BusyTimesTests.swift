import Differentiation
import Graphs
import Machines
import Plans
import Pricing
import Results
import Simulation
import Testing
import Units

@testable import Planning

/// The bound by arithmetic alone, against prices of whole plans.
struct BusyTimesTests {
  /// What plans are compared by: the price where it is the time, else the makespan.
  private static func time(_ problem: PlanningProblem, _ segments: [Segment]) throws -> SimulatedTime {
    guard problem.step.overlap == .backward else { return try price(problem, segments).time }
    let tasks = try lower(plan(problem, segments), facts: problem.facts, machine: problem.machine)
    return Simulation.simulate(tasks, on: problem.machine).makespan
  }

  private static func price(_ problem: PlanningProblem, _ segments: [Segment]) throws -> StepCost {
    let tasks = try lower(plan(problem, segments), facts: problem.facts, machine: problem.machine)
    return Pricing.price(tasks, on: problem.machine)
  }

  private static func plan(_ problem: PlanningProblem, _ segments: [Segment]) -> Plan {
    let groups = problem.machine.groups
    let stages = segments.map { segment in
      Stage(
        group: groups[segment.group].name, nodes: segment.nodes, rules: segment.nodes.map { _ in [] },
        shares: .equal(groups[segment.group]))
    }
    return problem.plan(stages)
  }

  // On one device nothing but arithmetic and updates takes time: the bound is the price less the updates.
  @Test func aloneWithoutOverlapItIsTheArithmetic() throws {
    let training = try denseChain([64, 96, 32], batch: 16)
    for count in [1, 4] {
      let problem = problem(training, on: chainOfDevices([1e9, 2e9]), microBatches: count)
      let segments = [Segment(group: 0, nodes: 0..<training.graph.nodes.count)]
      let cost = try Self.price(problem, segments)
      var busy = BusyTimes(problem)
      let bound = busy.bound(segments, problem.costs)
      let tasks = try lower(
        problem.plan([
          Stage(
            group: "device0", nodes: segments[0].nodes, rules: segments[0].nodes.map { _ in [] },
            shares: .equal(problem.machine.groups[0]))
        ]), facts: problem.facts, machine: problem.machine)
      let costs = TaskCosts(tasks, on: problem.machine)
      let updates = tasks.tasks.indices.filter { tasks.tasks[$0].category == .update }
        .reduce(0) { $0 + costs.durations[$1].picoseconds }
      #expect(bound == Double(cost.time.picoseconds - updates), "\(count) micro-batches")
    }
  }

  @Test(arguments: Overlap.allCases) func noPipelineIsShorter(_ overlap: Overlap) throws {
    let training = try denseChain([64, 128, 32, 96, 16], batch: 8)
    let nodes = training.graph.nodes.count
    for count in [1, 2, 8] {
      let problem = problem(
        training, on: chainOfDevices([1e9, 3e9, 2e9]), overlap: overlap, microBatches: count)
      var busy = BusyTimes(problem)
      let costs = problem.costs
      for cut in 1..<nodes - 1 {
        let segments = [
          Segment(group: 0, nodes: 0..<cut), Segment(group: 1, nodes: cut..<cut + 1),
          Segment(group: 2, nodes: cut + 1..<nodes),
        ]
        let bound = busy.bound(segments, costs)
        let time = try Self.time(problem, segments)
        #expect(bound > 0)
        #expect(bound <= Double(time.picoseconds), "\(overlap), \(count) micro-batches, cut \(cut)")
      }
    }
  }

  // By hand for two stages with a flush: the busiest stage's work, or one micro-batch's way through the first
  // and what the second does for all others meanwhile; the estimate counts the second's work whole.
  @Test func aFlushAddsTheFillingOfThePipeline() throws {
    let training = try denseChain([64, 128, 32], batch: 8)
    let nodes = training.graph.nodes.count
    let machine = chainOfDevices([1e9, 1e9])
    let segments = [Segment(group: 0, nodes: 0..<1), Segment(group: 1, nodes: 1..<nodes)]
    func alone(_ segment: Segment) -> Double {
      let problem = problem(training, on: machine)
      var busy = BusyTimes(problem)
      return busy.bound([segment], problem.costs)
    }
    let (first, second) = (alone(segments[0]), alone(segments[1]))
    for count in [1, 2, 8] {
      var flush = BusyTimes(problem(training, on: machine, overlap: .backward, microBatches: count))
      var steady = BusyTimes(problem(training, on: machine, overlap: .steady, microBatches: count))
      let costs = problem(training, on: machine, overlap: .backward, microBatches: count).costs
      let all = Double(count)
      #expect(
        flush.bound(segments, costs) == max(all * first, all * second, first + (all - 1) * second))
      #expect(flush.estimate(segments, costs) == max(all * first, all * second + first))
      #expect(steady.bound(segments, costs) == Double(count) * max(first, second))
    }
  }
}
