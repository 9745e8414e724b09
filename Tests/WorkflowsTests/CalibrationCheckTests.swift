import Diagnostics
import Kernels
import Machines
import Testing
import Units

@testable import Workflows

/// Which device of a machine file is compared with the kernels of this process.
@Suite struct CalibrationCheckTests {
  private func machine(_ sets: [InstructionSet?]) -> Machine {
    Machine(
      name: "m",
      devices: sets.enumerated().map { index, set in
        Device(
          name: "d\(index)", group: "d\(index)",
          model: .processor(
            Roofline(
              peaks: [.float32: FLOPsPerSecond(1e9)], efficiency: EfficiencyCurve(constant: 1),
              launch: Seconds(0))),
          memory: Memory(
            capacity: Bytes(1 << 30), bandwidth: BytesPerSecond(1e9), efficiency: 1, energy: nil),
          energyPerMultiplyAccumulate: nil, idlePower: nil, instructionSet: set)
      })
  }

  private func compared(_ devices: [InstructionSet?], using sets: [InstructionSet]) throws -> String {
    try comparedDevice(of: machine(devices), file: "m.yaml", sets: sets).name
  }

  @Test func theFirstDeviceWithTheSetInUseIsCompared() throws {
    #expect(try compared([.sse41, .avx2, .avx2], using: [.avx2]) == "d1")
    #expect(try compared([.sse41, .native], using: [.avx2, .native]) == "d1")
    #expect(try compared([.native, .sse41], using: [.sse41]) == "d1")
    // A device that names no set is as this computer is, but one that names it is certain.
    #expect(try compared([nil, nil], using: [.avx2, .native]) == "d0")
    #expect(try compared([nil, .sse41], using: [.sse41]) == "d1")
    #expect(try compared([.sse41, nil], using: []) == "d1")
  }

  @Test func whereNoDeviceHasTheSetTheErrorNamesThemAll() throws {
    let fault = try #require(
      throws: InputError.self
    ) { try compared([.sse41, .avx, .sse41], using: [.avx2, .native]) }
    let diagnostic = try #require(fault.diagnostics.first)
    #expect(diagnostic.kind == .badMachine && diagnostic.location?.file == "m.yaml")
    #expect(diagnostic.message.contains("'avx2'"))
    #expect(diagnostic.hint?.contains("sse41, avx: set ONEDNN_MAX_CPU_ISA=SSE41") == true)
    let plain = try #require(throws: InputError.self) { try compared([.native], using: []) }
    #expect(plain.diagnostics.first?.message.contains("keep to none") == true)
  }

  // The values are those of oneDNN's developer guide, "CPU Dispatcher Control".
  @Test func anUnlimitedLibraryIsNative() {
    for limit in [nil, "", "ALL", "DEFAULT", "default"] as [String?] {
      #expect(InstructionSet.names(of: .avx2, limit: limit) == [.avx2, .native])
      #expect(InstructionSet.names(of: nil, limit: limit) == [.native])
    }
    #expect(InstructionSet.names(of: .sse41, limit: "SSE41") == [.sse41])
  }

  @Test func referenceKernelsAreComparedWithADeviceThatNamesNoSet() throws {
    var request = Request(model: "lenet")
    request.machine = "local/1"
    request.batch = 1
    request.cells = 1
    let result = try compareKernels(request, library: ReferenceKernelLibrary(), limit: nil)
    #expect(result.device == "core" && !result.comparisons.isEmpty)
  }
}
