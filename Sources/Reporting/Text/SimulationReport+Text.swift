public import Results
import Units

extension SimulationReport {
  /// Returns the simulation for a terminal, at most 100 columns wide.
  public func text(_ detail: Detail = .normal) -> String {
    var page = TextPage()
    switch subject {
    case .step(let model, let batch, let plan):
      page.title("\(model) on \(machine), batch \(batch), \(plan)")
    case .collective(let operation, let bytes, let algorithm, let chunks):
      page.title(
        "\(operation) of \(bytes) by \(algorithm) in \(Wording.number(chunks, "chunk")) on \(machine)")
    }
    var facts = [
      ("makespan", makespan.description),
      ("price", "\(cost.time), a lower bound"),
      ("one after another", cost.serialSum.description),
      ("exposed communication", exposedCommunication.description),
    ]
    if let energy = cost.energy { facts.append(("energy", energy.description)) }
    facts.append(("data received", cost.bytesMoved.description))
    page.facts(facts)
    guard detail != .brief else { return page.text }
    page.bottlenecks(bottlenecks)
    page.resources(resources, of: makespan, detail: detail)
    page.section("Critical path by kind of work", criticalPathTable)
    if detail == .full { page.section("Critical path", criticalTaskTable) }
    page.memory(memory, detail: detail)
    page.energy(cost)
    page.assumptions(assumptions, detail: detail)
    page.section("Warnings", sentences: detail == .full ? warnings : Wording.merged(warnings))
    return page.text
  }

  /// The time that each category has on the critical path, in the order of first appearance.
  private var criticalPathTable: TextTable {
    var categories: [String] = []
    var sums: [String: (time: SimulatedTime, tasks: Int)] = [:]
    for task in criticalPath {
      if sums[task.category] == nil { categories.append(task.category) }
      let sum = sums[task.category] ?? (.zero, 0)
      sums[task.category] = (sum.time + task.duration, sum.tasks + 1)
    }
    let rows = categories.map { category in
      let sum = sums[category] ?? (.zero, 0)
      let fraction = makespan == .zero ? 0 : sum.time.seconds / makespan.seconds
      return [category, "\(sum.tasks)", sum.time.description, Wording.percent(fraction)]
    }
    return TextTable(
      columns: [.words("work"), .numbers("tasks"), .numbers("time"), .numbers("of the step")], rows: rows)
  }

  private var criticalTaskTable: TextTable {
    let columns: [TextTable.Column] = [
      .numbers("start"), .numbers("time"), .words("work"), .words("name"), .words("resources"),
    ]
    return TextTable(
      columns: columns,
      rows: criticalPath.map { task in
        [
          task.start.description, task.duration.description, task.category, task.name,
          Wording.run(task.resources),
        ]
      })
  }
}
