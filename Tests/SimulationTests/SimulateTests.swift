import Graphs
import Machines
import Plans
import Results
import Simulation
import TestMachines
import Testing
import Units

struct SimulateTests {
  /// 1000 B from the only drive to the host: the wire for 1 µs, then 1 µs of latency.
  private static let toHost = flow(0, 1, 1_000)

  @Test func aDeviceRunsItsTasksInProgramOrder() {
    // Task 2 is ready at once, but stands behind task 1, which waits for device 1.
    let tasks = graph([(compute(1, 5), []), (compute(0, 1), [0]), (compute(0, 1), [])])
    let timeline = simulate(tasks, on: directMachine(drives: 1))
    #expect(timeline.taskIntervals.map(\.start) == [.zero, microseconds(5), microseconds(6)])
    #expect(timeline.makespan == microseconds(7))
  }

  @Test func transfersQueueAtAWireAndLatenciesOverlap() {
    let timeline = simulate(
      graph([(Self.toHost, []), (Self.toHost, []), (Self.toHost, [])]), on: directMachine(drives: 1))
    #expect(timeline.taskIntervals.map(\.end) == [microseconds(2), microseconds(3), microseconds(4)])
    #expect(timeline.spans.map(\.duration) == [microseconds(1), microseconds(1), microseconds(1)])
  }

  // The first to be ready goes first, and of two that are ready at once the earlier task.
  @Test func aQueueIsServedByReadyTimeAndThenByTask() {
    let timeline = simulate(
      graph([
        (compute(0, 1), []), (compute(1, 0.5), []), (Self.toHost, [0]), (Self.toHost, [1]),
        (Self.toHost, [1]),
      ]), on: directMachine(drives: 1))
    #expect(timeline.taskIntervals[3].start == SimulatedTime(500_000))
    #expect(timeline.taskIntervals[4].start == SimulatedTime(1_500_000))
    #expect(timeline.taskIntervals[2].start == SimulatedTime(2_500_000))
  }

  // 1000 B over links of 1 and 2 GB∕s with 1 and 2 µs take 1 + 3 µs; the second link, which both drives
  // share, is free after half a microsecond, long before the first exchange ends.
  @Test func eachLinkIsHeldForItsOwnTime() {
    let timeline = simulate(
      graph([(flow(0, 2, 1_000), []), (flow(1, 2, 1_000), [])]), on: switchedMachine(drives: 2))
    #expect(timeline.taskIntervals[0].end == microseconds(4))
    #expect(timeline.taskIntervals[1].start == SimulatedTime(500_000))
    #expect(timeline.makespan == SimulatedTime(4_500_000))
  }

  // A ring all-gather over 3 devices is 2 rounds of 1 µs and 1 µs latency; a second one uses the first's
  // latencies.
  @Test func roundsOfCollectivesTakeTurns() {
    let gather = TaskGraph.Kind.collective(
      Collective(
        operation: .allGather, algorithm: .ring, group: 0, level: 0, firstDevice: 0,
        parts: .even(Bytes(1_000))))
    let timeline = simulate(graph([(gather, []), (gather, [])]), on: meshMachine([3], .ring))
    #expect(timeline.taskIntervals[0] == .init(start: .zero, end: microseconds(4)))
    #expect(timeline.taskIntervals[1] == .init(start: microseconds(1), end: microseconds(5)))
    #expect(timeline.spans.count == 12)
    #expect(timeline.spans.allSatisfy { $0.category == "collective" && $0.name.hasPrefix("all-gather ") })
  }

  // As above, 4 µs of rounds, beside 3 µs of arithmetic. Devices that move the data have to do both, one
  // after the other; links that move it leave them free.
  @Test(arguments: [(Mover.links, 4), (.devices, 7)] as [(Mover, Int64)])
  func devicesThatMoveDataComputeNothingMeanwhile(mover: Mover, expected: Int64) {
    let gather = TaskGraph.Kind.collective(
      Collective(
        operation: .allGather, algorithm: .ring, group: 0, level: 0, firstDevice: 0,
        parts: .even(Bytes(1_000))))
    let timeline = simulate(
      graph([(gather, []), (compute(2, 3), [])]), on: meshMachine([3], .ring, mover: mover))
    #expect(timeline.makespan == microseconds(expected))
  }

  // Without latency the rounds of a collective touch, and are one span on each track.
  @Test func roundsThatTouchAreOneSpan() {
    let reduce = TaskGraph.Kind.collective(
      Collective(
        operation: .allReduce, algorithm: .ring, group: 0, level: 0, firstDevice: 0,
        parts: .even(Bytes(1_000))))
    let timeline = simulate(graph([(reduce, [])]), on: meshMachine([3], .ring, latency: 0))
    #expect(timeline.spans.map(\.duration) == [microseconds(4), microseconds(4), microseconds(4)])
  }

  @Test func barriersTakeNoTime() {
    let timeline = simulate(
      graph([(.barrier, []), (.barrier, [0]), (compute(0, 1), [1]), (.barrier, [2]), (compute(1, 1), [3])]),
      on: directMachine(drives: 1))
    #expect(timeline.makespan == microseconds(2))
    #expect(timeline.taskIntervals[1] == .init(start: .zero, end: .zero))
    #expect(timeline.taskIntervals[3] == .init(start: microseconds(1), end: microseconds(1)))
    #expect(timeline.spans.count == 2)
  }

  // A loop of 2 + 5 µs over one step, or over two, where the busiest device's 5 µs are longer.
  @Test(arguments: [(1, 7), (2, 5)])
  func theSteadyStateIsThePeriodOfTheLastSteps(distance: Int, expected: Int64) {
    var tasks: [(TaskGraph.Kind, [Int])] = []
    for step in 0..<6 {
      tasks += [
        (compute(0, 2), step < distance ? [] : [2 * (step - distance) + 1]), (compute(1, 5), [2 * step]),
      ]
    }
    let timeline = simulate(graph(tasks, perStep: 2), on: directMachine(drives: 1))
    #expect(timeline.makespan == microseconds(expected))
    let ends = timeline.taskIntervals.map(\.end)
    #expect(ends[11] - ends[9] == microseconds(expected))
  }

  @Test func nothingTakesNoTime() {
    let timeline = simulate(graph([]), on: directMachine(drives: 1))
    #expect(timeline.makespan == .zero && timeline.spans.isEmpty)
    #expect(timeline.criticalTasks(of: graph([])).isEmpty)
  }
}
