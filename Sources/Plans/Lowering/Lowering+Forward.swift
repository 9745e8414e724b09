import Devices
import Differentiation
import Graphs
import Machines
import Units

extension Lowering {
  /// The forward tasks of one stage for one micro-batch.
  mutating func forward(_ stage: Int, _ microBatch: Int) {
    for node in plan.stages[stage].nodes { forwardNode(node, stage, microBatch) }
  }

  private mutating func forwardNode(_ node: Int, _ stage: Int, _ microBatch: Int) {
    let profile = plan.profiles[node]
    let tasks = plan.stages[stage].tasks
    var ready = Readiness(repeating: [], count: tasks.cut.deviceCount)
    for (position, tensor) in profile.node.inputs.enumerated() {
      guard !plan.training.graph[tensor].role.isStatic else { continue }
      merge(arrival(of: tensor, at: node, position, microBatch), into: &ready)
    }
    if let weights = weightsReady(stage) { merge(weights, into: &ready) }
    if let brought = parametersReady[node] { merge(brought, into: &ready) }
    guard let operation = plan.forward[node], let index = plan.facts.forwardIndices[node] else { return }
    ready = compute(operation, index, node, stage, microBatch, after: ready)
    for output in profile.node.outputs { forwardReady[microBatch][output.index] = ready }
  }

  /// Brings parameters from where they live to the other nodes that read them, once for the whole step.
  mutating func bringParameters() {
    parametersReady = [:]
    for use in plan.facts.parameterUses {
      let home = plan.place(of: use.home)
      for reader in use.others {
        let place = plan.place(of: reader)
        if place == home { continue }
        let none = Readiness(repeating: [], count: plan.stages[home.stage].tasks.cut.deviceCount)
        var ready = convert(
          use.parameter, .parameter(use.parameter),
          label(plan.training.graph[use.parameter].name, .parameter, 0), from: home, to: place,
          elementSize: plan.stages[home.stage].tasks.sizes.parameter, after: weightsReady(home.stage) ?? none)
        if let known = parametersReady[reader.node] { merge(known, into: &ready) }
        parametersReady[reader.node] = ready
      }
    }
  }

  /// When the weights that this step may use are there: those updated two steps ago.
  private func weightsReady(_ stage: Int) -> Readiness? {
    step >= 2 && updated[stage].count >= step - 1 ? updated[stage][step - 2] : nil
  }

  /// Brings an input of a node into the layout that the node needs, and says when it is there on each device.
  private mutating func arrival(
    of tensor: TensorID, at node: Int, _ position: Int, _ microBatch: Int
  ) -> Readiness {
    let stage = plan.stageOfNode[node]
    let target = plan.strategies[node].inputs[position]
    guard let producer = plan.producers[tensor.index] else {
      // Samples wait for nothing: they are prefetched, or start where they are needed.
      return Readiness(repeating: [], count: plan.stages[stage].tasks.cut.deviceCount)
    }
    let source = plan.strategies[producer.node].outputs[producer.output]
    let none = Readiness(
      repeating: [], count: plan.stages[plan.stageOfNode[producer.node]].tasks.cut.deviceCount)
    return convert(
      tensor, .activation(tensor), label(plan.training.graph[tensor].name, .conversion, microBatch),
      from: TaskGraph.Movement.Place(stage: plan.stageOfNode[producer.node], layout: source),
      to: TaskGraph.Movement.Place(stage: stage, layout: target),
      after: forwardReady[microBatch][tensor.index] ?? none)
  }

  /// The tasks of one operation on every device of a stage, with the sum of statistics where it needs one.
  mutating func compute(
    _ operation: TrainingGraph.Operation, _ index: Int, _ node: Int, _ stage: Int, _ microBatch: Int,
    after ready: Readiness
  ) -> Readiness {
    let label = label(plan.profiles[node].node.name, .init(operation.phase), microBatch)
    var ready = ready
    for (part, works) in parts(of: operation, index, node, plan.stages[stage].tasks) {
      if part == .afterStatistics {
        ready = reduceStatistics(operation, index, node, stage, microBatch, after: ready)
      }
      ready = place(works, on: stage, label, .operation(index, part), after: ready)
    }
    return ready
  }

  private mutating func reduceStatistics(
    _ operation: TrainingGraph.Operation, _ index: Int, _ node: Int, _ stage: Int, _ microBatch: Int,
    after ready: Readiness
  ) -> Readiness {
    let tasks = plan.stages[stage].tasks
    let profile = plan.profiles[node]
    let (shape, partial) = tasks.statisticsPlace(operation.workPhase, profile, plan.strategies[node])
    let movement = TaskGraph.Movement(
      .statistics(NodeID(node), operation: index), shape: shape,
      from: TaskGraph.Movement.Place(stage: stage, layout: partial),
      to: TaskGraph.Movement.Place(stage: stage, layout: partial.reduced))
    return reduce(
      tasks.statistics(operation.workPhase, profile, plan.strategies[node]), movement,
      elementSize: tasks.sizes.gradient, label(profile.node.name, .statistics, microBatch), after: ready)
  }

  /// Puts work on every device of a stage; where there is none, what came before is passed on.
  mutating func place(
    _ works: [Work], on stage: Int, _ label: TaskGraph.Label, _ action: TaskGraph.Action,
    after ready: Readiness
  ) -> Readiness {
    let group = plan.stages[stage].group
    var result = ready
    for device in group.devices.indices {
      let work = works.count == 1 ? works[0] : works[device]
      if work.isEmpty { continue }
      result[device] = [list.add(.compute(group.devices[device], work), label, action, after: ready[device])]
    }
    list.endGroup()
    return result
  }

  func label(_ name: String, _ category: TaskGraph.Category, _ microBatch: Int) -> TaskGraph.Label {
    TaskGraph.Label(category: category, name: name, microBatch: microBatch, step: step)
  }

  func merge(_ other: Readiness, into ready: inout Readiness) {
    for device in ready.indices { ready[device] += other[device] }
  }
}
