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

/// Laws that hold whatever the right answer is: scaling, renaming, and more of a good thing.
struct PlanMetamorphicTests {
  @Test func twiceTheRatesWithoutLatenciesHalveTheStep() throws {
    // Each task is rounded up to a tick, so that the halves differ by at most a tick for each task.
    for one in try LoweredProblem.random(count: 150, overlaps: [.none, .backward], from: 110_000) {
      let slow = one.problem.machine.scaled(1e-4, latencies: 0)
      let fast = one.problem.machine.scaled(2e-4, latencies: 0)
      let times = try [slow, fast].map { machine in
        let tasks = try lower(one.plan, facts: one.problem.facts, machine: machine)
        let costs = TaskCosts(tasks, on: machine)
        return (
          price(tasks, costs: costs).time.picoseconds, simulate(tasks, costs: costs).makespan.picoseconds
        )
      }
      let slack = 1e-9 * Double(times[0].0) + 8 * Double(one.tasks.tasks.count)
      #expect(abs(Double(times[0].0 - 2 * times[1].0)) <= slack, "seed \(one.seed)")
      // A tick may change who is served first, so that only a step without waiting is held to the same law.
      if one.plan.options.overlap == .none {
        #expect(abs(Double(times[0].1 - 2 * times[1].1)) <= slack, "seed \(one.seed)")
      }
    }
  }

  @Test func otherNamesChangeNothing() throws {
    for seed in UInt64(120_001)...120_060 {
      var problems = PlanProblems(seed: seed)
      let problem = try problems.problem()
      let graph = problem.facts.training.graph
      let renamed = Graph(
        name: "renamed",
        tensors: graph.tensors.enumerated().map { index, tensor in
          Tensor(name: "t\(graph.tensors.count - index)", type: tensor.type, role: tensor.role)
        },
        nodes: graph.nodes.enumerated().map { index, node in
          Node(
            name: "z\(graph.nodes.count - index)", operator: node.operator, inputs: node.inputs,
            outputs: node.outputs)
        }, inputs: graph.inputs, outputs: graph.outputs)
      let other = PlanningProblem(
        facts: StepFacts(try differentiate(renamed, optimizer: problem.facts.training.optimizer)),
        machine: problem.machine, batch: problem.batch, step: problem.step, options: problem.options)
      let (one, two) = (PlanMeasure(problem), PlanMeasure(other))
      let first = search(problem) { one.value(of: $0, limit: nil) }
      let second = search(other) { two.value(of: $0, limit: nil) }
      #expect(first.best?.value == second.best?.value, "seed \(seed)")
      #expect(first.best?.plan.stages == second.best?.plan.stages, "seed \(seed)")
      #expect(first.states == second.states, "seed \(seed)")
    }
  }

  @Test func fasterLinksNeverMakeTheExactBestWorse() throws {
    for seed in UInt64(130_001)...130_150 {
      var problems = PlanProblems(seed: seed)
      let base = try problems.problem()
      // Fewer cells than devices may leave nothing that can be split.
      if let cells = base.step.cells, min(cells, base.batch) < base.machine.devices.count { continue }
      var best = Double.infinity
      for factor in [1.0, 1.5, 4] {
        let problem = PlanningProblem(
          facts: base.facts, machine: base.machine.scaled(1, links: factor), batch: base.batch,
          step: base.step,
          options: SearchOptions(objective: .time, axes: base.options.axes, refinesShares: false))
        let measure = PlanMeasure(problem)
        let outcome = search(problem) { measure.value(of: $0, limit: nil) }
        let reasons = outcome.rejected.first?.violations.violations ?? []
        let value = try #require(
          outcome.best?.value.objective, "seed \(seed): \(reasons), \(problem.summary)")
        #expect(value <= best, "seed \(seed), \(factor) ×: \(problem.summary)")
        best = value
      }
    }
  }

  @Test func moreAxesNeverMakeTheExactBestWorse() throws {
    for seed in UInt64(140_001)...140_150 {
      var problems = PlanProblems(seed: seed)
      let base = try problems.problem()
      // Where the batch, or its cells, do not suffice for all devices, other axes are allowed from the
      // beginning.
      guard min(base.batch, base.step.cells ?? base.batch) >= 4 else { continue }
      var best = Double.infinity
      for axes: [AxisRole] in [[.batch], [.batch, .inputChannel], [.batch, .inputChannel, .outputChannel]] {
        let problem = PlanningProblem(
          facts: base.facts, machine: base.machine, batch: base.batch, step: base.step,
          options: SearchOptions(
            objective: base.options.objective, axes: axes, refinesShares: false))
        let measure = PlanMeasure(problem)
        guard
          let value = search(problem, evaluate: { measure.value(of: $0, limit: nil) }).best?.value.objective
        else { continue }
        let slack = problem.options.objective == .energy ? 1e-12 * value : 0
        #expect(value <= best + slack, "seed \(seed), \(axes): \(problem.summary)")
        best = value
      }
    }
  }
}

extension Machine {
  /// The machine with all rates times a factor, those of links times another besides, and latencies scaled.
  func scaled(_ factor: Double, links linkFactor: Double = 1, latencies: Double = 1) -> Machine {
    Machine(
      name: name, devices: devices.map { $0.scaled(factor, latencies: latencies) }, switches: switches,
      links: links.map { link in
        Link(
          name: link.name, from: link.from, to: link.to, bandwidth: factor * linkFactor * link.bandwidth,
          latency: latencies * link.latency, energy: link.energy, wire: link.wire)
      }, wireNames: wireNames,
      mesh: mesh.map { mesh in
        Mesh(
          devices: mesh.devices,
          levels: mesh.levels.map { level in
            MeshLevel(
              name: level.name, ways: level.ways, topology: level.topology,
              bandwidth: factor * linkFactor * level.bandwidth, duplex: level.duplex,
              latency: latencies * level.latency, energy: level.energy)
          })
      }, samples: samples)
  }
}

extension Device {
  fileprivate func scaled(_ factor: Double, latencies: Double) -> Device {
    func array(_ array: SystolicArray) -> SystolicArray {
      SystolicArray(rows: array.rows, columns: array.columns, clock: Hertz(factor * array.clock.value))
    }
    func roofline(_ roofline: Roofline) -> Roofline {
      Roofline(
        peaks: PeakRates(
          roofline.peaks.precisions.map { ($0, FLOPsPerSecond(factor * (roofline.peaks[$0]?.value ?? 0))) }),
        efficiency: roofline.efficiency, launch: latencies * roofline.launch)
    }
    let scaled: ComputeModel =
      switch model {
      case .processor(let one): .processor(roofline(one))
      case .gpu(let one): .gpu(roofline(one))
      case .systolicArray(let one): .systolicArray(array(one))
      case .rowStationaryArray(let one): .rowStationaryArray(one)
      case .nearStorage(let one, let flash):
        .nearStorage(
          array(one),
          Flash(
            channels: flash.channels, diesPerChannel: flash.diesPerChannel, page: flash.page,
            read: Seconds(flash.read.value / factor), program: Seconds(flash.program.value / factor),
            bus: factor * flash.bus, efficiency: flash.efficiency))
      }
    return Device(
      name: name, group: group, model: scaled,
      memory: Memory(
        capacity: memory.capacity, bandwidth: factor * memory.bandwidth, efficiency: memory.efficiency,
        energy: memory.energy), energyPerMultiplyAccumulate: energyPerMultiplyAccumulate, idlePower: idlePower
    )
  }
}
