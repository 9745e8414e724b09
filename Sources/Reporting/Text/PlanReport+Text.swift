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
    page.section("Warnings", sentences: warnings)
    return page.text
  }

  private var facts: [(String, String)] {
    var facts = [("step", "\(cost.time) priced\(simulated.map { ", \($0) simulated" } ?? "")")]
    if let energy = cost.energy { facts.append(("energy", energy.description)) }
    facts.append(("data received", cost.bytesMoved.description))
    let quality =
      if search.exact {
        "no plan of the space is better"
      } else if let gap = search.gap {
        "at most \(Wording.percent(gap)) above the bound"
      } else {
        "not proved best"
      }
    facts.append(
      (
        "search",
        "\(search.strategy), least \(search.objective); \(quality); \(Wording.number(search.states, "state"))"
      ))
    let settings = self.settings
    facts.append(
      (
        "training step",
        "\(settings.optimizer), \(settings.precision), batch norm \(settings.batchNormalization), "
          + "overlap \(settings.overlap), \(Wording.number(settings.cells, "cell")), "
          + "\(settings.microBatches) micro-batch\(settings.microBatches == 1 ? "" : "es")"
      ))
    return facts
  }

  /// Neighbours that are treated alike share a row.
  private func layerTable(_ detail: Detail) -> TextTable {
    let runs =
      detail == .full ? layers.map { [$0] } : Wording.runs(of: layers) { [$0.devices] + $0.axes }
    let rows = runs.map { run in
      [Wording.run(run.map(\.name)), run[0].devices, run[0].axes.joined(separator: ", ")]
    }
    let columns: [TextTable.Column] = [.words("layers"), .words("devices"), .words("split along")]
    return TextTable(columns: columns, rows: rows)
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
          alternative.summary, cost?.time.description ?? "-", cost?.energy?.description ?? "-",
          cost?.bytesMoved.description ?? "-", alternative.reason,
        ]
      })
  }
}
