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
    let levels = machine.levels.isEmpty ? "" : "; \(machine.levels.joined(separator: ", "))"
    return [machine.name, machine.title, devices.joined(separator: ", ") + levels]
  }
  page.add(
    TextTable(columns: [.words("name"), .words("what it is"), .words("devices and levels")], rows: rows)
      .lines())
  return page.text
}
