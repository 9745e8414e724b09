import Testing
import Units

@Suite struct ConversionsTests {
  @Test func unitsCombineAsPhysicsSays() {
    #expect(Bytes(900) / BytesPerSecond(300) == Seconds(3))
    #expect(FLOPs(84) / FLOPsPerSecond(42) == Seconds(2))
    #expect(Bytes(5) * JoulesPerByte(2) == Joules(10))
    #expect(Watts(30) * Seconds(2) == Joules(60))
  }

  @Test func quantitiesOfOneKindAddAndCompare() {
    #expect(Seconds(1) + Seconds(2) - Seconds(0.5) == Seconds(2.5))
    #expect(2 * Seconds(3) / 4 == Seconds(1.5))
    #expect(Seconds(3) / Seconds(1.5) == 2)
    #expect(Seconds(1) < Seconds(2))
    #expect(Bytes(1) + 3 * Bytes(2) - Bytes(4) * 1 == Bytes(3))
  }
}
