import Graphs
import Machines
import Plans
import Pricing
import Results
import Simulation
import TestMachines
import Testing
import Units

struct TimelineAnalysisTests {
  // Transfers of 1 µs and 1 µs latency after 1 µs of compute; the second queues behind the first until 2 µs,
  // and ends at 4 µs; device 1 computes until 2.5 µs and again from 4 µs.
  private static let tasks = graph([
    (compute(0, 1), []), (compute(1, 2.5), []), (flow(0, 1, 1_000), [0]), (flow(0, 1, 1_000), [0]),
    (compute(1, 1), [3]),
  ])

  @Test func theCriticalChainGoesThroughWhoeverWasWaitedFor() {
    let timeline = simulate(Self.tasks, on: directMachine(drives: 1))
    #expect(timeline.makespan == microseconds(5))
    // Task 3 waits for the wire that task 2 leaves at 2 µs, later than its dependence ended.
    #expect(timeline.criticalTasks(of: Self.tasks) == [0, 2, 3, 4])
  }

  @Test func communicationIsExposedWhereNothingComputes() {
    let timeline = simulate(Self.tasks, on: directMachine(drives: 1))
    #expect(timeline.exposedCommunication(of: Self.tasks) == SimulatedTime(1_500_000))
  }

  // Ten steps, each 1 µs of compute and then a transfer of 1 µs and 1 µs latency that the next step awaits:
  // of the period of 3 µs 2 µs are exposed, not 20.
  @Test func exposureIsThatOfOneStepWhereStepsOverlap() {
    let steps = (0..<10).flatMap { step in
      [
        (kind: compute(0, 1), dependencies: step == 0 ? [] : [2 * step - 1]),
        (kind: flow(0, 1, 1_000), dependencies: [2 * step]),
      ]
    }
    let tasks = graph(steps, perStep: 2)
    let timeline = simulate(tasks, on: directMachine(drives: 1))
    #expect(timeline.makespan == microseconds(3))
    #expect(timeline.exposedCommunication(of: tasks) == microseconds(2))
  }

  @Test func resourcesAreAsBusyAsPriced() {
    let costs = TaskCosts(Self.tasks, on: directMachine(drives: 1))
    let timeline = simulate(Self.tasks, costs: costs)
    #expect(
      resourceUses(of: Self.tasks, in: timeline, costs: costs) == price(Self.tasks, costs: costs).resources)
    #expect(timeline.busyTimes.reduce(.zero, +) == SimulatedTime(6_500_000))
  }
}
