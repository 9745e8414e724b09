import Results
import Testing
import Units

struct StepCostTests {
  private func cost(busy: [Int64]) -> StepCost {
    StepCost(
      time: SimulatedTime(10), criticalPath: SimulatedTime(10), serialSum: SimulatedTime(20),
      resources: busy.enumerated().map { index, busy in
        ResourceUse(name: "device \(index)", kind: .device, busy: SimulatedTime(busy), bytes: .zero)
      }, timeParts: [], energy: nil, energyParts: [], bytesMoved: .zero)
  }

  @Test func `the busiest resource is the first of those that are occupied longest`() {
    #expect(cost(busy: [3, 7, 7, 1]).busiest?.name == "device 1")
    #expect(cost(busy: [0]).busiest?.name == "device 0")
    #expect(cost(busy: []).busiest == nil)
  }

  @Test func `a peak fits up to the last byte of the capacity`() {
    func use(_ peak: Int) -> MemoryUse {
      MemoryUse(device: "npu", peak: Bytes(peak), capacity: Bytes(100), parts: [], task: "")
    }
    #expect(use(100).fits)
    #expect(!use(101).fits)
  }

  // 2 + 3 + 5 = 10.
  @Test func `the multiply-accumulates of a step are those of its phases`() {
    #expect(Inspection.MultiplyAccumulates(forward: 2, error: 3, weightGradient: 5).total == 10)
  }
}
