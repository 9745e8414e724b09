import Testing
import Units

@Suite struct QuantityParsingTests {
  // Each right side is the same literal with the prefix as its exponent; a bit is 1/8 B.
  @Test func everyKindOfQuantityIsRead() throws {
    #expect(try Seconds(parsing: "4 us") == Seconds(4e-6))
    #expect(try Seconds(parsing: "4 µs") == Seconds(4e-6))
    #expect(try Seconds(parsing: "4 μs") == Seconds(4e-6))
    #expect(try Seconds(parsing: "75ps") == Seconds(75e-12))
    #expect(try Joules(parsing: "3.7 pJ") == Joules(3.7e-12))
    #expect(try FLOPs(parsing: "1 MFLOP") == FLOPs(1e6))
    #expect(try BytesPerSecond(parsing: "900 GB/s") == BytesPerSecond(900e9))
    #expect(try BytesPerSecond(parsing: "496 Gb/s") == BytesPerSecond(62e9))
    #expect(try BytesPerSecond(parsing: "1 GiB/s") == BytesPerSecond(1_073_741_824))
    #expect(try BytesPerSecond(parsing: "333 MT/s") == BytesPerSecond(333e6))
    #expect(try FLOPsPerSecond(parsing: "84 GFLOP/s") == FLOPsPerSecond(84e9))
    #expect(try Hertz(parsing: "700 MHz") == Hertz(700e6))
    #expect(try Watts(parsing: "30 W") == Watts(30))
    #expect(try JoulesPerByte(parsing: "640 pJ/B") == JoulesPerByte(640e-12))
    #expect(try JoulesPerByte(parsing: "1 pJ/b") == JoulesPerByte(8e-12))
    #expect(try JoulesPerOperation(parsing: "4.6 pJ") == JoulesPerOperation(4.6e-12))
    #expect(try JoulesPerOperation(parsing: "4.6 pJ/op") == JoulesPerOperation(4.6e-12))
    #expect(try Bytes(parsing: "64 GiB") == Bytes(68_719_476_736))
  }

  @Test func numbersAreReadInEveryForm() throws {
    #expect(try Watts(parsing: "1e3 W") == Watts(1000))
    #expect(try Watts(parsing: "+1.50e-2kW") == Watts(15))
    #expect(try Watts(parsing: ".5 W") == Watts(0.5))
    #expect(try Watts(parsing: "0 W") == Watts(0))
    #expect(try Watts(parsing: "-0 W") == Watts(0))
  }

  // 4.1 ns is the Double nearest to 4.1e-9; 4.1 * 1e-9 is another one.
  @Test func theResultIsRoundedOnce() throws {
    #expect(4.1 * 1e-9 != 4.1e-9)
    #expect(try Seconds(parsing: "4.1 ns").value == 4.1e-9)
  }

  @Test func aBareNumberIsRefused() {
    let error = #expect(throws: QuantityError.self) { try Seconds(parsing: "4") }
    #expect(error?.problem == .missingUnit)
    #expect(error?.legalUnits == ["ps", "ns", "us", "ms", "s"])
  }

  @Test(arguments: ["4 GBps", "4 gb/s", "4 GB", "4 B /s", "4 B/s x", "4e B/s", "4e12345 B/s", "0x10 B/s"])
  func aWrongUnitIsRefused(text: String) {
    let error = #expect(throws: QuantityError.self) { try BytesPerSecond(parsing: text) }
    guard case .unknownUnit = error?.problem else {
      Issue.record("\(text): \(String(describing: error))")
      return
    }
  }

  @Test(arguments: ["", " 4 s", "s", "nan s", "inf s", "--4 s", ". s", "1,5 s", "٤ s"])
  func whatIsNoNumberIsRefused(text: String) {
    let error = #expect(throws: QuantityError.self) { try Seconds(parsing: text) }
    #expect(error?.problem == .notANumber || error?.problem == .unknownUnit(",5 s"))
  }

  @Test func extremesAreRefused() {
    #expect(throws: QuantityError.self) { try Seconds(parsing: "-1 s") }
    #expect(throws: QuantityError.self) { try Seconds(parsing: "1e309 s") }
    #expect(throws: QuantityError.self) { try Seconds(parsing: "1e-400 s") }
    #expect(throws: QuantityError.self) { try Seconds(parsing: String(repeating: "9", count: 101) + " s") }
  }

  // 1.5 KiB = 1536 B; 0.1 kB = 100 B; 2^63 - 1 is the largest; 1.2 KiB = 1228.8 B.
  @Test func bytesAreExact() throws {
    #expect(try Bytes(parsing: "1.5 KiB") == Bytes(1536))
    #expect(try Bytes(parsing: "0.1 kB") == Bytes(100))
    #expect(try Bytes(parsing: "0.0009765625 KiB") == Bytes(1))
    #expect(try Bytes(parsing: "12.50e2 B") == Bytes(1250))
    #expect(try Bytes(parsing: "0 B") == Bytes(0))
    #expect(try Bytes(parsing: "9223372036854775807 B") == Bytes(Int.max))
    #expect(try Bytes(parsing: "9.223372036854775807 EB") == Bytes(Int.max))
  }

  @Test func bytesThatAreNotWholeAreRefused() {
    for text in ["1.2 KiB", "0.5 B", "1e-1 B", "1e-9999 KiB"] {
      let error = #expect(throws: QuantityError.self) { try Bytes(parsing: text) }
      #expect(error?.problem == .notWhole, "\(text)")
    }
  }

  @Test func bytesThatOverflowAreRefused() {
    for text in ["9223372036854775808 B", "8 EiB", "9.3 EB", "1e19 B", "1e9999 B"] {
      let error = #expect(throws: QuantityError.self) { try Bytes(parsing: text) }
      #expect(error?.problem == .tooLarge, "\(text)")
    }
  }

  @Test func messagesSayWhatIsWrong() {
    let error = QuantityError(text: "4 GBps", problem: .unknownUnit("GBps"), legalUnits: [])
    #expect(error.message == "'GBps' in '4 GBps' is not a legal unit here")
  }
}
