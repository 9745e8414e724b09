import Diagnostics
import Machines
import Results
import Units

/// The mean reduction over machines that differ from the default in the drives' arithmetic and memory.
///
/// What decides is how much faster the NPU is than one drive, in multiply-accumulates and in memory; so the
/// drives of the default machine are made two and four times faster and slower in both.
struct VisionRegion {
  private static let standard = "dpt-vision"
  /// The name under which a machine of the region is read.
  private static let name = "dpt-vision with other drives"
  /// How many times as fast as that of the default machine a drive is.
  static let factors = [4, 2, 1, 0.5, 0.25]

  /// The mean of each machine of the region.
  ///
  /// - Throws: ``InputError`` where a machine is faulty or a network cannot run.
  func claims() throws(InputError) -> [Claim] {
    var claims: [Claim] = []
    for arithmetic in Self.factors {
      for memory in Self.factors.reversed() { claims.append(try claim(arithmetic, memory)) }
    }
    return claims
  }

  private func claim(_ arithmetic: Double, _ memory: Double) throws(InputError) -> Claim {
    let text = Self.text(arithmetic: arithmetic, memory: memory)
    let ratios = try Ratios(readMachine(yaml: text, file: Self.name))
    var sum = 0.0
    for network in VisionNetwork.averaged {
      sum += try VisionRun(
        network: network, machine: Self.name, machineText: text, schedule: .steady
      ).result().reduction
    }
    let mean = sum / Double(VisionNetwork.averaged.count)
    let published = VisionStudy.published
    return Claim(
      "vision.region.\(ratios.arithmetic.rounded).\(ratios.memory.rounded)",
      what: "mean reduction of step time in %, four drives, weights one step stale",
      source: VisionStudy.own, published: nil, reproduced: .number(mean), target: .none,
      note: """
        the NPU does \(ratios.arithmetic.text) times the multiply-accumulates of a drive and has \
        \(ratios.memory.text) times its memory bandwidth; \
        \(published.contains(mean) ? "inside" : "outside") \(published.lowerBound) to \(published.upperBound)
        """)
  }

  /// The default machine's text with other rates of the drives.
  static func text(arithmetic: Double, memory: Double) -> String {
    guard let text = MachineCatalogue().yaml(named: standard) else {
      preconditionFailure("the catalogue has no \(standard)")
    }
    return replacing(
      "clock: 200 MHz", "clock: \(200 * arithmetic) MHz",
      in: replacing("bandwidth: 19.2 GB/s", "bandwidth: \(19.2 * memory) GB/s", in: text))
  }

  private static func replacing(_ old: String, _ new: String, in text: String) -> String {
    precondition(text.ranges(of: old).count == 1, "'\(old)' does not stand once in \(standard)")
    return text.replacing(old, with: new)
  }
}

/// How many times faster the NPU is than one drive.
private struct Ratios {
  struct Ratio {
    let value: Double
    var rounded: Int { Int(value.rounded()) }
    var text: String { "\((value * 10).rounded() / 10)" }
  }

  let arithmetic: Ratio
  let memory: Ratio

  init(_ machine: Machine) {
    guard let npu = machine.devices.first(where: { $0.group == "npu" }),
      let drive = machine.devices.first(where: { $0.group == "drive" }),
      case .systolicArray(let large) = npu.model, case .nearStorage(let small, _) = drive.model
    else { preconditionFailure("\(machine.name) has no NPU beside drives") }
    arithmetic = Ratio(value: large.cellRate / small.cellRate)
    memory = Ratio(value: npu.memory.bandwidth / drive.memory.bandwidth)
  }
}

extension SystolicArray {
  /// Multiply-accumulates each second if every cell is busy.
  fileprivate var cellRate: Double { Double(rows * columns) * clock.value }
}
