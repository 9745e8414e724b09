import Devices
import Graphs
import Machines
import Plans
import Results
import TestMachines
import Testing
import Units

struct TaskCostTests {
  // Two links of 1 and 2 GB∕s with 1 and 2 µs: 10⁶ B cut through in 1 ms + 3 µs, and occupy 1 and 0.5 ms.
  @Test func anExchangeTakesItsSlowestLinkAndAllLatencies() {
    let machine = switchedMachine(drives: 1)
    let costs = TaskCosts(
      graph([(.exchange([Flow(from: DeviceID(0), to: DeviceID(1), bytes: Bytes(1_000_000))]), [])]),
      on: machine)
    let cost = costs.cost(of: 0)
    #expect(cost.duration == SimulatedTime(1_003_000_000))
    let wires = [0, 3].map { costs.resources.wire(of: machine.links[$0]) }
    #expect(cost.occupancies.map(\.resource) == wires)
    #expect(cost.occupancies.map(\.time) == [SimulatedTime(1_000_000_000), SimulatedTime(500_000_000)])
    #expect(cost.received.map(\.bytes) == [1_000_000, 1_000_000])
    #expect(costs.bytesMoved == [1_000_000])
  }

  // Two lanes of two devices exchange over the top level: 1000 B at 1 GB∕s and 1 µs of latency, all four
  // devices being at it for both. A level below has devices of its own.
  @Test func moversAreOccupiedForWholeRounds() {
    let gather = TaskGraph.Kind.collective(
      Collective(
        operation: .allGather, algorithm: .ring, group: 0, level: 0, firstDevice: 0,
        parts: .even(Bytes(1_000))))
    let costs = TaskCosts(graph([(gather, [])]), on: meshMachine([2, 2], .ring, mover: .devices))
    let cost = costs.cost(of: 0)
    #expect(cost.duration == SimulatedTime(2_000_000))
    let movers = cost.occupancies.filter { $0.resource < 4 }
    #expect(movers.map(\.resource) == [0, 1, 2, 3])
    #expect(movers.allSatisfy { $0.time == cost.duration && $0.bytes == 0 })
    #expect(
      TaskCosts(graph([(gather, [])]), on: meshMachine([2, 2], .ring)).cost(of: 0).duration == cost.duration)
    let below = TaskGraph.Kind.collective(
      Collective(
        operation: .allGather, algorithm: .ring, group: 0, level: 1, firstDevice: 2,
        parts: .even(Bytes(1_000))))
    let occupied = TaskCosts(graph([(below, [])]), on: meshMachine([2, 2], .ring, mover: .devices)).cost(
      of: 0)
    #expect(occupied.occupancies.map(\.resource).filter { $0 < 4 } == [2, 3])
  }

  // 10⁶ MACs at 1 TFLOP∕s: 2 µs and 4 µJ; 1000 activations: 4 kB and 8 nJ.
  @Test func computeCostsTimeAndEnergyOfItsDevice() {
    let work = Work(multiplyAccumulates: 1e6, activationElements: 1_000)
    let costs = TaskCosts(
      graph([(.compute(DeviceID(0), work), []), (.compute(DeviceID(0), Work()), [0])]),
      on: switchedMachine(drives: 1))
    #expect(costs.durations == [SimulatedTime(2_000_000), .zero])
    let cost = costs.cost(of: 0)
    #expect(cost.arithmeticEnergy.map { abs($0.value - 4e-6) < 1e-18 } == true)
    #expect(cost.memoryEnergy.map { abs($0.value - 8e-9) < 1e-21 } == true)
    #expect(tables(switchedMachine(drives: 1)).computeTime(of: work, on: DeviceID(0)) == costs.durations[0])
  }

  @Test func programOrderIsTheOrderOfTasksOnADevice() {
    let work = Work(multiplyAccumulates: 1e6)
    let costs = TaskCosts(
      graph([
        (.compute(DeviceID(0), work), []), (.compute(DeviceID(1), work), []), (.barrier, []),
        (.compute(DeviceID(0), work), []), (.compute(DeviceID(1), work), []),
      ]), on: switchedMachine(drives: 1))
    #expect(costs.programPredecessors == [-1, -1, -1, 0, 1])
  }

  // Arithmetic 4 + 0, memory 8 nJ, link 7 pJ × 10³ B × 2 links, idle 2 devices × 3 W × 1 s.
  @Test func energyPartsAddUpInTheirOrder() {
    let machine = switchedMachine(drives: 1)
    let work = Work(multiplyAccumulates: 1e6, activationElements: 1_000)
    let costs = TaskCosts(
      graph([
        (.compute(DeviceID(0), work), []),
        (.exchange([Flow(from: DeviceID(0), to: DeviceID(1), bytes: Bytes(1_000))]), [0]),
      ]), on: machine)
    let energy = costs.energy(of: [0, 1], over: SimulatedTime(1_000_000_000_000))
    #expect(
      energy.parts.map(\.kind) == ["arithmetic", "memory", "communication", "communication", "idle", "idle"])
    #expect(
      energy.parts.map(\.name) == ["drive[0]", "drive[0]", "drive[0]→root", "root→host", "drive[0]", "host"])
    let expected = 4e-6 + 8e-9 + 2 * 7e-9 + 6
    #expect(energy.total.map { abs($0.value - expected) < 1e-12 } == true)
    #expect(energy.total?.value == energy.parts.reduce(0) { $0 + $1.value })
  }

  @Test func aMissingCoefficientLeavesNoTotal() {
    let machine = Machine(name: "one", devices: [processor("p", energies: false)])
    let costs = TaskCosts(graph([(.compute(DeviceID(0), Work(multiplyAccumulates: 1)), [])]), on: machine)
    #expect(costs.energy(of: [0], over: .zero).total == nil)
    #expect(costs.cost(of: 0).arithmeticEnergy == nil)
    // There are no accesses, so that no coefficient of memory is needed.
    #expect(costs.cost(of: 0).memoryEnergy == .zero)
  }

  // A drive of 2 GB∕s: 8 buses of 0.25 GB∕s; dies are faster (8·8 pages of 16 KiB in 75 µs + 65.5 µs).
  @Test func readingTakesTheRateOfTheFlash() {
    let flash = Flash(
      channels: 8, diesPerChannel: 8, page: Bytes(16_384), read: Seconds(75e-6), program: Seconds(750e-6),
      bus: BytesPerSecond(0.25e9), efficiency: 1)
    let array = SystolicArray(rows: 32, columns: 32, clock: Hertz(2e8))
    let drive = Device(
      name: "drive", group: "drive", model: .nearStorage(array, flash), memory: processor("p").memory,
      energyPerMultiplyAccumulate: nil, idlePower: nil)
    let costs = TaskCosts(
      graph([(.storageRead(DeviceID(0), bytes: Bytes(2_000_000)), [])]),
      on: Machine(name: "one", devices: [drive]))
    #expect(costs.durations == [SimulatedTime(1_000_000_000)])
    #expect(
      costs.cost(of: 0).occupancies.map { costs.resources.resources[$0.resource].name } == ["drive storage"])
    #expect(costs.bytesMoved == [0])
  }

  @Test func equalCollectivesShareTheirRounds() {
    let collective = Collective(
      operation: .allReduce, algorithm: .ring, group: 0, level: 0, firstDevice: 0, parts: .even(Bytes(100)))
    let costs = TaskCosts(
      graph([(.collective(collective), []), (.collective(collective), [0])]), on: meshMachine([4], .ring))
    #expect(costs.rounds[0] == costs.rounds[1])
    #expect(costs.allRounds.count == 1 && costs.allRounds[0].repetitions == 6)
    // Four devices receive 2 · 3 parts of 100 B over a level of 5 pJ a byte.
    #expect(costs.bytesMoved == [2_400, 2_400])
    let energy = costs.energy(of: [0], over: .zero)
    #expect(energy.parts.map(\.name) == ["H1"])
    #expect(energy.parts.map(\.value) == [2_400 * 5e-12])
  }

  // Two lanes of three ways, one with parts of 1 kB, one with 1, 2 and 3 kB: in both rounds of the all-gather
  // some port of the second lane carries 3 kB at 1 GB∕s, and 1 µs follows.
  @Test func anEvenLaneKeepsStepWithAnUnevenOne() {
    let sizes = [1_000, 1_000, 1_000, 1_000, 2_000, 3_000].map { Bytes($0) }
    let collective = Collective(
      operation: .allGather, algorithm: .ring, group: 0, level: 0, firstDevice: 0,
      parts: CollectiveParts(sizes, ways: 3))
    let tables = tables(meshMachine([3, 2], .ring))
    #expect(tables.collectiveTime(of: collective) == SimulatedTime(8_000_000))
    let costs = TaskCosts(graph([(.collective(collective), [])]), tables: tables)
    #expect(costs.durations == [SimulatedTime(8_000_000)])
    // Each device receives what the other two of its lane own: 3 · 2 kB and 5 + 4 + 3 kB.
    #expect(costs.bytesMoved == [18_000])
  }
}
