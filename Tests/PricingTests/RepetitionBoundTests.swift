import Devices
import Graphs
import Machines
import Plans
import Pricing
import TestMachines
import Testing
import Units

struct RepetitionBoundTests {
  /// One micro-batch that takes 2 µs on the first drive and then 3 µs on the second, and an update of 1 µs
  /// there that belongs to the step.
  private static let tasks = TaskGraph(
    tasks: [
      .init(kind: compute(0, 2), label: .init(category: .forward, name: "front"), dependencies: []),
      .init(kind: compute(1, 3), label: .init(category: .forward, name: "rest"), dependencies: [0]),
      .init(kind: compute(1, 1), label: .init(category: .update, name: "weights"), dependencies: [1]),
    ],
    elementSizes: ElementSizes(.float32), precision: .float32, steps: 1, memory: [])

  private static func bound(microBatches: Int, _ overlap: Overlap) -> SimulatedTime {
    let costs = TaskCosts(tasks, on: directMachine(drives: 2))
    return repetitionBound(tasks, costs: costs, microBatches: microBatches, overlap: overlap)
  }

  @Test func oneMicroBatchTakesItsCriticalPath() {
    #expect(Self.bound(microBatches: 1, .backward) == microseconds(2 + 3 + 1))
  }

  // The second drive is reached after 2 µs, works 4 · 3 µs and updates once. The first one would give
  // 4 · 2 + 3 + 1 = 12 µs.
  @Test func thePipelineFillsAndTheUpdateComesOnce() {
    #expect(Self.bound(microBatches: 4, .backward) == microseconds(2 + 4 * 3 + 1))
  }

  // The filling lies under the step before, so that only what the second drive does is left.
  @Test func overlappingStepsHideTheFilling() {
    #expect(Self.bound(microBatches: 4, .steady) == microseconds(4 * 3 + 1))
  }

  // 2 days a micro-batch, a thousand of them: more ticks than Int64 holds.
  @Test func aBoundBeyondTheClockSaturates() {
    let day = 86_400e6
    let tasks = graph([(compute(0, day), []), (compute(0, day), [0])])
    let costs = TaskCosts(tasks, on: directMachine(drives: 1))
    let bound = repetitionBound(tasks, costs: costs, microBatches: 1000, overlap: .backward)
    #expect(bound >= SimulatedTime.longest)
  }
}
