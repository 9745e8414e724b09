import Diagnostics
import Machines
import Testing
import Units

@Suite struct PhysicsFieldTests {
  @Test(arguments: MachineCatalogue().names) func doublingAnyFieldChangesTheMachine(name: String) throws {
    let yaml = try #require(MachineCatalogue().yaml(named: name))
    let machine = try readMachine(yaml: yaml, file: name)
    let fields = try physicsFields(yaml: yaml, file: name)
    #expect(fields.count >= 4)
    #expect(Set(fields.map(\.path)).count == fields.count)
    for field in fields {
      #expect(try readMachine(yaml: yaml, file: name, doubling: field) != machine, "\(field.path)")
    }
  }

  @Test func everyFieldIsNamedByItsPathAndLine() throws {
    let fields = try physicsFields(yaml: wholeMachine, file: "")
    let lines = wholeMachine.split(separator: "\n", omittingEmptySubsequences: false)
    for (path, text) in [
      ("devices.host.peak.float32", "1.2 TFLOP/s"), ("devices.host.efficiency", "efficiency: 0.5"),
      ("devices.npu.memory.energy", "20 pJ/B"), ("devices.npu.energy-per-mac", "energy-per-mac: 1 pJ"),
      ("devices.drive.array.clock", "200 MHz"), ("devices.drive.flash.page", "16 KiB"),
      ("devices.gpu.efficiency", "fraction: 0.3"), ("devices.gpu.efficiency.work", "fraction: 0.3"),
      ("links[1].energy", "5 pJ/B"), ("mesh.attach.bandwidth", "32 GB/s"),
      ("mesh.levels[1].latency", "torus"),
    ] {
      let field = try #require(fields.first { $0.path == path }, "\(path)")
      #expect(lines[field.line - 1].contains(text), "\(path)")
    }
  }

  // Rows, ways, counts and channels are no physics; twice a latency of zero is zero.
  @Test func countsAndZerosAreNoFields() throws {
    let paths = try physicsFields(yaml: wholeMachine, file: "").map(\.path)
    for part in ["rows", "columns", "count", "ways", "shape", "channels", "dies", "bytes-per-element"] {
      #expect(!paths.contains { $0.contains(part) })
    }
    #expect(!paths.contains("links[2].latency"))
    #expect(paths.contains("links[1].latency"))
  }

  @Test func aQuantityIsDoubledAndAnEfficiencyHalved() throws {
    let fields = try physicsFields(yaml: wholeMachine, file: "")
    func machine(doubling path: String) throws -> Machine {
      let field = try #require(fields.first { $0.path == path })
      return try readMachine(yaml: wholeMachine, file: "", doubling: field)
    }
    #expect(try machine(doubling: "links[0].bandwidth").links[7].bandwidth == BytesPerSecond(6.4e9))
    #expect(
      try machine(doubling: "devices.npu.memory.capacity").devices[1].memory.capacity == Bytes(32 << 30))
    #expect(try machine(doubling: "devices.npu.memory.efficiency").devices[1].memory.efficiency == 0.4)
    guard case .gpu(let gpu) = try machine(doubling: "devices.gpu.efficiency").devices[13].model,
      case .gpu(let shifted) = try machine(doubling: "devices.gpu.efficiency.work").devices[13].model
    else {
      Issue.record("the last device is a GPU")
      return
    }
    #expect(gpu.efficiency.points.map(\.fraction) == [0.15, 0.4])
    #expect(shifted.efficiency.points.map(\.work) == [FLOPs(2e6), FLOPs(2e9)])
    #expect(shifted.efficiency.points.map(\.fraction) == [0.3, 0.8])
  }
}
