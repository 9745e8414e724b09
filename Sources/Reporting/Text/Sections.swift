import Results
import Units

/// The parts that plans and simulations show alike.
extension TextPage {
  /// Adds what holds the step up; neighbours that do so alike share a row.
  mutating func bottlenecks(_ bottlenecks: [Bottleneck]) {
    let runs = Wording.runs(of: bottlenecks) { bottleneck in
      Bottleneck(
        resource: "", kind: bottleneck.kind, busy: bottleneck.busy, fraction: bottleneck.fraction,
        timeIfDoubled: bottleneck.timeIfDoubled)
    }
    section(
      "Bottlenecks",
      TextTable(
        columns: [
          .words("resource"), .words("kind"), .numbers("busy"), .numbers("of the step"),
          .numbers("twice as fast"),
        ],
        rows: runs.map { run in
          [
            Wording.run(run.map(\.resource)), run[0].kind.rawValue, run[0].busy.description,
            Wording.percent(run[0].fraction), run[0].timeIfDoubled.map { "\($0) a step" } ?? "-",
          ]
        }))
  }

  /// Adds what each resource does; neighbours that do the same share a row.
  mutating func resources(_ resources: [ResourceUse], of time: SimulatedTime, detail: Detail) {
    var rows: [[String]] = []
    let runs = Wording.runs(of: resources) {
      [$0.kind.rawValue, "\($0.busy.picoseconds)", "\($0.bytes.count)"]
    }
    for run in detail == .full ? resources.map({ [$0] }) : runs {
      let fraction = time == .zero ? 0 : run[0].busy.seconds / time.seconds
      rows.append([
        Wording.run(run.map(\.name)), run[0].kind.rawValue, run[0].busy.description,
        Wording.percent(fraction),
        run[0].bytes == .zero ? "-" : run[0].bytes.description,
      ])
    }
    let columns: [TextTable.Column] = [
      .words("resource"), .words("kind"), .numbers("busy"), .numbers("of the step"), .numbers("data"),
    ]
    section("Resources", TextTable(columns: columns, rows: shortened(rows, detail: detail)))
    note(hidden: rows.count, detail: detail)
  }

  /// Adds the peaks of memory; neighbours with equal peaks share a row.
  mutating func memory(_ memory: [MemoryUse], detail: Detail) {
    let runs = Wording.runs(of: memory) { use in
      MemoryUse(device: "", peak: use.peak, capacity: use.capacity, parts: use.parts, task: "")
    }
    var rows: [[String]] = []
    for run in runs {
      let use = run[0]
      let parts = use.parts.filter { $0.size > .zero }.map { "\($0.kind) \($0.size)" }
      rows.append([
        Wording.run(run.map(\.device)), use.peak.description, use.capacity.description,
        use.fits ? "yes" : "no",
        use.task, parts.joined(separator: ", "),
      ])
    }
    let columns: [TextTable.Column] = [
      .words("device"), .numbers("peak"), .numbers("capacity"), .words("fits"), .words("at"),
      .words("made of"),
    ]
    section("Memory at its peak", TextTable(columns: columns, rows: shortened(rows, detail: detail)))
    note(hidden: rows.count, detail: detail)
  }

  /// Adds energy by kind, where there is any.
  mutating func energy(_ cost: StepCost) {
    guard cost.energy != nil else { return }
    var kinds: [String] = []
    var sums: [String: Double] = [:]
    for part in cost.energyParts {
      if sums[part.kind] == nil { kinds.append(part.kind) }
      sums[part.kind, default: 0] += part.value
    }
    let total = cost.energyParts.reduce(0) { $0 + $1.value }
    let rows = kinds.map { kind in
      let sum = sums[kind] ?? 0
      return [kind, Joules(sum).description, total > 0 ? Wording.percent(sum / total) : "-"]
    }
    section(
      "Energy", TextTable(columns: [.words("kind"), .numbers("energy"), .numbers("share")], rows: rows))
  }

  /// Adds what was assumed.
  mutating func assumptions(_ assumptions: [Assumption], detail: Detail) {
    guard detail != .brief else { return }
    section("Assumptions", sentences: assumptions.map { "\($0.what): \($0.value) (\($0.why))" })
  }

  /// The most rows of a list that a normal report shows.
  static let screen = 16

  /// Returns the rows that are shown.
  func shortened(_ rows: [[String]], detail: Detail) -> [[String]] {
    detail == .full || rows.count <= TextPage.screen ? rows : Array(rows.prefix(TextPage.screen))
  }

  /// Adds how many rows a shortened list leaves out.
  mutating func note(hidden count: Int, detail: Detail) {
    guard detail != .full, count > TextPage.screen else { return }
    add(["  … and \(count - TextPage.screen) more, with --verbose"])
  }
}
