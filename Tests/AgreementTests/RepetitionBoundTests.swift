import Differentiation
import Graphs
import Machines
import Plans
import Pricing
import Results
import Simulation
import TestSupport
import Testing
import Units

/// The bound by which a search passes over pipelined plans, against what simulation says of them.
struct RepetitionBoundTests {
  private static let seeds: Range<UInt64> = 0..<120

  @Test func theBoundFromOneMicroBatchNeverExceedsTheMakespan() throws {
    var checked = 0
    var close = 0
    for seed in Self.seeds {
      var random = RandomTaskGraphs(seed: seed &+ 4_000_000)
      let pipeline = try Pipeline(&random)
      // Some random plans move no data where it is needed; lowering says so.
      guard let (bound, makespan) = try? pipeline.measured() else { continue }
      #expect(bound <= makespan, "seed \(seed &+ 4_000_000)")
      checked += 1
      if 2 * bound.picoseconds >= makespan.picoseconds { close += 1 }
    }
    // A bound of zero would hold as well: it must mostly be worth something, too.
    #expect(checked > 60, "\(checked) plans could run")
    #expect(close > checked / 2, "\(close) of \(checked) bounds are at least half the makespan")
  }
}

/// A chain of dense layers cut between the drives and the host of a random machine.
private struct Pipeline {
  let machine: Machine
  let facts: StepFacts
  let stages: [Stage]
  let microBatches: Int
  let overlap: Overlap

  init(_ random: inout RandomTaskGraphs) throws {
    let machine = random.machine()
    var builder = GraphBuilder(name: "chain")
    var value = builder.sample("x", TensorType(.float32, [8, 64]))
    for layer in 0..<random.random.number(2...5) {
      value = try builder.dense(
        value, random.random.element(of: [32, 64, 256, 1024]), bias: .absent, name: "dense\(layer)")
      value = try builder.relu(value, name: "relu\(layer)")
    }
    let facts = StepFacts(try differentiate(builder.build(outputs: [value])))
    let count = facts.profiles.count
    let cut = random.random.number(1...(count - 1))
    let names = random.random.chance(70) ? ["drive", "host"] : ["host", "drive"]
    stages = try zip(names, [0..<cut, cut..<count]).map { name, nodes in
      let group = try #require(machine.groups.first { $0.name == name })
      let parts = Cut(group: group, shares: .equal(group))
      let rules = try nodes.map { node in
        let strategies = facts.profiles[node].strategies(over: parts, axes: [.batch, .inputChannel])
        try #require(!strategies.isEmpty)
        return random.random.element(of: strategies).names
      }
      return Stage(group: name, nodes: nodes, rules: rules, shares: .equal(group))
    }
    self.machine = machine
    self.facts = facts
    microBatches = random.random.element(of: [1, 2, 3, 4, 8])
    overlap = random.random.element(of: [.backward, .steady])
  }

  /// The bound, and the simulated time of the whole step.
  func measured() throws(PlanViolations) -> (bound: SimulatedTime, makespan: SimulatedTime) {
    let one = try lower(plan(1, .backward), facts: facts, machine: machine)
    let whole = try lower(plan(microBatches, overlap), facts: facts, machine: machine)
    let bound = repetitionBound(
      one, costs: TaskCosts(one, on: machine), microBatches: microBatches, overlap: overlap)
    return (bound, simulate(whole, on: machine).makespan)
  }

  private func plan(_ microBatches: Int, _ overlap: Overlap) -> Plan {
    Plan(
      model: "chain", machine: machine.name, batch: 8 * microBatches, stages: stages,
      options: StepOptions(overlap: overlap, microBatches: microBatches))
  }
}
