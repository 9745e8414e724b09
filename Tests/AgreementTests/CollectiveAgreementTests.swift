import Devices
import Graphs
import Machines
import Plans
import Pricing
import Results
import Simulation
import Testing
import Units

/// A collective simulated alone takes its closed form, to the tick.
struct CollectiveAgreementTests {
  private static func machine(_ ways: Int, _ topology: Topology, _ duplex: Duplex) -> Machine {
    var random = RandomTaskGraphs(seed: UInt64(ways))
    let accelerator = random.machine().devices[0]
    // Three levels, so that there are several instances and lanes.
    let levels = [2, ways, 2].enumerated().map { index, ways in
      MeshLevel(
        name: "H\(index)", ways: ways, topology: topology, bandwidth: BytesPerSecond(0.3e9), duplex: duplex,
        latency: Seconds(0.7e-6), energy: nil)
    }
    return Machine(
      name: "mesh", devices: [Device](repeating: accelerator, count: 4 * ways),
      mesh: Mesh(devices: (0..<(4 * ways)).map { DeviceID($0) }, levels: levels))
  }

  @Test(
    arguments: [Topology.ring, .line, .fullyConnected, .switch, .tree], [Duplex.half, .full])
  func aCollectiveAloneTakesItsClosedForm(topology: Topology, duplex: Duplex) {
    var random = RandomTaskGraphs(seed: 7)
    for ways in 2...9 {
      let machine = Self.machine(ways, topology, duplex)
      let tables = CostTables(machine: machine, precision: .float32, elementSizes: ElementSizes(.float32))
      for operation in CollectiveOperation.allCases {
        for algorithm in CollectiveAlgorithm.allCases {
          for _ in 0..<4 {
            let collective = Collective(
              operation: operation, algorithm: algorithm, group: 0, level: 1, firstDevice: 2 * ways,
              parts: random.parts(ways: ways, lanes: 2))
            let tasks = TaskGraph(
              tasks: [
                .init(
                  kind: .collective(collective), label: .init(category: .conversion, name: "x"),
                  dependencies: [])
              ],
              elementSizes: ElementSizes(.float32), precision: .float32, steps: 1, memory: [])
            let costs = TaskCosts(tasks, tables: tables)
            let closed = tables.collectiveTime(of: collective)
            #expect(
              simulate(tasks, costs: costs).makespan == closed, "\(operation) \(algorithm) over \(ways)")
            #expect(price(tasks, costs: costs).time == closed, "\(operation) \(algorithm) over \(ways)")
            #expect(tables.bytesReceived(by: collective) == price(tasks, costs: costs).bytesMoved)
          }
        }
      }
    }
  }
}
