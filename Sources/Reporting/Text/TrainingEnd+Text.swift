public import Results
import Units

extension TrainingEnd {
  /// Returns the end of a run for a terminal, at most 100 columns wide.
  ///
  /// - Parameters:
  ///   - detail: How much of it.
  ///   - ranks: What computed.
  ///   - files: What was written, by what it holds.
  public func text(
    _ detail: Detail = .normal, ranks: [TrainingStart.Rank] = [], files: [(what: String, path: String)] = []
  ) -> String {
    var page = TextPage()
    page.title("Trained for \(Wording.number(steps, "step")).")
    var facts: [(String, String)] = []
    if let testAccuracy {
      facts.append(("test accuracy", "\(TrainingLog.fixed(100 * testAccuracy, decimals: 2)) %"))
    }
    if wasRun {
      facts.append(("a step", "\(measured) measured, \(simulated) simulated (\(error)), \(priced) priced"))
      facts.append(("data a step", exchanged))
    } else {
      facts.append(("a step", "none was left to do; \(simulated) simulated, \(priced) priced"))
    }
    if let threads = Self.unlikeThreads(ranks) { facts.append(("threads", threads)) }
    facts.append(("weights", "sha256 \(weightsDigest)"))
    for file in files { facts.append((file.what, file.path)) }
    page.facts(facts)
    guard detail != .brief, wasRun else { return page.text }
    page.section("A step, predicted and measured", stepTable)
    page.section("The tasks that take most of it", taskTable(detail))
    page.note(hidden: tasks.count, detail: detail)
    page.section("Data that devices exchange in a step", pairTable(detail))
    page.note(hidden: pairs.count, detail: detail)
    page.section("Memory", memoryTable)
    return page.text
  }

  /// Whether a step was measured; a run that is resumed after its last step has none.
  private var wasRun: Bool { measured > .zero }

  /// How far the prediction is off.
  private var error: String { Self.deviation(of: simulated, from: measured) }

  /// How much more or less a prediction is than what was measured.
  static func deviation(of predicted: SimulatedTime, from measured: SimulatedTime) -> String {
    guard measured > .zero else { return "-" }
    let part = predicted.seconds / measured.seconds - 1
    return (part < 0 ? "-" : "+") + Wording.percent(abs(part))
  }

  /// Where ranks computed on other numbers of threads than those for which the rates of their devices hold,
  /// both; nil where none did.
  private static func unlikeThreads(_ ranks: [TrainingStart.Rank]) -> String? {
    let runs = Wording.runs(of: ranks) { [$0.ratedThreads ?? $0.threads, $0.threads] }
    let unlike = runs.compactMap { run -> String? in
      guard let rated = run[0].ratedThreads, rated != run[0].threads else { return nil }
      let devices = runs.count == 1 ? "" : "\(Wording.run(run.map(\.device))): "
      return devices + "rates were measured with \(rated), and the run used \(run[0].threads)"
    }
    return unlike.isEmpty ? nil : unlike.joined(separator: "; ")
  }

  private var exchanged: String {
    let predicted = pairs.reduce(0) { $0 + $1.simulated.count }
    let counted = pairs.reduce(0) { $0 + $1.measured.count }
    guard counted > 0 || predicted > 0 else { return "none" }
    return pairs.allSatisfy { $0.simulated == $0.measured }
      ? "\(Bytes(counted)), simulated and measured alike on every link"
      : "\(Bytes(counted)) measured, \(Bytes(predicted)) simulated"
  }

  private var stepTable: TextTable {
    var rows = [
      ["priced, a lower bound", priced.description, Self.deviation(of: priced, from: measured)],
      ["simulated", simulated.description, error],
    ]
    if let uncalibrated {
      rows.append([
        "without measured rates", uncalibrated.description, Self.deviation(of: uncalibrated, from: measured),
      ])
    }
    rows.append(["measured, the median", measured.description, ""])
    return TextTable(columns: [.words("step"), .numbers("time"), .numbers("deviation")], rows: rows)
  }

  private func taskTable(_ detail: Detail) -> TextTable {
    let largest = tasks.enumerated().sorted { left, right in
      let (a, b) = (left.element.measured, right.element.measured)
      return a != b ? a > b : left.offset < right.offset
    }.map(\.element)
    let shown = detail == .full ? largest : Array(largest.prefix(TextPage.screen))
    let columns: [TextTable.Column] = [
      .words("kind"), .words("task"), .words("device"), .numbers("priced"), .numbers("measured"),
      .numbers("ratio"),
    ]
    return TextTable(
      columns: columns,
      rows: shown.map { task in
        let ratio = task.priced > .zero ? task.measured.seconds / task.priced.seconds : nil
        return [
          task.category, task.name, task.device, task.priced.description, task.measured.description,
          ratio.map { Wording.rounded($0, digits: 3) } ?? "-",
        ]
      })
  }

  private func pairTable(_ detail: Detail) -> TextTable {
    let shown = detail == .full ? pairs : Array(pairs.prefix(TextPage.screen))
    let columns: [TextTable.Column] = [
      .words("from"), .words("to"), .numbers("simulated"), .numbers("measured"), .words(""),
    ]
    return TextTable(
      columns: columns,
      rows: shown.map { pair in
        [
          pair.from, pair.to, pair.simulated.description, pair.measured.description,
          pair.simulated == pair.measured
            ? "equal" : "\(pair.measured.count - pair.simulated.count) bytes off",
        ]
      })
  }

  private var memoryTable: TextTable {
    // Rank 0 alone classifies test samples, and only where there are some.
    let evaluates = memory.contains { $0.evaluation > .zero }
    return TextTable(
      columns: [
        .words("rank"), .numbers("planned"), .numbers("resident"), .numbers("deviation"), .numbers("library"),
      ] + (evaluates ? [.numbers("evaluation")] : []),
      rows: memory.map { use in
        let part = Double(use.planned.count) / Double(max(1, use.resident.count)) - 1
        return [
          "\(use.rank)", use.planned.description, use.resident.description,
          use.resident > .zero ? (part < 0 ? "-" : "+") + Wording.percent(abs(part)) : "-",
          use.library.description,
        ] + (evaluates ? [use.evaluation > .zero ? use.evaluation.description : "-"] : [])
      })
  }
}
