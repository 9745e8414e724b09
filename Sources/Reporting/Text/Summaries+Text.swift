public import Results
import Units

/// Returns the list of built-in networks for a terminal.
public func text(of models: [ModelSummary]) -> String {
  var page = TextPage()
  page.title("Built-in networks; MACs are those of one sample's forward phase")
  let columns: [TextTable.Column] = [
    .words("name"), .words("form"), .numbers("parameters"), .numbers("MACs"), .words("what it is"),
  ]
  page.add(
    TextTable(
      columns: columns,
      rows: models.map { model in
        [
          model.name, model.form == .graph ? "graph" : "layer table", Wording.count(Double(model.parameters)),
          Wording.count(model.multiplyAccumulates), model.title,
        ]
      }
    ).lines())
  return page.text
}

/// Returns the list of machines of the catalogue for a terminal.
public func text(of machines: [MachineSummary]) -> String {
  var page = TextPage()
  page.title("Machines of the catalogue")
  let rows = machines.map { machine in
    let devices = machine.devices.map { "\($0.count) × \($0.name) (\($0.kind), \($0.memory))" }
    let levels = machine.levels.isEmpty ? "" : "; \(levels(machine.levels))"
    return [
      machine.name, machine.title == machine.name ? "" : machine.title,
      devices.joined(separator: ", ") + levels,
    ]
  }
  // Where machines are named as in the catalogue, there is nothing to say twice.
  let hasTitles = rows.contains { !$0[1].isEmpty }
  let columns: [TextTable.Column] = [.words("name"), .words("what it is"), .words("devices and levels")]
  let kept = hasTitles ? [0, 1, 2] : [0, 2]
  page.add(
    TextTable(columns: kept.map { columns[$0] }, rows: rows.map { row in kept.map { row[$0] } }).lines())
  page.heading(
    "This computer is measured, and its machine file written, by 'partita calibrate --out mine.yaml'.")
  return page.text
}

/// The levels of a mesh; neighbours of one kind are named together.
private func levels(_ levels: [String]) -> String {
  func parts(_ level: String) -> (name: String, kind: String) {
    guard let range = level.firstRange(of: ": ") else { return (level, "") }
    return (String(level[..<range.lowerBound]), String(level[range.upperBound...]))
  }
  return Wording.runs(of: levels) { parts($0).kind }.map { run in
    let kind = parts(run[0]).kind
    let names =
      run.count == 1 ? parts(run[0]).name : "\(parts(run[0]).name)–\(parts(run[run.count - 1]).name)"
    return kind.isEmpty ? names : "\(names): \(kind)"
  }.joined(separator: ", ")
}
