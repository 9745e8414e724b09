import Diagnostics
import Machines
import Testing
import Units

@Suite struct KernelRatesTests {
  static let yaml = """
    schema: partita.machine/1
    name: measured
    devices:
      rank:
        kind: processor
        peak: {float32: 100 GFLOP/s}
        efficiency: 0.5
        launch: 1 us
        memory: {capacity: 1 GiB, bandwidth: 10 GB/s, efficiency: 1}
        source: measured
        rates:
          - kernel: convolution
            phase: forward
            window: 9
            blocks: {output-channels: 16}
            extents: {samples: [1, 4], output-channels: [16, 64]}
            rates:
              - 10 40 GFLOP/s
              - 20 80 GFLOP/s
            source: measured
          - kernel: activation
            phase: error
            extents: {elements: [100]}
            rates: [2 5 GB/s]
    """

  private func table(_ text: String = Self.yaml) throws -> RateTable {
    let machine = try readMachine(yaml: text.replacing("[2 5 GB/s]", with: "[2 GB/s]"), file: "m.yaml")
    return try #require(machine.devices[0].kernelRates?.table(for: .convolution, .forward, window: 25))
  }

  private func seconds(_ table: RateTable, samples: Double, channels: Double) -> Double {
    table.seconds(of: 1e9) { $0 == .samples ? samples : channels }
  }

  // 1 GFLOP at the rates of the table.
  @Test func pointsOfTheGridAreMet() throws {
    let table = try table()
    #expect(table.unit == .operations && table.window == 9 && table.stride == 1)
    for (samples, channels, rate) in [(1.0, 16.0, 10.0), (1, 64, 40), (4, 16, 20), (4, 64, 80)] {
      #expect(abs(seconds(table, samples: samples, channels: channels) - 1 / rate) < 1e-12)
    }
  }

  // Half way between 16 and 64 in logarithms stands 32: √(10 · 40) = 20; half way to 4 stands 2: 20 · √2.
  @Test func logarithmsAreLinearBetweenPointsAndConstantBeyond() throws {
    let table = try table()
    #expect(abs(seconds(table, samples: 1, channels: 32) - 1 / 20.0) < 1e-12)
    #expect(abs(seconds(table, samples: 2, channels: 32) * 20 * 2.0.squareRoot() - 1) < 1e-12)
    #expect(abs(seconds(table, samples: 9, channels: 1024) - 1 / 80.0) < 1e-12)
  }

  // 20 channels take as long as 32: 32 / 20 of 1 GFLOP at the 20 GFLOP/s of 32.
  @Test func extentsFillWholeBlocks() throws {
    #expect(abs(seconds(try table(), samples: 1, channels: 20) - 32.0 / 20 / 20) < 1e-12)
  }

  @Test func theNearestWindowServes() throws {
    let rates = KernelRates(
      [(1, 1), (9, 1), (9, 2), (49, 2)].map { window, stride in
        RateTable(
          kernel: .convolution, phase: .forward, window: window, stride: stride, unit: .bytes,
          axes: [RateTable.Axis(.elements, [1])], rates: [1])
      })
    func found(_ window: Int, _ stride: Int) -> [Int]? {
      rates.table(for: .convolution, .forward, window: window, stride: stride).map { [$0.window, $0.stride] }
    }
    #expect(found(25, 1) == [9, 1])
    #expect(found(121, 4) == [49, 2])
    // No table of one place has a stride: that of stride one is nearer than another window's.
    #expect(found(1, 2) == [1, 1])
    #expect(rates.table(for: .convolution, .error) == nil)
  }

  @Test func tablesOfSeveralDevicesStandBesideThoseOfOne() throws {
    let together = """
            - kernel: activation
              phase: error
              devices: 4
              extents: {elements: [100]}
              rates: [1 GB/s]
      """
    let text = Self.yaml.replacing("[2 5 GB/s]", with: "[2 GB/s]\n" + together)
    let rates = try #require(try readMachine(yaml: text, file: "m.yaml").devices[0].kernelRates)
    #expect(rates.deviceCounts(for: .activation, .error) == [1, 4])
    #expect(rates.deviceCounts(for: .activation, .forward) == [])
    #expect(rates.table(for: .activation, .error)?.rates == [2e9])
    #expect(rates.table(for: .activation, .error, devices: 4)?.rates == [1e9])
    #expect(rates.table(for: .activation, .error, devices: 2) == nil)
    let error = #expect(throws: InputError.self) {
      try readMachine(yaml: text.replacing("devices: 4", with: "devices: 1"), file: "m.yaml")
    }
    #expect(try #require(error).diagnostics.contains { $0.message.contains("has two tables") })
  }

  @Test func allRatesAreOneNumberOfPhysics() throws {
    let text = Self.yaml.replacing("[2 5 GB/s]", with: "[2 GB/s]")
    let fields = try physicsFields(yaml: text, file: "m.yaml").filter { $0.path.contains("rates") }
    #expect(fields.map(\.path) == ["devices.rank.rates"])
    let doubled = try readMachine(yaml: text, file: "m.yaml", doubling: fields[0])
    let rates = try #require(doubled.devices[0].kernelRates)
    #expect(rates.tables.map(\.rates) == [[20e9, 80e9, 40e9, 160e9], [4e9]])
    #expect(doubled.withoutKernelRates.devices[0].kernelRates == nil)
  }

  @Test(arguments: [
    ("kernel: activation", "kernel: activaton", "not a legal kernel", "'activation'"),
    ("phase: error", "phase: backward", "not a legal phase", "weight-gradient"),
    ("elements: [100]", "element: [100]", "unknown key 'element'", "'elements'"),
    ("[1, 4]", "[4, 1]", "does not exceed the point before", ""),
    ("[1, 4]", "[1, 4, 16]", "4 rates for 3 × 2 = 6 points", ""),
    ("[1, 4]", "[0, 4]", "is outside", ""),
    ("[1, 4]", "[]", "an extent has 1 to 64", ""),
    ("10 40 GFLOP/s", "10 40", "'40' in '10 40'", "legal units"),
    ("10 40 GFLOP/s", "10 40 GW", "'GW' in '10 GW'", "legal units"),
    ("10 40 GFLOP/s", "10 40 GB/s", "rates of operations and of bytes", ""),
    ("10 40 GFLOP/s", "0 40 GFLOP/s", "is outside", ""),
    ("blocks: {output", "blocks: {outputs", "unknown key 'outputs-channels'", "'output-channels'"),
    ("[2 5 GB/s]", "[2 5 GB/s]", "2 rates for 1 = 1 points", ""),
    ("phase: error", "phase: error\n        devices: 0", "is outside", ""),
    ("kind: processor", "kind: row-stationary-array", "unknown key 'rates'", ""),
  ])
  func faultsAreNamed(_ old: String, _ new: String, _ message: String, _ hint: String) throws {
    let text = Self.yaml.replacing(old, with: new)
    let error = #expect(throws: InputError.self) { try readMachine(yaml: text, file: "m.yaml") }
    let found = try #require(error).diagnostics
    #expect(
      found.contains { $0.message.contains(message) && (hint.isEmpty || $0.hint?.contains(hint) == true) },
      "\(found.map(\.message)) \(found.compactMap(\.hint))")
  }
}
