public import Execution
import FoundationEssentials
import Glibc
public import Kernels
import Machines
public import Units

/// What was measured of this computer.
public struct Calibration: Sendable {
  /// The computer, as its processor calls itself.
  public let computer: String
  /// What computes.
  public let library: String
  /// The ranks that the machine is described with, one device each.
  public let ranks: Int
  /// The kernels on one thread.
  public let kernels: KernelCalibration
  /// The exchanges between two ranks; empty where there is one.
  public let exchanges: [TransportProbe.Measurement]
  /// The memory of the computer, in bytes.
  public let memory: Int

  /// Describes this computer.
  ///
  /// - Parameters:
  ///   - library: The kernels that were measured.
  ///   - ranks: The number of ranks.
  ///   - kernels: What was measured of them.
  ///   - exchanges: What was measured between two ranks.
  public init(
    library: any KernelLibrary, ranks: Int, kernels: KernelCalibration,
    exchanges: [TransportProbe.Measurement]
  ) {
    computer = Self.processorName
    self.library = library.description
    self.ranks = ranks
    self.kernels = kernels
    self.exchanges = exchanges
    memory = max(1, sysconf(Int32(_SC_PHYS_PAGES))) * max(1, sysconf(Int32(_SC_PAGESIZE)))
  }

  /// The time of an exchange of nothing much.
  public var latency: Seconds {
    Seconds(exchanges.first.map { ($0.replacing + $0.adding) / 2 } ?? 0)
  }

  /// The bytes that a rank receives each second while it sends as many: of large messages, half of which are
  /// added and half of which replace, as in an all-reduce.
  public var bandwidth: BytesPerSecond {
    let large = exchanges.filter { $0.bytes >= 512 << 10 }
    guard !large.isEmpty else { return BytesPerSecond(1) }
    let logarithms = large.map { log(Double($0.bytes) / ((($0.replacing + $0.adding) / 2) - latency.value)) }
    return BytesPerSecond(exp(logarithms.reduce(0, +) / Double(large.count)))
  }

  private static var processorName: String {
    guard let data = FileManager.default.contents(atPath: "/proc/cpuinfo") else { return "this computer" }
    for line in String(decoding: data, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("model name") {
      let name = line.drop { $0 != ":" }.dropFirst()
      return String(name.drop { $0 == " " }.filter { $0.isASCII && $0 != "\"" && $0 != "\\" })
    }
    return "this computer"
  }
}

extension Calibration {
  /// The machine file.
  public var machineFile: String {
    var text = """
      # This computer as \(ranks == 1 ? "one device" : "\(ranks) equal devices"): one rank on one thread each.
      schema: partita.machine/1
      name: "\(computer), \(ranks == 1 ? "1 rank" : "\(ranks) ranks")"
      devices:
        rank:
          kind: processor
          count: \(ranks)
          peak: {float32: \(number(kernels.peak.value / 1e9)) GFLOP/s}
          efficiency: \(number(max(1e-3, min(1, kernels.efficiency))))
          launch: \(number(kernels.launch.value * 1e9)) ns
          memory:
            capacity: \(memory / ranks) B
            bandwidth: \(number(kernels.memoryBandwidth.value / 1e9)) GB/s
            efficiency: 1
          source:
            - "measured: \(library), one thread, the least of several rounds"
            - "peak, efficiency: the highest and the middle of the rates of operations, for other work"
            - "launch: a call on one number; memory bandwidth: a sum of tensors that no cache holds"
            - "capacity: the memory of the computer in equal parts"
          rates:

      """
    for table in kernels.rates.tables { text += describe(table) }
    guard ranks > 1 else { return text }
    text += """
      mesh:
        over: [rank]
        levels:
          - name: memory
            ways: \(ranks)
            topology: fully-connected
            bandwidth: \(number(bandwidth.value / 1e9)) GB/s
            duplex: full
            latency: \(number(latency.value * 1e9)) ns
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

  private func describe(_ table: RateTable) -> String {
    var text = "      - kernel: \(table.kernel.rawValue)\n        phase: \(table.phase.rawValue)\n"
    if table.window > 1 { text += "        window: \(table.window)\n" }
    if table.stride > 1 { text += "        stride: \(table.stride)\n" }
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
