import Machines
import Plans
import Pricing
import Results
import Simulation
import TestSupport
import Testing
import Units

/// The agreement properties of price and simulation, on random task graphs and machines.
struct PriceAndSimulationTests {
  #if DEBUG
    private static let seeds: Range<UInt64> = 0..<200
  #else
    private static let seeds: Range<UInt64> = 0..<2_000
  #endif

  @Test func priceIsAtMostMakespanIsAtMostSerialSum() {
    for seed in Self.seeds {
      var random = RandomTaskGraphs(seed: seed)
      let machine = random.machine()
      let tasks = random.tasks(on: machine, count: random.random.number(1...60))
      let cost = price(tasks, on: machine)
      let timeline = simulate(tasks, on: machine)
      #expect(cost.time <= timeline.makespan, "seed \(seed)")
      #expect(timeline.makespan <= cost.serialSum, "seed \(seed)")
      expectBusyAsPriced(tasks, machine, cost, timeline, seed)
      expectSpansInOrder(timeline, seed)
      expectEnergyAddsUp(cost, seed)
    }
  }

  @Test func withoutContentionTheMakespanIsTheCriticalPath() {
    for seed in Self.seeds {
      var random = RandomTaskGraphs(seed: seed &+ 1_000_000)
      let machine = random.machine()
      let contending = random.tasks(on: machine, count: random.random.number(1...60))
      let tasks = RandomTaskGraphs.withoutContention(contending, TaskCosts(contending, on: machine))
      let cost = price(tasks, on: machine)
      #expect(simulate(tasks, on: machine).makespan == cost.criticalPath, "seed \(seed &+ 1_000_000)")
      #expect(cost.time == cost.criticalPath, "seed \(seed &+ 1_000_000)")
    }
  }

  @Test func theCriticalChainLeadsFromTheStartToTheEnd() {
    for seed in Self.seeds {
      var random = RandomTaskGraphs(seed: seed &+ 2_000_000)
      let machine = random.machine()
      let tasks = random.tasks(on: machine, count: random.random.number(1...60))
      let timeline = simulate(tasks, on: machine)
      let intervals = timeline.criticalTasks(of: tasks).map { timeline.taskIntervals[$0] }
      #expect(intervals.last?.end == timeline.makespan, "seed \(seed)")
      #expect(zip(intervals, intervals.dropFirst()).allSatisfy { $0.start <= $1.start }, "seed \(seed)")
      #expect(timeline.exposedCommunication(of: tasks) <= timeline.makespan, "seed \(seed)")
    }
  }

  @Test func overlappingStepsKeepTheOrderToo() {
    for seed in Self.seeds where seed.isMultiple(of: 4) {
      var random = RandomTaskGraphs(seed: seed &+ 3_000_000)
      let machine = random.machine()
      let tasks = random.tasks(on: machine, count: random.random.number(1...25), steps: 6)
      let cost = price(tasks, on: machine)
      let timeline = simulate(tasks, on: machine)
      #expect(cost.time <= timeline.makespan, "seed \(seed)")
      #expect(timeline.makespan <= cost.serialSum, "seed \(seed)")
      expectBusyAsPriced(tasks, machine, cost, timeline, seed)
      expectSpansInOrder(timeline, seed)
    }
  }

  // Compute tasks wait for nothing but dependences and program order, so that a long run repeats at the
  // longest cycle: its mean over n steps differs from that by what happens once, at most a few steps' work,
  // divided by n.
  @Test func aLongRunRepeatsAtTheLongestCycle() {
    for seed in Self.seeds where seed.isMultiple(of: 20) {
      var random = RandomTaskGraphs(seed: seed &+ 4_000_000)
      let machine = random.machine()
      let steps = 200
      let tasks = random.tasks(on: machine, count: random.random.number(2...12), steps: steps, kinds: [0])
      let cost = price(tasks, on: machine)
      let ends = simulate(tasks, on: machine).taskIntervals.map(\.end.picoseconds)
      let count = ends.count / steps
      let half = ends[..<(count * steps / 2)].max() ?? 0
      let mean = Double((ends.max() ?? 0) - half) / Double(steps / 2)
      let once = 3 * Double(cost.serialSum.picoseconds) / Double(steps / 2)
      #expect(abs(mean - Double(cost.time.picoseconds)) <= once + 1, "seed \(seed &+ 4_000_000)")
    }
  }

  // The other implementation of bytes moved: every message of every round, and every flow, by itself.
  @Test func bytesMovedAreThoseOfTheMessages() {
    for seed in Self.seeds {
      var random = RandomTaskGraphs(seed: seed &+ 5_000_000)
      let machine = random.machine()
      let tasks = random.tasks(on: machine, count: 20, kinds: [1, 2])
      var expected = 0
      for task in tasks.tasks {
        switch task.kind {
        case .exchange(let flows): expected += flows.reduce(0) { $0 + $1.bytes.count }
        case .collective(let collective): expected += messageBytes(collective, machine)
        case .compute, .storageRead, .barrier: break
        }
      }
      #expect(price(tasks, on: machine).bytesMoved == Bytes(expected), "seed \(seed &+ 5_000_000)")
    }
  }

  @Test func theSameInputGivesTheSameOutput() {
    for seed in Self.seeds.prefix(50) {
      var (first, second) = (RandomTaskGraphs(seed: seed), RandomTaskGraphs(seed: seed))
      let (machine, again) = (first.machine(), second.machine())
      let (tasks, same) = (first.tasks(on: machine, count: 60), second.tasks(on: again, count: 60))
      #expect(price(tasks, on: machine) == price(same, on: again), "seed \(seed)")
      #expect(simulate(tasks, on: machine) == simulate(same, on: again), "seed \(seed)")
    }
  }

  private func messageBytes(_ collective: Collective, _ machine: Machine) -> Int {
    let group = machine.groups[collective.group]
    let ways = group.levels[collective.level].ways
    return (0..<group.stride(of: collective.level)).reduce(0) { sum, lane in
      let rounds = collective.algorithm.rounds(
        collective.operation, sizes: collective.parts.sizes(lane: lane, ways: ways))
      return sum + rounds.reduce(0) { $0 + $1.repetitions * $1.messages.reduce(0) { $0 + $1.bytes } }
    }
  }

  private func expectBusyAsPriced(
    _ tasks: TaskGraph, _ machine: Machine, _ cost: StepCost, _ timeline: Timeline, _ seed: UInt64
  ) {
    let uses = resourceUses(of: tasks, in: timeline, costs: TaskCosts(tasks, on: machine))
    #expect(uses == cost.resources, "seed \(seed)")
  }

  private func expectSpansInOrder(_ timeline: Timeline, _ seed: UInt64) {
    var ends = [SimulatedTime](repeating: .zero, count: timeline.tracks.count)
    var last = (start: SimulatedTime.zero, track: -1)
    var isOrdered = true
    for span in timeline.spans {
      isOrdered = isOrdered && ends[span.track] <= span.start && span.duration > .zero
      isOrdered = isOrdered && (last.start, last.track) < (span.start, span.track)
      let interval = timeline.taskIntervals[span.task]
      isOrdered = isOrdered && interval.start <= span.start && span.start + span.duration <= interval.end
      ends[span.track] = span.start + span.duration
      last = (span.start, span.track)
    }
    #expect(isOrdered, "seed \(seed)")
  }

  private func expectEnergyAddsUp(_ cost: StepCost, _ seed: UInt64) {
    #expect(cost.energy?.value == cost.energyParts.reduce(0) { $0 + $1.value }, "seed \(seed)")
  }
}
