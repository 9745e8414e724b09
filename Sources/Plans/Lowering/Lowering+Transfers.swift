import Devices
import Differentiation
import Graphs
import Machines
import Units

extension Lowering {
  /// Runs the steps of a conversion inside a stage's group.
  mutating func reduce(
    _ steps: [ConversionStep], _ movement: TaskGraph.Movement, elementSize: Int, _ label: TaskGraph.Label,
    after ready: Readiness
  ) -> Readiness {
    guard !steps.isEmpty else { return ready }
    var ready = ready
    let stage = movement.source.stage
    let tasks = plan.stages[stage].tasks
    guard tasks.isJoined else {
      refuse(plan.stages[stage].group.devices)
      return ready
    }
    let index = list.add(movement)
    for (position, step) in steps.enumerated() {
      let span = tasks.cut.ways[step.level] * tasks.cut.strides[step.level]
      for collective in tasks.collectives(step, elementSize: elementSize) {
        let members = collective.firstDevice..<collective.firstDevice + span
        let task = list.add(
          .collective(collective), label, .step(movement: index, position),
          after: members.flatMap { ready[$0] })
        for device in members { ready[device] = [task] }
      }
      list.endGroup()
    }
    return ready
  }

  /// Brings a tensor from one layout to another, inside a group or from one group to another.
  ///
  /// - Parameter elementSize: The bytes of an element; nil for those that the tensor has as an activation.
  mutating func convert(
    _ tensor: TensorID, _ subject: TaskGraph.Movement.Subject, _ label: TaskGraph.Label,
    from source: TaskGraph.Movement.Place, to target: TaskGraph.Movement.Place, elementSize: Int? = nil,
    after ready: Readiness
  ) -> Readiness {
    let shape = plan.training.graph[tensor].type.shape
    let tasks = plan.stages[source.stage].tasks
    let elementSize = elementSize ?? tasks.movingSize(of: tensor)
    let isInside = source.stage == target.stage
    let whole = isInside ? target.layout : tasks.wholeBeforeLeaving(shape, source.layout)
    guard isInside || !target.layout.isPartial,
      tasks.conversion(shape, from: source.layout, to: whole) != nil
    else { return refuse(tensor, source.layout, target.layout, target.stage) }
    var ready = ready
    for stop in tasks.stops(from: source.layout, to: whole) {
      let movement = TaskGraph.Movement(
        subject, shape: shape, from: TaskGraph.Movement.Place(stage: source.stage, layout: stop.from),
        to: TaskGraph.Movement.Place(stage: source.stage, layout: stop.to))
      ready = reduce(
        conversionSteps(shape, from: stop.from, to: stop.to, over: tasks.cut) ?? [], movement,
        elementSize: elementSize, label, after: ready)
    }
    if isInside { return ready }
    let left = TaskGraph.Movement.Place(stage: source.stage, layout: whole)
    return transfer(
      TaskGraph.Movement(subject, shape: shape, from: left, to: target),
      elementSize: elementSize, label, after: ready)
  }

  /// Sends a tensor that is not partial from one group to another.
  mutating func transfer(
    _ movement: TaskGraph.Movement, elementSize: Int, _ label: TaskGraph.Label, after ready: Readiness
  ) -> Readiness {
    let flows = plan.stages[movement.source.stage].tasks.flows(
      movement.shape, from: movement.source.layout, to: movement.target.layout,
      at: plan.stages[movement.target.stage].tasks, elementSize: elementSize)
    let transfer = TaskGraph.Label(
      category: label.category.runsOnceEachStep ? label.category : .transfer, name: label.name,
      microBatch: label.microBatch, step: label.step)
    return exchange(
      flows, transfer, .transfer(movement: list.add(movement)), after: ready, to: movement.target.stage)
  }

  /// Sends flows at once from the devices of one group to those of a stage.
  mutating func exchange(
    _ flows: [Flow], _ label: TaskGraph.Label, _ action: TaskGraph.Action, after ready: Readiness,
    to stage: Int
  ) -> Readiness {
    let count = plan.stages[stage].tasks.cut.deviceCount
    let before = ready.flatMap { $0 }
    let lost = flows.first { plan.routes.route(from: $0.from, to: $0.to) == nil }
    if let lost { refuse([lost.from, lost.to]) }
    guard !flows.isEmpty, lost == nil else { return Readiness(repeating: before, count: count) }
    let index = list.add(.exchange(flows), label, action, after: before)
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
      let place = TaskGraph.Movement.Place(stage: stage, layout: target)
      let movement = list.add(
        TaskGraph.Movement(
          .samples(tensor), shape: plan.training.graph[tensor].type.shape, from: place, to: place))
      let reads = load.reads.map {
        list.add($0, label(name, .storage, microBatch), .samples(movement: movement), after: [])
      }
      list.endGroup()
      _ = exchange(
        load.flows, label(name, .transfer, microBatch), .samples(movement: movement), after: [reads],
        to: stage)
    }
  }
}
