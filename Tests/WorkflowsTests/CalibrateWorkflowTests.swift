import Execution
import Kernels
import Machines
import Results
import Testing
import Units
import Workflows

@Suite struct CalibrateWorkflowTests {
  private func calibration(ranks: Int) throws -> Calibration {
    let library = ReferenceKernelLibrary()
    return Calibration(
      library: library, ranks: ranks,
      kernels: try #require(calibrateKernels(library, seconds: 0.2)),
      exchanges: ranks == 1
        ? []
        : [
          TransportProbe.Measurement(bytes: 64, replacing: 1e-6, adding: 1e-6),
          TransportProbe.Measurement(bytes: 1 << 20, replacing: 1e-6 + 1e-4, adding: 1e-6 + 3e-4),
        ])
  }

  // Numbers keep four digits. 1 MiB in the mean of 0.1 and 0.3 ms is 5.243 GB/s, after a latency of 1 us.
  @Test func theFileDescribesWhatWasMeasured() throws {
    let calibration = try calibration(ranks: 3)
    let file = try MachineFile(yaml: calibration.machineFile, file: "mine.yaml")
    #expect(file.warnings.isEmpty)
    #expect(file.machine.devices.map(\.name) == ["rank[0]", "rank[1]", "rank[2]"])
    let level = try #require(file.machine.mesh?.levels.first)
    #expect(level.ways == 3 && level.topology == .fullyConnected)
    #expect(abs(level.bandwidth.value / 5.243e9 - 1) < 1e-3)
    #expect(abs(level.latency.value / 1e-6 - 1) < 1e-3)
    let read = try #require(file.machine.devices[0].kernelRates).tables
    let written = calibration.kinds[0].kernels.rates.tables
    #expect(read.map(\.kernel) == written.map(\.kernel) && read.map(\.axes) == written.map(\.axes))
    for (left, right) in zip(read, written) {
      #expect(left.unit == right.unit && left.window == right.window && left.stride == right.stride)
      for (one, other) in zip(left.rates, right.rates) where other > 1e6 {
        #expect(abs(one / other - 1) < 1e-3, "\(left.kernel) \(left.phase)")
      }
    }
  }

  @Test func unequalRanksAreKindsOfOneMesh() throws {
    let library = ReferenceKernelLibrary()
    let kernels = try #require(calibrateKernels(library, seconds: 0.2))
    let kinds = [(InstructionSet.native, 2), (.sse41, 1)].map { set, count in
      Calibration.Kind(
        name: set.rawValue, count: count, instructionSet: set, library: library.description, kernels: kernels)
    }
    let calibration = Calibration(
      kinds: kinds, exchanges: [TransportProbe.Measurement(bytes: 64, replacing: 1e-6, adding: 1e-6)])
    let file = try MachineFile(yaml: calibration.machineFile, file: "mine.yaml")
    #expect(file.warnings.isEmpty)
    #expect(file.machine.devices.map(\.name) == ["native[0]", "native[1]", "sse41"])
    #expect(file.machine.devices.map(\.instructionSet) == [.native, .native, .sse41])
    // Every kernel was called on one thread.
    #expect(file.machine.devices.map(\.threads) == [1, 1, 1])
    #expect(file.machine.mesh?.devices.count == 3)
    let summary = calibration.summary(duration: Seconds(3))
    #expect(summary.devices.map(\.instructionSet) == ["native", "sse41"])
    #expect(summary.devices.map(\.count) == [2, 1] && summary.exchanges.map(\.bytes) == [Bytes(64)])
  }

  @Test func oneRankHasNobodyToSendTo() throws {
    let file = try MachineFile(yaml: try calibration(ranks: 1).machineFile, file: "mine.yaml")
    #expect(file.machine.mesh == nil && file.machine.devices.count == 1)
  }
}
