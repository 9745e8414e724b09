import Diagnostics
import Machines
import Results
import Units
import Workflows

/// The claims of the vision case: how much shorter a step is if near-storage drives train the first layers.
///
/// The publication gives two ends of a range and names neither networks nor machine; so only the means are
/// held against it, and every network stands beside as context.
struct VisionStudy {
  /// The published range of the reduction of training time, in per cent.
  static let published = 12.2...31.0
  /// Where that range is published.
  static let source = "DPT, abstract"
  /// What was published about everything else: nothing.
  static let own = "not published"
  /// A step without overlap gains less than this, in per cent.
  private static let serialLimit = 2.0

  /// Runs every network on every machine.
  ///
  /// - Throws: ``InputError`` where a network cannot run, or a machine is faulty.
  func claims() throws(InputError) -> [Claim] {
    try schedules() + devices() + VisionRegion().claims()
  }

  /// The reductions on four drives under each schedule, and their means.
  ///
  /// - Throws: ``InputError`` where a network cannot run.
  func schedules() throws(InputError) -> [Claim] {
    let flush = try results(.flush)
    let steady = try results(.steady)
    return networks(flush, "vision", "micro-batches, then a flush")
      + networks(steady, "vision.steady", "weights one step stale")
      + [
        mean(flush, "vision.mean", "a flush"), mean(steady, "vision.mean.steady", "weights one step stale"),
        largest(try results(.serial)),
      ]
  }

  private func results(_ schedule: VisionSchedule) throws(InputError) -> [VisionResult] {
    var results: [VisionResult] = []
    for network in VisionNetwork.all {
      results.append(try VisionRun(network: network, schedule: schedule).result())
    }
    return results
  }

  private func networks(_ results: [VisionResult], _ prefix: String, _ schedule: String) -> [Claim] {
    results.map { result in
      Claim(
        "\(prefix).\(result.network.name)",
        what: "reduction of step time in %, \(result.network.name), four drives, \(schedule)",
        source: Self.own, published: nil, reproduced: .number(result.reduction), target: .none,
        note: result.note + "; DPT names no networks")
    }
  }

  private func mean(_ results: [VisionResult], _ id: String, _ schedule: String) -> Claim {
    let averaged = results.filter(\.network.isInMean)
    let inside = averaged.filter { Self.published.contains($0.reduction) }.map(\.network.name)
    return Claim(
      id, what: "mean reduction of step time in % over six networks, four drives, \(schedule)",
      source: Self.source, published: .text("12.2 to 31.0"),
      reproduced: .number(averaged.reduce(0) { $0 + $1.reduction } / Double(averaged.count)),
      target: .inside(Self.published),
      note: "networks and machine are assumed; inside the range by themselves: "
        + (inside.isEmpty ? "none" : inside.joined(separator: ", ")))
  }

  private func largest(_ results: [VisionResult]) -> Claim {
    let largest = results.max { $0.reduction < $1.reduction }
    return Claim(
      "vision.no-overlap.max",
      what: "largest reduction of step time in % where nothing overlaps, four drives",
      source: Self.own, published: nil, reproduced: .number(largest?.reduction ?? 0),
      target: .inside(-Double.infinity...Self.serialLimit.nextDown),
      note: "the gain is concurrency: below 2 without it; \(largest?.network.name ?? "")")
  }

  /// The reductions with other numbers of drives; none makes the step longer.
  private func devices() throws(InputError) -> [Claim] {
    var claims: [Claim] = []
    for network in VisionNetwork.all {
      var before: VisionResult?
      for drives in [1, 2, 4, 8] {
        let result = try VisionRun(network: network, machine: "dpt-vision/\(drives)", schedule: .flush)
          .result()
        claims.append(count(drives, result, after: before))
        before = result
      }
    }
    return claims
  }

  private func count(_ drives: Int, _ result: VisionResult, after before: VisionResult?) -> Claim {
    let limit = before?.partitioned.time ?? result.alone
    let fewer = before == nil ? "on the NPU alone" : "with half as many"
    return Claim(
      "vision.devices.\(result.network.name).\(drives)",
      what: "reduction of step time in %, \(drives == 1 ? "one drive" : "\(drives) drives")",
      source: Self.own, published: nil, reproduced: .number(result.reduction), target: .inside(0...100),
      note: result.note
        + (result.frontOperators < (before?.frontOperators ?? 0) ? "; the cut is earlier" : ""),
      condition: Condition(
        "the step is no longer than \(fewer)", isMet: result.partitioned.time <= limit))
  }
}
