import Machines
import Testing
import Units

@Suite struct EfficiencyCurveTests {
  let curve = EfficiencyCurve(points: [
    EfficiencyCurve.Point(work: FLOPs(1e3), fraction: 0.1),
    EfficiencyCurve.Point(work: FLOPs(1e5), fraction: 0.5),
    EfficiencyCurve.Point(work: FLOPs(1e9), fraction: 0.9),
  ])

  // 1e4 is half way from 1e3 to 1e5 in the logarithm, 1e6 a quarter of the way from 1e5 to 1e9.
  @Test func fractionsAreLinearInTheLogarithm() {
    #expect(abs(curve.fraction(at: FLOPs(1e4)) - 0.3) < 1e-12)
    #expect(abs(curve.fraction(at: FLOPs(1e6)) - 0.6) < 1e-12)
    #expect(curve.fraction(at: FLOPs(1e5)) == 0.5)
  }

  @Test func fractionsAreConstantOutside() {
    #expect(curve.fraction(at: FLOPs(0)) == 0.1)
    #expect(curve.fraction(at: FLOPs(1)) == 0.1)
    #expect(curve.fraction(at: FLOPs(1e12)) == 0.9)
    #expect(EfficiencyCurve(constant: 0.7).fraction(at: FLOPs(1e6)) == 0.7)
  }
}
