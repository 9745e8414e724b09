public import Execution
public import Kernels
public import Machines
public import Results
public import Units

/// What was measured of this computer.
public struct Calibration: Sendable {
  /// Ranks that compute alike, and what was measured of their kernels.
  public struct Kind: Sendable {
    /// The name of their devices.
    public let name: String
    /// How many they are.
    public let count: Int
    /// The instructions to which they keep; nil where nothing was asked.
    public let instructionSet: InstructionSet?
    /// What computes.
    public let library: String
    /// The kernels on one thread.
    public let kernels: KernelCalibration

    /// Describes ranks.
    public init(
      name: String, count: Int, instructionSet: InstructionSet?, library: String, kernels: KernelCalibration
    ) {
      self.name = name
      self.count = count
      self.instructionSet = instructionSet
      self.library = library
      self.kernels = kernels
    }
  }

  /// The computer, as its processor calls itself.
  public let computer: String
  /// The kinds of ranks, in the order of their devices.
  public let kinds: [Kind]
  /// The exchanges between two ranks; empty where there is one.
  public let exchanges: [TransportProbe.Measurement]
  /// The memory of the computer, in bytes.
  public let memory: Int

  /// The ranks that the machine is described with, one device each.
  public var ranks: Int { kinds.reduce(0) { $0 + $1.count } }

  /// Describes this computer.
  ///
  /// - Parameters:
  ///   - kinds: What was measured of each kind of ranks, at least one.
  ///   - exchanges: What was measured between two ranks.
  public init(kinds: [Kind], exchanges: [TransportProbe.Measurement]) {
    precondition(!kinds.isEmpty, "no ranks")
    computer = ThisComputer.processorName
    self.kinds = kinds
    self.exchanges = exchanges
    memory = ThisComputer.memory
  }

  /// Describes this computer as equal ranks.
  public init(
    library: any KernelLibrary, ranks: Int, kernels: KernelCalibration,
    exchanges: [TransportProbe.Measurement]
  ) {
    let kind = Kind(
      name: "rank", count: ranks, instructionSet: nil, library: library.description, kernels: kernels)
    self.init(kinds: [kind], exchanges: exchanges)
  }

  /// The time of an exchange of nothing much.
  public var latency: Seconds {
    Seconds(exchanges.first.map { ($0.replacing + $0.adding) / 2 } ?? 0)
  }

  /// The bytes that a rank receives each second while it sends as many, half of the messages being added and
  /// half replacing, as in an all-reduce.
  ///
  /// ## Model
  ///
  /// The B for which `latency + b ∕ B` fits the times t of b bytes best: least is the sum of squares of what
  /// it misses, as portions of t, over the messages of 1 MiB and more, which take most of the time that a
  /// step exchanges.
  public var bandwidth: BytesPerSecond {
    var (products, squares) = (0.0, 0.0)
    for exchange in exchanges where exchange.bytes >= 1 << 20 {
      let time = (exchange.replacing + exchange.adding) / 2
      let bytes = Double(exchange.bytes)
      products += bytes * (time - latency.value) / (time * time)
      squares += bytes * bytes / (time * time)
    }
    guard products > 0 else { return BytesPerSecond(1) }
    return BytesPerSecond(squares / products)
  }
}

extension Calibration {
  /// The machine file.
  public var machineFile: String {
    let alike = kinds.count == 1 ? "equal" : "unequal"
    let what = kinds.count == 1 ? "" : " (\(kinds.map { "\($0.count) \($0.name)" }.joined(separator: ", ")))"
    var text = """
      # This computer as \(ranks == 1 ? "one" : "\(ranks) \(alike)") device\(ranks == 1 ? "" : "s"): \
      one rank on one thread each.
      schema: partita.machine/1
      name: "\(computer), \(ranks == 1 ? "1 rank" : "\(ranks) ranks")\(what)"
      devices:

      """
    for kind in kinds { text += describe(kind) }
    guard ranks > 1 else { return text }
    text += """
      mesh:
        over: [\(kinds.map(\.name).joined(separator: ", "))]
        levels:
          - name: memory
            ways: \(ranks)
            topology: fully-connected
            bandwidth: \(number(bandwidth.value / 1e9)) GB/s
            duplex: full
            latency: \(number(latency.value * 1e9)) ns
            moved-by: devices
            source:
              - "measured between two ranks over shared memory, both sending, half of the messages added"

      """
    for exchange in exchanges {
      let times =
        "\(number(exchange.replacing * 1e6)) us replacing, \(number(exchange.adding * 1e6)) us adding"
      text += "        - \"\(exchange.bytes) B: \(times)\"\n"
    }
    return text
  }

  private func describe(_ kind: Kind) -> String {
    let kernels = kind.kernels
    let instructionSet = kind.instructionSet.map { "\n    instruction-set: \($0.rawValue)" } ?? ""
    return """
        \(kind.name):
          kind: processor
          count: \(kind.count)\(instructionSet)
          threads: 1
          peak: {float32: \(number(kernels.peak.value / 1e9)) GFLOP/s}
          efficiency: \(number(max(1e-3, min(1, kernels.efficiency))))
          launch: \(number(kernels.launch.value * 1e9)) ns
          memory:
            capacity: \(memory / ranks) B
            bandwidth: \(number(kernels.memoryBandwidth.value / 1e9)) GB/s
            efficiency: 1
          source:
            - "measured: \(kind.library), one thread, the median of several rounds at the usual pace"
            - "rates of several devices: the same while as many threads run the kernel at once"
            - "peak, efficiency: the highest and the middle of the rates of operations, for other work"
            - "launch: a call on one number; memory bandwidth: a sum of tensors that no cache holds"
            - "capacity: the memory of the computer in equal parts"
          rates:

      """ + kernels.rates.tables.map(describe).joined()
  }

  private func describe(_ table: RateTable) -> String {
    var text = "      - kernel: \(table.kernel.rawValue)\n        phase: \(table.phase.rawValue)\n"
    if table.window > 1 { text += "        window: \(table.window)\n" }
    if table.stride > 1 { text += "        stride: \(table.stride)\n" }
    if table.filling == .partial { text += "        filling: partial\n" }
    if table.devices > 1 { text += "        devices: \(table.devices)\n" }
    let axes = table.axes.map { axis in
      "\(axis.extent.rawValue): [\(axis.points.map(String.init).joined(separator: ", "))]"
    }
    let blocks = table.axes.filter { $0.block > 1 }.map { "\($0.extent.rawValue): \($0.block)" }
    if !blocks.isEmpty { text += "        blocks: {\(blocks.joined(separator: ", "))}\n" }
    text += "        extents: {\(axes.joined(separator: ", "))}\n        rates:\n"
    let (scale, unit) = table.unit == .operations ? (1e9, "GFLOP/s") : (1e9, "GB/s")
    let columns = table.axes.last?.points.count ?? 1
    for row in stride(from: 0, to: table.rates.count, by: columns) {
      let numbers = table.rates[row..<row + columns].map { number($0 / scale) }
      text += "          - \(numbers.joined(separator: " ")) \(unit)\n"
    }
    return text
  }

  /// Four significant digits without an exponent.
  private func number(_ value: Double) -> String {
    guard value > 0, value.isFinite else { return "0" }
    var digits = 0
    var scaled = value
    while scaled < 1000, digits < 9 {
      scaled *= 10
      digits += 1
    }
    let whole = Int(scaled.rounded())
    guard digits > 0 else { return "\(whole)" }
    var text = String(whole)
    while text.count <= digits { text = "0" + text }
    text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }
}

extension Calibration {
  /// What was measured, in short.
  ///
  /// - Parameter duration: How long it took.
  public func summary(duration: Seconds) -> CalibrationSummary {
    CalibrationSummary(
      computer: computer, duration: duration,
      devices: kinds.map { kind in
        CalibrationSummary.Device(
          name: kind.name, count: kind.count, instructionSet: kind.instructionSet?.rawValue,
          kernels: kind.library, peak: kind.kernels.peak, launch: kind.kernels.launch,
          memoryBandwidth: kind.kernels.memoryBandwidth, measuredPoints: kind.kernels.measuredCount,
          leftOutPoints: kind.kernels.leftOutCount)
      },
      exchanges: exchanges.map {
        CalibrationSummary.Exchange(
          bytes: Bytes($0.bytes), replacing: Seconds($0.replacing), adding: Seconds($0.adding))
      })
  }
}
