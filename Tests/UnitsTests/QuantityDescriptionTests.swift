import Testing
import Units

@Suite struct QuantityDescriptionTests {
  @Test func quantitiesHaveFourDigitsAndAPrefix() {
    #expect("\(Seconds(1.23e-3))" == "1.23 ms")
    #expect("\(Seconds(1.23456e-3))" == "1.235 ms")
    #expect("\(Seconds(12.3456))" == "12.35 s")
    #expect("\(Seconds(0.3))" == "300 ms")
    #expect("\(BytesPerSecond(0.25e9))" == "250 MB/s")
    #expect("\(FLOPsPerSecond(84e9))" == "84 GFLOP/s")
    #expect("\(JoulesPerByte(640e-12))" == "640 pJ/B")
    #expect("\(JoulesPerOperation(4.6e-12))" == "4.6 pJ/op")
    #expect("\(Hertz(700e6))" == "700 MHz")
    #expect("\(Watts(-1500))" == "-1.5 kW")
  }

  // 999.96 ms has four digits as 1000 ms, which is 1 s; 999.94 ms is 999.9 ms.
  @Test func roundingUpMovesToTheNextUnit() {
    #expect("\(Seconds(0.99996))" == "1 s")
    #expect("\(Seconds(0.99994))" == "999.9 ms")
    #expect("\(BytesPerSecond(999.96e6))" == "1 GB/s")
  }

  @Test func bytesHaveBinaryPrefixes() {
    #expect("\(Bytes(512 << 20))" == "512 MiB")
    #expect("\(Bytes(150_528))" == "147 KiB")
    #expect("\(Bytes(1023))" == "1023 B")
    #expect("\(Bytes(0))" == "0 B")
    #expect("\(Bytes(Int.max))" == "8 EiB")
  }

  @Test func extremesStayReadable() {
    #expect("\(Seconds(0))" == "0 s")
    #expect("\(Seconds(86_400))" == "86400 s")
    #expect("\(Seconds(5e-14))" == "0.05 ps")
    #expect("\(Seconds(1e-30))" == "1e-30 s")
    #expect("\(Seconds(1e12))" == "1000000000000.0 s")
    #expect("\(Seconds(.infinity))" == "inf")
  }

  // Four digits are an error of at most half a unit in the fourth: 1/2000 of the value.
  @Test func printedQuantitiesAreReadBack() throws {
    var value = 1.0
    while value < 1e16 {
      for rate in [BytesPerSecond(value), BytesPerSecond(value * 1.2345), BytesPerSecond(value * 9.9996)] {
        #expect(abs(try BytesPerSecond(parsing: "\(rate)") / rate - 1) <= 0.0005)
      }
      value *= 10
    }
  }
}
