import Devices
import Diagnostics
import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Units

/// The plan that a request leads to, with what was found beside it.
struct Decision {
  let plan: Plan
  /// The machine, in which a single device that was named or chosen is a group of its own.
  let machine: Machine
  let facts: StepFacts
  let outcome: SearchOutcome
  /// What was sought: `search`, a baseline's words, or a plan file.
  let origin: String

  /// The training graph of one micro-batch.
  var training: TrainingGraph { facts.training }
}

extension Session {
  /// Searches, names or reads the plan of the request.
  ///
  /// - Throws: An error of kind `infeasible` with the cheapest relaxation where no plan can run.
  func decide() throws(InputError) -> Decision {
    var rules: [String: [String]] = [:]
    var groups: [String: String] = [:]
    var asked = request.microBatches
    var cells = request.cells
    var origin = "search"
    for path in [request.fixedPlan, planFilePath].compactMap({ $0 }) {
      let file = try PlanFile(text: try text(of: path, .badModel, request.texts), file: path)
      try check(file)
      let kept = try file.decisions(for: whole.graph, on: machine)
      rules.merge(kept.rules) { _, new in new }
      groups.merge(kept.groups) { _, new in new }
      asked = asked ?? file.microBatches
      cells = cells ?? file.cells
      if path == planFilePath { origin = "the plan \(path)" }
    }
    if case .baseline(let baseline) = request.planSource {
      if case .singleDevice(let name) = baseline { return try single(name) }
      return try best(of: try baselineRegion(baseline), baseline.words, on: machine)
    }
    if let device = try namedDevice(groups) {
      return try best(
        of: SearchRegion(
          options: try searchOptions(fixed: rules, onlyGroups: [device.name]),
          microBatches: asked.map { [$0] } ?? accumulationChoices, cells: cells),
        origin, on: machine.isolating(device))
    }
    var onlyGroup: String?
    if !groups.isEmpty, Set(groups.values).count == 1, groups.count == whole.graph.nodes.count {
      onlyGroup = groups.values.first
    }
    let options = try searchOptions(
      fixed: rules, groups: onlyGroup == nil ? groups : [:],
      onlyGroups: onlyGroup.map { [$0] } ?? request.groups)
    return try best(
      of: SearchRegion(
        options: options, microBatches: asked.map { [$0] } ?? accumulationChoices,
        triedAnyway: hasPipelines ? Int.max : 1, cells: cells),
      origin, on: machine)
  }

  /// The single device that a plan names in place of a group; it must then name no other.
  private func namedDevice(_ groups: [String: String]) throws(InputError) -> Device? {
    let names = Set(groups.values)
    guard let device = machine.devices.first(where: { names.contains($0.name) }),
      !machine.groups.contains(where: { $0.name == device.name })
    else { return nil }
    if names.count == 1 { return device }
    throw InputError(
      .badModel, "a plan that names the device '\(device.name)' of a group can use nothing else",
      hint: "name the group '\(device.group)', or this device for every layer")
  }

  private var planFilePath: String? {
    if case .file(let path) = request.planSource { path } else { nil }
  }

  /// A plan is for one network, machine and batch.
  private func check(_ file: PlanFile) throws(InputError) {
    let location = SourceLocation(file: file.file)
    if let batch = file.batch, batch != self.batch {
      throw InputError(
        .badModel, "the plan is for a batch of \(batch), not \(self.batch)", at: location,
        hint: "say --batch \(batch), or leave the batch out of the plan")
    }
  }
}
