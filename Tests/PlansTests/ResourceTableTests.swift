import Machines
import Plans
import Results
import TestMachines
import Testing
import Units

struct ResourceTableTests {
  private static func names(_ machine: Machine) -> [String] {
    ResourceTable(machine).resources.filter { $0.kind == .link }.map(\.name)
  }

  @Test func aTreeHasOneLinkForEachGroup() {
    #expect(
      Self.names(meshMachine([2, 2], .tree, duplex: .half)) == ["H1 group 0", "H2 group 0", "H2 group 1"])
    #expect(Self.names(meshMachine([2], .tree)) == ["H1 group 0 →", "H1 group 0 ←"])
  }

  @Test func otherTopologiesHavePortsForEachDevice() {
    let (a, b, c) = ("accelerator[0]", "accelerator[1]", "accelerator[2]")
    #expect(
      Self.names(meshMachine([3], .ring, duplex: .half)) == ["H1 \(a)–\(b)", "H1 \(b)–\(c)", "H1 \(c)–\(a)"])
    #expect(Self.names(meshMachine([2], .ring)) == ["H1 \(a)→\(b)", "H1 \(b)→\(a)"])
    #expect(
      Self.names(meshMachine([3], .line))
        == ["H1 \(a)→\(b)", "H1 \(b)→\(c)", "H1 \(b)→\(a)", "H1 \(c)→\(b)"])
    #expect(Self.names(meshMachine([2], .switch, duplex: .half)) == ["H1 port \(a)", "H1 port \(b)"])
    #expect(Self.names(meshMachine([1], .fullyConnected)).isEmpty)
  }

  // The lanes of the upper of two levels of two ways are devices 0, 2 and devices 1, 3.
  @Test func lanesHavePortsOfTheirOwn() {
    #expect(
      Self.names(meshMachine([2, 2], .ring)).prefix(4) == [
        "H1 accelerator[0]→accelerator[2]", "H1 accelerator[2]→accelerator[0]",
        "H1 accelerator[1]→accelerator[3]", "H1 accelerator[3]→accelerator[1]",
      ])
  }

  @Test func bothDirectionsOfAHalfDuplexLinkShareAWire() {
    let machine = switchedMachine(drives: 2, duplex: .half)
    let table = ResourceTable(machine)
    #expect(table.wire(of: machine.links[0]) == table.wire(of: machine.links[1]))
    #expect(table.wire(of: machine.links[0]) != table.wire(of: machine.links[2]))
    #expect(table.resources[table.wire(of: machine.links[2])].name == "drive[1]→root")
  }

  @Test(arguments: [Topology.ring, .line, .fullyConnected, .switch, .tree], [Duplex.half, .full])
  func namesAreUnique(topology: Topology, duplex: Duplex) {
    // Levels of one name must not share the names of their ports.
    let mesh = meshMachine([2, 3, 2], topology, duplex: duplex)
    let levels = (mesh.mesh?.levels ?? []).map {
      MeshLevel(
        name: "X", ways: $0.ways, topology: $0.topology, bandwidth: $0.bandwidth, duplex: $0.duplex,
        latency: $0.latency, energy: $0.energy)
    }
    let machine = Machine(
      name: "mesh", devices: mesh.devices,
      mesh: Mesh(devices: mesh.devices.indices.map { DeviceID($0) }, levels: levels))
    let names = ResourceTable(machine).resources.map(\.name)
    #expect(Set(names).count == names.count)
  }
}
