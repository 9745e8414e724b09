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
  /// The best plans of other parts of the space, which lose to this one.
  var rivals: [Decision] = []

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
    var shares: [String: Shares] = [:]
    if let planFile {
      try check(planFile)
      (rules, groups) = try planFile.decisions(for: whole.graph, on: machine)
      shares = try planFile.shares(on: machine)
    }
    if case .baseline(let baseline) = request.planSource {
      if case .singleDevice(let name) = baseline { return try single(name) }
      return try best(of: try baselineRegion(baseline), baseline.words, on: machine)
    }
    let origin = request.planFilePath.map { "the plan \($0)" } ?? "search"
    try checkCut(groups)
    if let device = try namedDevice(groups) {
      return try best(
        of: SearchRegion(
          options: try searchOptions(fixed: rules, onlyGroups: [device.name]),
          microBatches: accumulationChoices, cells: request.cells),
        origin, on: machine.isolating(device))
    }
    var onlyGroup: String?
    if !groups.isEmpty, Set(groups.values).count == 1, groups.count == whole.graph.nodes.count {
      onlyGroup = groups.values.first
    }
    let options = try searchOptions(
      fixed: rules, groups: onlyGroup == nil ? groups : [:], shares: shares,
      onlyGroups: onlyGroup.map { [$0] } ?? request.groups)
    let region = SearchRegion(
      options: options, microBatches: accumulationChoices, triedAnyway: hasPipelines ? Int.max : 1,
      cells: request.cells)
    let found = try explore(region, origin, on: machine)
    guard considersSingleDevices else { return try decision([found]) }
    let unequal = try exploreUnequalBatch(origin)
    return try decision([found] + [unequal].compactMap { $0 } + (try exploreSingleDevices(origin)))
  }

  /// Refuses cuts that the machine, or the plan file, leaves no room for.
  private func checkCut(_ groups: [String: String]) throws(InputError) {
    let allowed = request.groups ?? machine.groups.map(\.name)
    if let layer = whole.graph.nodes.first(where: { groups[$0.name].map { !allowed.contains($0) } ?? false }),
      let group = groups[layer.name], machine.groups.contains(where: { $0.name == group })
    {
      throw InputError(
        .usage, "the plan runs '\(layer.name)' on '\(group)', which --devices leaves out",
        hint: "name '\(group)' there, too, or leave --devices out")
    }
    switch request.cut {
    case .search: return
    case .none:
      guard Set(groups.values).count > 1 else { return }
      throw InputError(
        .usage,
        "the plan runs layers on \(Set(groups.values).count) groups of devices, and --cut none on one",
        hint: "leave --cut out")
    case .after(let name):
      let nodes = whole.graph.nodes
      // A misspelt layer is refused with its nearest name where the search is set up.
      guard let index = nodes.firstIndex(where: { $0.name == name }) else { return }
      guard allowed.count > 1 else {
        throw InputError(
          .usage,
          "nothing can be cut after '\(name)': \(machine.name) has one group of devices, '\(allowed[0])'",
          hint: "a cut lies between unlike devices: leave --cut out")
      }
      guard index + 1 < nodes.count else {
        throw InputError(
          .usage, "nothing can be cut after '\(name)', with which the network ends",
          hint: nodes.count > 1 ? "cut after '\(nodes[index - 1].name)' or before it" : nil)
      }
      let front = Set(nodes[...index].compactMap { groups[$0.name] })
      let back = Set(nodes[(index + 1)...].compactMap { groups[$0.name] })
      guard front.count <= 1, back.count <= 1, front.isDisjoint(with: back) else {
        throw InputError(
          .usage, "the plan is not cut after '\(name)'", hint: "leave --cut out, or the devices of the plan")
      }
    }
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

extension Request {
  /// The plan file that stands in place of a search.
  var planFilePath: String? { if case .file(let path) = planSource { path } else { nil } }
}
