import Graphs
import Machines
import Plans
import Pricing
import Results
import TestMachines
import Testing
import Units

struct PriceTests {
  /// 1000 B from the first of a number of drives to the host: the link for 1 µs, and then 1 µs more.
  private static func toHost(_ drives: Int) -> TaskGraph.Kind { flow(0, drives, 1_000) }

  // Two branches of 3 and 2 + 2 µs between tasks of 1 µs: 1 + 4 + 1.
  @Test func theCriticalPathIsTheLongestChain() {
    let tasks = graph([
      (compute(0, 1), []), (compute(1, 3), [0]), (Self.toHost(2), [0]), (compute(2, 2), [2]),
      (compute(0, 1), [1, 3]),
    ])
    let cost = price(tasks, on: directMachine(drives: 2))
    #expect(cost.criticalPath == microseconds(6))
    #expect(cost.time == microseconds(6))
    #expect(cost.serialSum == microseconds(9))
    #expect(cost.bytesMoved == Bytes(1_000))
  }

  @Test func programOrderCountsAsADependence() {
    let cost = price(graph([(compute(0, 2), []), (compute(0, 3), [])]), on: directMachine(drives: 1))
    #expect(cost.criticalPath == microseconds(5))
  }

  // Three transfers at once over one wire: 3 µs of occupancy against a chain of 2 µs.
  @Test func theBusiestResourceBoundsTheTime() {
    let cost = price(
      graph([(Self.toHost(1), []), (Self.toHost(1), []), (Self.toHost(1), [])]), on: directMachine(drives: 1))
    #expect(cost.criticalPath == microseconds(2))
    #expect(cost.time == microseconds(3))
    #expect(cost.busiest?.name == "drive[0]→host")
    #expect(cost.resources.map(\.bytes) == [Bytes(3_000)])
  }

  @Test func partsAddUp() {
    let cost = price(
      graph([(compute(0, 1), []), (Self.toHost(1), [0]), (compute(1, 2), [1])]), on: directMachine(drives: 1))
    #expect(cost.timeParts.map(\.kind) == ["forward", "transfer"])
    let sum = cost.timeParts.reduce(0) { $0 + $1.value }
    #expect(abs(sum - cost.serialSum.seconds.value) < 1e-15)
    #expect(cost.energy?.value == cost.energyParts.reduce(0) { $0 + $1.value })
    // Two devices of 3 W over 5 µs.
    let idle = cost.energyParts.filter { $0.kind == "idle" }.reduce(0) { $0 + $1.value }
    #expect(abs(idle - 2 * 3 * 5e-6) < 1e-18)
  }

  // Device 0 works 2 µs, device 1 then 5 µs, each step after the last only by program order.
  @Test func theBusiestDeviceSetsTheSteadyState() {
    var tasks: [(TaskGraph.Kind, [Int])] = []
    for step in 0..<4 { tasks += [(compute(0, 2), []), (compute(1, 5), [2 * step])] }
    let cost = price(graph(tasks, perStep: 2), on: directMachine(drives: 1))
    #expect(cost.time == microseconds(5))
    #expect(cost.serialSum == microseconds(7))
  }

  // Device 0 of step t waits for device 1 of step t − d: a loop of 7 µs over d steps, but never under 5 µs.
  @Test(arguments: [(1, 7), (2, 5)])
  func aLoopOverStepsSetsTheSteadyState(distance: Int, expected: Int64) {
    var tasks: [(TaskGraph.Kind, [Int])] = []
    for step in 0..<5 {
      tasks += [
        (compute(0, 2), step < distance ? [] : [2 * (step - distance) + 1]), (compute(1, 5), [2 * step]),
      ]
    }
    #expect(price(graph(tasks, perStep: 2), on: directMachine(drives: 1)).time == microseconds(expected))
  }

  // Five devices in a loop of 1 + 2 + 3 + 2 + 2 µs that reaches back three steps: 10 ∕ 3 µs, above the
  // busiest 3 µs.
  @Test func aMeanThatIsNoWholeTickIsRoundedUp() {
    var tasks: [(TaskGraph.Kind, [Int])] = []
    for step in 0..<6 {
      let first = 5 * step
      tasks += [
        (compute(0, 1), step < 3 ? [] : [first - 15 + 4]), (compute(1, 2), [first]),
        (compute(2, 3), [first + 1]), (compute(3, 2), [first + 2]), (compute(4, 2), [first + 3]),
      ]
    }
    let cost = price(graph(tasks, perStep: 5), on: directMachine(drives: 4))
    #expect(cost.time == SimulatedTime(3_333_334))
  }
}
