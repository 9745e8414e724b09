import Devices
import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Pricing
import Results
import Simulation
import Testing
import Units

/// The contracts of lowered plans: what is priced, what is simulated and what the training graph says must
/// agree.
///
/// Every expectation is an identity between independent parts of the package, checked on random legal plans.
struct PlanAgreementTests {
  @Test func priceIsABoundOfWhatIsSimulatedAndTheSerialSumIsAnother() throws {
    for one in try LoweredProblem.random(count: 400, from: 10_000) {
      let cost = price(one.tasks, costs: one.costs)
      let timeline = simulate(one.tasks, costs: one.costs)
      let place: Comment = "seed \(one.seed): \(one.problem.step), \(one.problem.summary)"
      #expect(cost.time <= timeline.makespan, place)
      #expect(timeline.makespan <= cost.serialSum, place)
      #expect(cost.criticalPath <= cost.time, place)
    }
  }

  @Test func withoutOverlapTheStepIsTheSumOfItsGroups() throws {
    // Tasks of one group wait for the same point; behind it the longest of them decides.
    for one in try LoweredProblem.random(count: 300, overlaps: [.none], from: 20_000) {
      var longest: [[Int]: SimulatedTime] = [:]
      for (index, task) in one.tasks.tasks.enumerated() {
        if case .barrier = task.kind { continue }
        longest[task.dependencies] = max(longest[task.dependencies] ?? .zero, one.costs.durations[index])
      }
      let sum = longest.values.reduce(SimulatedTime.zero, +)
      let place: Comment = "seed \(one.seed): \(one.problem.summary)"
      #expect(price(one.tasks, costs: one.costs).time == sum, place)
      #expect(simulate(one.tasks, costs: one.costs).makespan == sum, place)
    }
  }

  @Test func resourcesAreBusyForTheSameTimeInPriceAndSimulation() throws {
    for one in try LoweredProblem.random(count: 300, overlaps: [.none, .backward], from: 30_000) {
      let cost = price(one.tasks, costs: one.costs)
      let timeline = simulate(one.tasks, costs: one.costs)
      var simulated: [String: SimulatedTime] = [:]
      for span in timeline.spans { simulated[timeline.tracks[span.track], default: .zero] += span.duration }
      let place: Comment = "seed \(one.seed): \(one.problem.summary)"
      for use in cost.resources where use.busy > .zero { #expect(simulated[use.name] == use.busy, place) }
      #expect(simulated.values.count { $0 > .zero } == cost.resources.count { $0.busy > .zero }, place)
      let tables = CostTables(
        machine: one.problem.machine, precision: .float32, elementSizes: ElementSizes(.float32))
      let bytes = one.tasks.tasks.reduce(Bytes.zero) { $0 + tables.bytesReceived(of: $1.kind) }
      #expect(bytes == cost.bytesMoved, place)
    }
  }

  @Test func partsOfTheEnergyAddUp() throws {
    for one in try LoweredProblem.random(count: 200, from: 40_000) {
      let cost = price(one.tasks, costs: one.costs)
      let energy = try #require(cost.energy)
      #expect(cost.energyParts.reduce(0) { $0 + $1.value } == energy.value, "seed \(one.seed)")
    }
  }

  @Test func arithmeticIsThatOfTheTrainingGraph() throws {
    // A split of a contraction divides its multiply-accumulates and repeats none.
    var checked = 0
    for one in try LoweredProblem.random(count: 300, from: 50_000) {
      let isReplicated = one.plan.stages.contains { stage in
        zip(stage.nodes, stage.rules).contains { node, rules in
          one.problem.facts.training.graph.nodes[node].operator.rules.isWeighted
            && rules.contains("replicated")
        }
      }
      if isReplicated { continue }
      let phases: [Phase] = [.forward, .error, .weightGradient]
      let expected =
        phases.reduce(0) { $0 + one.problem.facts.training.multiplyAccumulates($1) }
        * Double(one.plan.options.microBatches * one.tasks.steps)
      let found = one.tasks.tasks.reduce(0.0) { sum, task in
        if case .compute(_, let work) = task.kind { sum + work.multiplyAccumulates } else { sum }
      }
      #expect(abs(found - expected) <= 1e-12 * expected, "seed \(one.seed): \(one.problem.summary)")
      checked += 1
    }
    #expect(checked > 200)
  }

  @Test func thePeakOfASingleDeviceIsThatOfTheTrainingGraph() throws {
    // The second implementation adds up the lifetimes of the training graph; a plan holds gradients for the
    // whole step, because the next micro-batch adds to them.
    for seed in UInt64(60_001)...60_200 {
      var problems = PlanProblems(seed: seed)
      let training = try problems.training()
      let device = problems.mesh(levels: 1).devices[0]
      let machine = Machine(name: "one", devices: [device])
      let count = training.graph.nodes.count
      let stage = Stage(
        group: device.group, nodes: 0..<count, rules: Array(repeating: [], count: count),
        shares: .equal(machine.groups[0]))
      let plan = Plan(
        model: "random", machine: "one", batch: training.graph.batch, stages: [stage], options: StepOptions())
      let tasks = try lower(plan, training: training, machine: machine)
      let use = try #require(tasks.memory.first)
      #expect(tasks.memory.count == 1)

      var held = [Int](repeating: 0, count: training.operations.count)
      for lifetime in training.lifetimes() {
        let type = training.type(of: lifetime.value)
        let bytes = type.elementCount * type.elementType.size.count
        let isGradient = if case .gradient = lifetime.value { true } else { false }
        for position in (isGradient ? 0 : lifetime.first)...(isGradient ? held.count - 1 : lifetime.last) {
          held[position] += bytes
        }
      }
      #expect(use.peak.count == held.max(), "seed \(seed)")
      #expect(use.parts.reduce(0) { $0 + $1.size.count } == use.peak.count, "seed \(seed)")
    }
  }

  @Test func memoryOfAnAcceptedPlanNeverExceedsTheCapacity() throws {
    for one in try LoweredProblem.random(count: 150, from: 70_000) {
      let peak = try #require(one.tasks.memory.map(\.peak).max())
      for capacity in [peak.count - 1, peak.count] {
        let machine = one.problem.machine.limiting(Bytes(capacity))
        let tasks = try? lower(one.plan, facts: one.problem.facts, machine: machine)
        #expect((tasks == nil) == (capacity < peak.count), "seed \(one.seed)")
        #expect(tasks.map { $0.memory.allSatisfy { $0.peak <= $0.capacity } } ?? true, "seed \(one.seed)")
      }
    }
  }

  @Test func theSamePlanGivesTheSameTasksAndTimeline() throws {
    for one in try LoweredProblem.random(count: 100, from: 80_000) {
      let again = try lower(one.plan, facts: one.problem.facts, machine: one.problem.machine)
      #expect(again == one.tasks, "seed \(one.seed)")
      let costs = TaskCosts(again, on: one.problem.machine)
      #expect(simulate(again, costs: costs) == simulate(one.tasks, costs: one.costs), "seed \(one.seed)")
      #expect(price(again, costs: costs) == price(one.tasks, costs: one.costs), "seed \(one.seed)")
    }
  }

  @Test func gradientsAreReducedOnceHoweverManyMicroBatchesThereAre() throws {
    // Micro-batches add to the gradients on each device; only the last one's are exchanged.
    var checked = 0
    for one in try LoweredProblem.random(count: 200, overlaps: [.none], from: 90_000) {
      func gradientBytes(_ microBatches: Int) throws -> Int {
        let options = StepOptions(overlap: .none, microBatches: microBatches, gradientBucket: nil)
        let plan = Plan(
          model: "random", machine: "random", batch: one.problem.facts.training.graph.batch * microBatches,
          stages: one.plan.stages, options: options)
        let tasks = try lower(plan, facts: one.problem.facts, machine: one.problem.machine)
        let costs = TaskCosts(tasks, on: one.problem.machine)
        return tasks.tasks.indices.reduce(0) {
          tasks.tasks[$1].label.category == .gradient ? $0 + costs.bytesMoved[$1] : $0
        }
      }
      guard let several = try? gradientBytes(3) else { continue }
      #expect(try gradientBytes(1) == several, "seed \(one.seed)")
      checked += several > 0 ? 1 : 0
    }
    #expect(checked > 30)
  }
}

extension Machine {
  /// The machine with so much memory on every device.
  func limiting(_ capacity: Bytes) -> Machine {
    Machine(
      name: name,
      devices: devices.map { device in
        Device(
          name: device.name, group: device.group, model: device.model,
          memory: Memory(
            capacity: capacity, bandwidth: device.memory.bandwidth, efficiency: device.memory.efficiency,
            energy: device.memory.energy),
          energyPerMultiplyAccumulate: device.energyPerMultiplyAccumulate, idlePower: device.idlePower)
      }, switches: switches, links: links, wireNames: wireNames, mesh: mesh, samples: samples)
  }
}
