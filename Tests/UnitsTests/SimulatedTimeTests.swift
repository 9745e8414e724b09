import Testing
import Units

@Suite struct SimulatedTimeTests {
  // 1 ps = 1e-12 s; a part of a tick costs a whole one.
  @Test func partsOfATickAreRoundedUp() {
    #expect(SimulatedTime(roundingUp: Seconds(0.99e-12)) == SimulatedTime(1))
    #expect(SimulatedTime(roundingUp: Seconds(1e-12)) == SimulatedTime(1))
    #expect(SimulatedTime(roundingUp: Seconds(1.01e-12)) == SimulatedTime(2))
    #expect(SimulatedTime(roundingUp: Seconds(1e-30)) == SimulatedTime(1))
    #expect(SimulatedTime(roundingUp: Seconds(0)) == .zero)
  }

  // 0.3 * 1e12 = 3e11 exactly or with the rounding of the product; never 3e11 + 1.
  @Test func theRoundingOfTheProductIsNoTime() {
    for milliseconds in 1...2000 {
      let seconds = Seconds(Double(milliseconds) / 1000)
      #expect(SimulatedTime(roundingUp: seconds) == SimulatedTime(Int64(milliseconds) * 1_000_000_000))
    }
  }

  // At 10^9 ps the tolerance of 10^-12 is 10^-3 ps: half a tick more or less is seen.
  @Test func oneTickBelowAndAboveAreSeen() {
    #expect(SimulatedTime(roundingUp: Seconds(0.9999999995e-3)) == SimulatedTime(1_000_000_000))
    #expect(SimulatedTime(roundingUp: Seconds(0.999999999e-3)) == SimulatedTime(999_999_999))
    #expect(SimulatedTime(roundingUp: Seconds(1.0000000005e-3)) == SimulatedTime(1_000_000_001))
    #expect(SimulatedTime(roundingUp: Seconds(1.000000001e-3)) == SimulatedTime(1_000_000_001))
  }

  @Test func extremesSaturate() {
    #expect(SimulatedTime(roundingUp: Seconds(1e300)) == .longest)
    #expect(SimulatedTime(roundingUp: Seconds(.infinity)) == .longest)
    #expect(SimulatedTime(roundingUp: Seconds(.nan)) == .longest)
    #expect(SimulatedTime(roundingUp: Seconds(-1)) == .zero)
    #expect(SimulatedTime(Int64.max) + SimulatedTime(1) == SimulatedTime(Int64.max))
    #expect(SimulatedTime(Int64.min) + SimulatedTime(-1) == SimulatedTime(Int64.min))
    #expect(SimulatedTime(Int64.min) - SimulatedTime(1) == SimulatedTime(Int64.min))
    #expect(SimulatedTime(0) - SimulatedTime(Int64.min) == SimulatedTime(Int64.max))
  }

  @Test func lengthsAddAndPrint() {
    var time = SimulatedTime(3) + SimulatedTime(4) - SimulatedTime(2)
    time += SimulatedTime(1_499_995)
    #expect(time == SimulatedTime(1_500_000))
    #expect(time.seconds == Seconds(1.5e-6))
    #expect("\(time)" == "1.5 us")
  }
}
