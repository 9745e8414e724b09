import Diagnostics
import Machines
import Testing
import Units

@Suite struct MachineReaderTests {
  @Test func everyPartIsRead() throws {
    let machine = try readMachine(yaml: wholeMachine, file: "machine.yaml")
    #expect(machine.name == "one NPU fed by four near-storage drives")
    #expect(
      machine.devices.map(\.name)
        == ["host", "npu"] + (0..<4).map { "drive[\($0)]" } + (0..<8).map { "gpu[\($0)]" })
    #expect(machine.devices[3].group == "drive")
    #expect(machine.switches == ["root", "mesh-root"])
    #expect(machine.samples == SampleLocation(devices: (2..<6).map { DeviceID($0) }, bytesPerElement: 1))
    let host = machine.devices[0]
    #expect(
      host.model
        == .processor(
          Roofline(
            peaks: [.float32: FLOPsPerSecond(1.2e12)], efficiency: EfficiencyCurve(constant: 0.5),
            launch: Seconds(5e-6))))
    #expect(host.idlePower == Watts(30))
    #expect(host.memory.energy == nil)
    let npu = machine.devices[1]
    #expect(npu.model == .systolicArray(SystolicArray(rows: 64, columns: 64, clock: Hertz(700e6))))
    #expect(npu.energyPerMultiplyAccumulate == JoulesPerOperation(1e-12))
    #expect(
      npu.memory
        == Memory(
          capacity: Bytes(16 << 30), bandwidth: BytesPerSecond(256e9), efficiency: 0.8,
          energy: JoulesPerByte(20e-12)))
    let flash = Flash(
      channels: 8, diesPerChannel: 8, page: Bytes(16_384), read: Seconds(75e-6), program: Seconds(750e-6),
      bus: BytesPerSecond(333e6), efficiency: 0.75)
    #expect(
      machine.devices[5].model
        == .nearStorage(SystolicArray(rows: 32, columns: 32, clock: Hertz(200e6)), flash))
  }

  // 4 drives to the host, the host to the NPU, one GPU to the root, 8 GPUs to the mesh's root and that to
  // the host, two directions each; half duplex shares a wire.
  @Test func linksAreMadeForEachDeviceAndDirection() throws {
    let machine = try readMachine(yaml: wholeMachine, file: "machine.yaml")
    #expect(machine.links.count == 2 * (4 + 1 + 1 + 8 + 1))
    #expect(machine.links[2].name == "drive[1]→host")
    #expect(machine.links[2].from == .device(DeviceID(3)))
    #expect(machine.links[3].to == .device(DeviceID(3)))
    #expect(machine.links[2].wire != machine.links[3].wire)
    #expect(machine.links[8].name == "host→npu")
    #expect(machine.links[8].wire == machine.links[9].wire)
    #expect(machine.links[8].energy == JoulesPerByte(5e-12))
    #expect(machine.wireNames.count == machine.links.count - 1)
    #expect(machine.links[10].from == .device(DeviceID(9)))
    #expect(machine.links[10].to == .switch(0))
    let last = try #require(machine.links.last)
    #expect(last.from == .device(DeviceID(0)))
    #expect(last.to == .switch(1))
    for link in machine.links { #expect(machine.wireNames.indices.contains(link.wire)) }
  }

  // 1 pJ a bit is 8 pJ a byte.
  @Test func aTorusBecomesTwoLevelsOfRings() throws {
    let mesh = try #require(try readMachine(yaml: wholeMachine, file: "machine.yaml").mesh)
    #expect(mesh.devices == (6..<14).map { DeviceID($0) })
    #expect(mesh.levels.map(\.name) == ["top", "grid-0", "grid-1"])
    #expect(mesh.levels.map(\.topology) == [.fullyConnected, .ring, .ring])
    #expect(mesh.levels.map(\.ways) == [2, 2, 2])
    #expect(mesh.levels.map(\.duplex) == [.full, .half, .half])
    #expect(mesh.levels[2].energy == JoulesPerByte(8e-12))
  }

  @Test(arguments: [
    ("topology: torus, shape: [2, 2]", "topology: mesh, shape: [2, 2]", [Topology.line, .line]),
    ("topology: torus, shape: [2, 2]", "topology: mesh, ways: 4", [.line]),
    ("topology: torus, shape: [2, 2]", "topology: torus, ways: 4", [.ring]),
    ("topology: torus, shape: [2, 2]", "topology: ring, ways: 4", [.ring]),
    ("topology: torus, shape: [2, 2]", "topology: switch, ways: 4", [.switch]),
    ("topology: torus, shape: [2, 2]", "topology: tree, ways: 4", [.tree]),
  ]) func topologiesAreRead(old: String, new: String, expected: [Topology]) throws {
    let mesh = try readMachine(yaml: wholeMachine.replacingFirst(old, by: new), file: "").mesh
    #expect(mesh?.levels.dropFirst().map(\.topology) == expected)
  }

  @Test func aProcessorMayHaveAnInstructionSet() throws {
    let yaml = wholeMachine.replacingFirst(
      "{kind: processor, ", by: "{kind: processor, instruction-set: avx512-core, ")
    let machine = try readMachine(yaml: yaml, file: "")
    #expect(machine.devices[0].instructionSet == .avx512Core)
    #expect(machine.withoutKernelRates.devices[0].instructionSet == .avx512Core)
    #expect(try readMachine(yaml: wholeMachine, file: "").devices[0].instructionSet == nil)
  }

  @Test func aProcessorMaySayOnHowManyThreadsARankComputes() throws {
    let yaml = wholeMachine.replacingFirst("{kind: processor, ", by: "{kind: processor, threads: 3, ")
    #expect(try readMachine(yaml: yaml, file: "").devices[0].threads == 3)
    #expect(try readMachine(yaml: wholeMachine, file: "").devices[0].threads == nil)
  }

  @Test func severalKindsStandInTheMeshInTheirOrder() throws {
    let yaml = try #require(MachineCatalogue().yaml(named: "unequal-gpus"))
    let mesh = try readMachine(yaml: yaml.replacingFirst("[fast, slow]", by: "[slow, fast]"), file: "").mesh
    #expect(mesh?.devices == [DeviceID(1), DeviceID(0)])
  }

  @Test func parallelLinksHaveNamesOfTheirOwn() throws {
    let link = "- {from: host, to: npu, bandwidth: 1 GB/s, latency: 0 s, duplex: half, source: assumed}\n"
    let yaml = wholeMachine.replacingFirst("links:\n", by: "links:\n  \(link)  \(link)")
    let machine = try readMachine(yaml: yaml, file: "")
    #expect(machine.links.prefix(4).map(\.name) == ["host→npu", "npu→host", "host→npu#2", "npu→host#2"])
    #expect(Set(machine.wireNames).count == machine.wireNames.count)
  }

  @Test func whatHasNoSourceIsAWarning() throws {
    let yaml = wholeMachine.replacingFirst(", idle-power: 30 W, source: assumed}", by: "}")
      .replacingFirst("duplex: full, source: assumed}", by: "duplex: full}")
    let warnings = try MachineFile(yaml: yaml, file: "m.yaml").warnings
    #expect(warnings.compactMap { $0.location?.part } == ["devices.host", "links[0]"])
    #expect(try MachineFile(yaml: wholeMachine, file: "m.yaml").warnings.isEmpty)
  }

  @Test func aliasesStandForWhatTheyName() throws {
    let yaml = wholeMachine.replacingFirst("memory: {capacity: 64 GiB", by: "memory: &m {capacity: 64 GiB")
      .replacingFirst("memory: {capacity: 80 GB, bandwidth: 2 TB/s, efficiency: 0.9}", by: "memory: *m")
    let machine = try readMachine(yaml: yaml, file: "")
    #expect(machine.devices[8].memory == machine.devices[0].memory)
  }

  @Test func theMostDevicesAreRead() throws {
    let yaml = try #require(MachineCatalogue().yaml(named: "dpt-vision"))
    let machine = try readMachine(yaml: yaml.replacingFirst("count: 4", by: "count: 65534"), file: "")
    #expect(machine.devices.count == 65_536)
    #expect(!faults(yaml.replacingFirst("count: 4", by: "count: 65535")).isEmpty)
  }
}
