public import Results
import Units

extension PlanReport {
  /// Returns the plan for a terminal, at most 100 columns wide.
  public func text(_ detail: Detail = .normal) -> String {
    var page = TextPage()
    page.title("\(model) on \(machine), batch \(batch)")
    page.facts(facts)
    page.section("Layers", layerTable(detail))
    guard detail != .brief else { return page.text }
    page.section(
      "Shares",
      TextTable(
        columns: [.words("devices"), .words("level"), .words("axis"), .words("shares")],
        rows: shares.map { share in
          let fractions = share.fractions.map { Wording.percent($0) }
          return [share.devices, share.level, share.axis, fractions.joined(separator: " : ")]
        }))
    page.section("Why this plan", sentences: why)
    page.bottlenecks(bottlenecks)
    page.section("What else was tried", alternativeTable)
    page.memory(memory, detail: detail)
    page.energy(cost)
    if detail == .full { page.resources(cost.resources, of: cost.time, detail: detail) }
    page.assumptions(assumptions, detail: detail)
    page.section("Warnings", sentences: detail == .full ? warnings : Wording.merged(warnings))
    return page.text
  }

  private var facts: [(String, String)] {
    var facts = [("step", step)]
    if let energy = cost.energy { facts.append(("energy", energy.description)) }
    facts.append(("data received", cost.bytesMoved.description))
    if let fullest { facts.append(("fits", fullest)) }
    facts.append(
      ("search", "\(search.strategy), least \(search.objective): \(quality) (\(states) compared)"))
    let settings = self.settings
    facts.append(
      (
        "training step",
        "\(settings.optimizer), \(settings.precision), batch norm \(settings.batchNormalization), "
          + "overlap \(settings.overlap), "
          + (settings.cells.map { "\(Wording.number($0, "cell")), " } ?? "")
          + "\(settings.microBatches) micro-batch\(settings.microBatches == 1 ? "" : "es")"
      ))
    return facts
  }

  /// The time of the step, and its price where contention makes a difference.
  private var step: String {
    guard let simulated else { return "\(cost.time) priced" }
    return simulated == cost.time
      ? "\(simulated), priced and simulated"
      : "\(simulated) simulated; the price, a lower bound, is \(cost.time)"
  }

  /// Whether every device holds what it must, and which of them is the fullest.
  private var fullest: String? {
    func fraction(_ use: MemoryUse) -> Double { Double(use.peak.count) / Double(max(use.capacity.count, 1)) }
    guard let first = memory.first else { return nil }
    let worst = memory.reduce(first) { fraction($0) < fraction($1) ? $1 : $0 }
    let equal = memory.filter { $0.peak == worst.peak && $0.capacity == worst.capacity }.map(\.device)
    return "\(memory.allSatisfy(\.fits) ? "yes" : "no"): the fullest memory is \(Wording.run(equal)) with "
      + "\(worst.peak) of \(worst.capacity)"
  }

  /// What is known about better plans.
  private var quality: String {
    if search.exact { return "no plan of the space is better" }
    guard let gap = search.gap else { return "the best plan found" }
    // A gap is the value over a bound, less one: the bound is so much of the value.
    if search.objective == "time", let simulated {
      let bound = SimulatedTime(roundingUp: simulated.seconds / (1 + gap))
      return "the best plan found; no plan takes less than \(bound)"
    }
    return
      "the best plan found; none has less than \(Wording.percent(1 / (1 + gap))) of its \(search.objective)"
  }

  private var states: String {
    search.states < 100_000
      ? Wording.number(search.states, "state") : "\(Wording.count(Double(search.states))) states"
  }

  /// Neighbours that are treated alike share a row.
  private func layerTable(_ detail: Detail) -> TextTable {
    let runs =
      detail == .full ? layers.map { [$0] } : Wording.runs(of: layers) { [$0.devices] + $0.axes }
    let rows = runs.map { run in
      [Wording.run(run.map(\.name)), run[0].devices, axes(run[0].axes)]
    }
    let columns: [TextTable.Column] = [.words("layers"), .words("devices"), .words("split along")]
    return TextTable(columns: columns, rows: rows)
  }

  /// The axes of all levels, in one word where they are the same.
  private func axes(_ axes: [String]) -> String {
    guard let first = axes.first else { return "-" }
    guard axes.count > 1, axes.allSatisfy({ $0 == first }) else { return axes.joined(separator: ", ") }
    return "\(first) at all \(axes.count) levels"
  }

  private var alternativeTable: TextTable {
    let columns: [TextTable.Column] = [
      .words("plan"), .numbers("step"), .numbers("energy"), .numbers("data"), .words("why it loses"),
    ]
    return TextTable(
      columns: columns,
      rows: alternatives.map { alternative in
        let cost = alternative.cost
        return [
          alternative.summary, (alternative.simulated ?? cost?.time)?.description ?? "-",
          cost?.energy?.description ?? "-",
          cost?.bytesMoved.description ?? "-", alternative.reason,
        ]
      })
  }
}
