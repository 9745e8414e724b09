import Devices
import Graphs
import Machines
import Testing
import Units

@Suite struct RowStationaryArrayTimeTests {
  // HyPar's model: VGG-A has 7609 M multiply-accumulates a sample; 256 samples, three phases of two
  // operations, 16 accelerators of 84 GFLOP/s: 7609e6 * 256 * 6 / (16 * 84e9) = 8.696 s.
  @Test func hyParsComputeTimeComesOut() throws {
    let machine = try MachineCatalogue().machine(named: "hypar/16")
    let phase = Work(multiplyAccumulates: 7609e6 * 256 / 16)
    var time = Seconds.zero
    for _ in 0..<3 {
      time += cost(of: phase, on: machine.devices[0], precision: .float32, sizes: float32Sizes).time
    }
    #expect(abs(time.value - 8.696) < 0.0005)
  }

  // 12 B for each of 1e9 parameters at 320 GB/s: 37.5 ms; 2e9 operations at 84 GFLOP/s would take 23.8 ms.
  @Test func anUpdateIsBoundByMemory() throws {
    let machine = try MachineCatalogue().machine(named: "hypar/1")
    let update = Work(
      elementOperations: 2e9, parameterElements: 2_000_000_000, gradientElements: 1_000_000_000)
    let time = cost(of: update, on: machine.devices[0], precision: .float32, sizes: float32Sizes).time
    #expect(abs(time.value - 0.0375) < 1e-12)
  }
}
