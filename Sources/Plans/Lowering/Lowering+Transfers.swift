import Devices
import Differentiation
import Graphs
import Machines
import Units

extension Lowering {
  /// Runs the steps of a conversion inside a stage's group.
  mutating func reduce(
    _ steps: [ConversionStep], _ stage: Int, elementSize: Int, _ label: TaskGraph.Label,
    after ready: Readiness
  ) -> Readiness {
    var ready = ready
    let tasks = plan.stages[stage].tasks
    guard tasks.isJoined || steps.isEmpty else {
      refuse(plan.stages[stage].group.devices)
      return ready
    }
    for step in steps {
      let span = tasks.cut.ways[step.level] * tasks.cut.strides[step.level]
      for collective in tasks.collectives(step, elementSize: elementSize) {
        let members = collective.firstDevice..<collective.firstDevice + span
        let index = list.add(.collective(collective), label, after: members.flatMap { ready[$0] })
        for device in members { ready[device] = [index] }
      }
      list.endGroup()
    }
    return ready
  }

  /// Brings a tensor from one layout to another, inside a group or from one group to another.
  mutating func convert(
    _ tensor: TensorID, _ label: TaskGraph.Label, from source: (stage: Int, layout: Layout),
    to target: (stage: Int, layout: Layout), after ready: Readiness
  ) -> Readiness {
    let shape = plan.training.graph[tensor].type.shape
    let tasks = plan.stages[source.stage].tasks
    if source.stage == target.stage {
      guard let steps = tasks.conversion(shape, from: source.layout, to: target.layout) else {
        return refuse(tensor, source.layout, target.layout, target.stage)
      }
      return reduce(steps, source.stage, elementSize: tasks.sizes.activation, label, after: ready)
    }
    let whole = tasks.wholeBeforeLeaving(shape, source.layout)
    guard !target.layout.isPartial, let steps = tasks.conversion(shape, from: source.layout, to: whole) else {
      return refuse(tensor, source.layout, target.layout, target.stage)
    }
    let reduced = reduce(steps, source.stage, elementSize: tasks.sizes.activation, label, after: ready)
    let flows = tasks.flows(shape, from: whole, to: target.layout, at: plan.stages[target.stage].tasks)
    let transfer = TaskGraph.Label(
      category: "transfer", name: label.name, microBatch: label.microBatch, step: label.step)
    return exchange(flows, transfer, after: reduced, to: target.stage)
  }

  /// Sends flows at once from the devices of one group to those of a stage.
  mutating func exchange(
    _ flows: [Flow], _ label: TaskGraph.Label, after ready: Readiness, to stage: Int
  ) -> Readiness {
    let count = plan.stages[stage].tasks.cut.deviceCount
    let before = ready.flatMap { $0 }
    let lost = flows.first { plan.routes.route(from: $0.from, to: $0.to) == nil }
    if let lost { refuse([lost.from, lost.to]) }
    guard !flows.isEmpty, lost == nil else { return Readiness(repeating: before, count: count) }
    let index = list.add(.exchange(flows), label, after: before)
    list.endGroup()
    return Readiness(repeating: [index], count: count)
  }

  /// Notes that devices are not joined; once is enough.
  mutating func refuse(_ devices: [DeviceID]) {
    guard let first = devices.first, let last = devices.last else { return }
    let violation = PlanViolation.noRoute(from: plan.machine[first].name, to: plan.machine[last].name)
    if !violations.contains(violation) { violations.append(violation) }
  }

  private mutating func refuse(
    _ tensor: TensorID, _ source: Layout, _ target: Layout, _ stage: Int
  ) -> Readiness {
    violations.append(
      .noConversion(
        tensor: plan.training.graph[tensor].name, from: source.description, to: target.description))
    return Readiness(repeating: [], count: plan.stages[stage].tasks.cut.deviceCount)
  }

  /// Reads the samples of a micro-batch from storage and brings them to the first stage.
  ///
  /// Where steps may overlap the samples of the next step load under this one, so that nothing waits for
  /// them; behind barriers the step begins with them.
  mutating func load(_ microBatch: Int) {
    guard plan.machine.samples != nil else { return }
    for tensor in plan.training.graph.inputs where plan.training.graph[tensor].role == .sample {
      guard let consumer = plan.consumers[tensor.index] else { continue }
      let name = plan.training.graph[tensor].name
      let stage = plan.stageOfNode[consumer.node]
      let tasks = plan.stages[stage].tasks
      let target = plan.strategies[consumer.node].inputs[consumer.input]
      guard let load = tasks.load(plan.training.graph[tensor].type.shape, to: target, from: plan.machine)
      else {
        continue
      }
      let reads = load.reads.map { list.add($0, label(name, "storage", microBatch), after: []) }
      list.endGroup()
      _ = exchange(load.flows, label(name, "transfer", microBatch), after: [reads], to: stage)
    }
  }
}
