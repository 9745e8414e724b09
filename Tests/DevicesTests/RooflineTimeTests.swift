import Devices
import Graphs
import Machines
import Testing
import Units

@Suite struct RooflineTimeTests {
  // Between 1 MFLOP (0.2) and 1 GFLOP (0.8), 31.6 MFLOP is half way in the logarithm: 0.5.
  @Test func efficiencyFollowsTheSizeOfTheWork() {
    let curve = EfficiencyCurve(points: [
      EfficiencyCurve.Point(work: FLOPs(1e6), fraction: 0.2),
      EfficiencyCurve.Point(work: FLOPs(1e9), fraction: 0.8),
    ])
    let roofline = Roofline(peaks: [.float32: FLOPsPerSecond(1e12)], efficiency: curve, launch: .zero)
    func time(_ operations: Double) -> Double {
      let work = Work(elementOperations: operations)
      return cost(of: work, on: device(.gpu(roofline)), precision: .float32, sizes: float32Sizes).time.value
    }
    #expect(abs(time(1e3) / (1e3 / 0.2e12) - 1) < 1e-12)
    #expect(abs(time(31_622_776.6) / (31_622_776.6 / 0.5e12) - 1) < 1e-6)
    #expect(abs(time(1e12) / (1e12 / 0.8e12) - 1) < 1e-12)
  }
}
