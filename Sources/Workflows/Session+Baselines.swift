import Devices
import Diagnostics
import Differentiation
import Graphs
import Machines
import Planning
import Plans

extension Session {
  /// The region of a baseline over several devices.
  func baselineRegion(_ baseline: Request.Baseline) throws(InputError) -> SearchRegion {
    guard let group = machine.firstGroupOfSeveral else {
      throw InputError(
        .usage, "'\(baseline.words)' needs several devices of one kind, and \(machine.name) has none",
        hint: "try --plan single-device")
    }
    var fixed: [String: [String]] = [:]
    for node in whole.graph.nodes where node.operator.rules.isWeighted {
      let axis = baseline.axis(of: node.operator)
      fixed[node.name] = [String](repeating: axis.rawValue, count: group.levels.count)
    }
    try checkSplits(fixed, over: group, of: baseline.words)
    return try region(fixed: fixed, on: group)
  }

  /// The region of all plans on one group that keep some rules.
  private func region(
    fixed: [String: [String]], on group: DeviceGroup
  ) throws(InputError) -> SearchRegion {
    var options = try searchOptions(fixed: fixed, onlyGroups: [group.name])
    options.strategy = .exact
    options.cut = .none
    return SearchRegion(options: options, microBatches: accumulationChoices)
  }

  /// Names the first layer that is too small, or not made, for the axes that a baseline gives it.
  private func checkSplits(
    _ fixed: [String: [String]], over group: DeviceGroup, of words: String
  ) throws(InputError) {
    let cut = Cut(group: group, shares: .equal(group))
    for (index, node) in whole.graph.nodes.enumerated() {
      guard let rules = fixed[node.name] else { continue }
      let profile = OperatorProfile(NodeID(index), in: whole.graph)
      guard profile.strategies(over: cut, axes: [], fixed: rules).isEmpty else { continue }
      let axis = rules.first ?? "nothing"
      throw InputError(
        .infeasible,
        "'\(words)' splits '\(node.name)' by \(axis) over \(group.devices.count) devices, which it does not "
          + "allow with a batch of \(batch)",
        hint: axis == "batch"
          ? "train a batch of at least \(group.devices.count)" : "search for a plan instead")
    }
  }

  /// The plans that people would take without a search, to hold a searched one against.
  ///
  /// In the data-parallel one every operator that can be is split along the batch, so that next to nothing is
  /// left to search.
  func usualPlans() -> [(words: String, outcome: Result<Decision, InputError>)] {
    guard case .search = request.planSource, request.fixedPlan == nil else { return [] }
    var plans: [(words: String, outcome: Result<Decision, InputError>)] = []
    if let group = machine.firstGroupOfSeveral {
      plans.append(
        ("data-parallel", Result { () throws(InputError) in try splittingTheBatch(over: group) }))
    }
    if machine.devices.count > 1 {
      plans.append(("single-device", Result { () throws(InputError) in try single(nil) }))
    }
    return plans
  }

  /// The best plan in which every operator that can be is split along the batch on every level.
  private func splittingTheBatch(over group: DeviceGroup) throws(InputError) -> Decision {
    guard batch >= group.devices.count else {
      throw InputError(.infeasible, "a batch of \(batch) cannot be split over \(group.devices.count) devices")
    }
    return try best(of: try batchRegion(over: group), "data-parallel", on: machine)
  }

  /// The region of plans in which every operator that can be is split along the batch on every level.
  private func batchRegion(over group: DeviceGroup) throws(InputError) -> SearchRegion {
    var fixed: [String: [String]] = [:]
    for (index, node) in whole.graph.nodes.enumerated() {
      let rules = OperatorProfile(NodeID(index), in: whole.graph).rules
      guard rules.contains(where: { $0.name == AxisRole.batch.rawValue }) else { continue }
      fixed[node.name] = [String](repeating: AxisRole.batch.rawValue, count: group.levels.count)
    }
    return try region(fixed: fixed, on: group)
  }

  /// The best plan with the batch split over unlike devices; nil where devices are alike or nothing overlaps.
  ///
  /// Sums guide the search where steps overlap, and they count reductions that run beside other work. With
  /// unlike devices each of the shares has other best sums, so that this plan is compared in any case.
  func exploreUnequalBatch(_ origin: String) throws(InputError) -> Exploration? {
    guard request.overlap != .none, let group = machine.firstGroupOfSeveral,
      !machine.areAlike(group.devices), batch >= group.devices.count,
      group.devices.allSatisfy({ machine[$0].supports(request.precision) })
    else { return nil }
    return try explore(try batchRegion(over: group), origin, on: machine)
  }

  /// The best plan on one device: the named one, or of one of each kind that with the shortest step.
  func single(_ name: String?) throws(InputError) -> Decision {
    var seen: Set<String> = []
    let kinds = machine.devices.filter { seen.insert($0.group).inserted }
    let candidates = name.map { name in
      machine.devices.filter { $0.name == name || $0.group == name }.prefix(1)
    }
    guard !(candidates ?? kinds[...]).isEmpty else {
      let near = suggestion(for: name ?? "", among: machine.devices.map(\.name))
      throw InputError(
        .usage, "\(machine.name) has no device '\(name ?? "")'",
        hint: near ?? "it has: \(kinds.map(\.group).joined(separator: ", "))")
    }
    var best: Decision?
    var refused: [Exploration] = []
    for device in candidates ?? kinds[...] {
      let found = try explore(device, "single-device:\(device.name)")
      guard let decision = found.decision, let value = decision.outcome.best?.value else {
        refused.append(found)
        continue
      }
      if let known = best?.outcome.best?.value, known.time <= value.time { continue }
      best = decision
    }
    if let best { return best }
    return try decision(refused)
  }

  /// Looks for the best plan that runs everything on one device.
  private func explore(_ device: Device, _ origin: String) throws(InputError) -> Exploration {
    var options = try searchOptions(onlyGroups: [device.name])
    options.cut = .none
    return try explore(
      SearchRegion(options: options, microBatches: accumulationChoices), origin,
      on: machine.isolating(device))
  }

  /// Whether the search compares single devices of groups of several with plans that use all of a group.
  ///
  /// A request that names devices, axes, a cut or parts of the plan asks for a region in which all devices of
  /// a group share every layer; the greedy descent is one over the levels of a mesh; and where communication
  /// is minimised one device, which has none, would always win.
  var considersSingleDevices: Bool {
    guard case .search = request.planSource, request.fixedPlan == nil, request.groups == nil,
      request.objective != .communication, request.search != .hierarchical,
      Request(model: request.model).axes.allSatisfy(request.axes.contains)
    else { return false }
    if case .after = request.cut { return false }
    return machine.firstGroupOfSeveral != nil
  }

  /// The plans on one device of each kind that stands in a group of several.
  func exploreSingleDevices(_ origin: String) throws(InputError) -> [Exploration] {
    var seen: Set<String> = []
    var explorations: [Exploration] = []
    for group in machine.groups where !group.levels.isEmpty {
      for device in group.devices.map({ machine[$0] })
      where device.supports(request.precision) && seen.insert(device.group).inserted {
        explorations.append(try explore(device, origin))
      }
    }
    return explorations
  }
}

extension Request.Baseline {
  /// The axis along which a weighted operator is split on every level.
  fileprivate func axis(of node: Graphs.Operator) -> AxisRole {
    switch self {
    case .dataParallel, .singleDevice: return .batch
    case .modelParallel: return .inputChannel
    case .oneWeirdTrick:
      switch node {
      case .convolution: return .batch
      case .tabulated(let layer): return layer.layer == .convolution ? .batch : .inputChannel
      default: return .inputChannel
      }
    }
  }
}

extension Machine {
  /// The first group of several devices, the mesh if there is one.
  var firstGroupOfSeveral: DeviceGroup? { groups.first { !$0.levels.isEmpty } }
}
