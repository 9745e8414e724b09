import Devices
import Differentiation
import Graphs
import Machines
import Units

extension Lowering {
  /// The backward tasks of one stage for one micro-batch, with the reductions of gradients that are complete.
  mutating func backward(_ stage: Int, _ microBatch: Int) {
    var bucket = GradientBucket(limit: plan.plan.options.gradientBucket)
    for node in plan.stages[stage].nodes.reversed() where !plan.backward[node].isEmpty {
      backwardNode(node, stage, microBatch, &bucket)
    }
    flush(&bucket, stage, microBatch)
  }

  private mutating func backwardNode(
    _ node: Int, _ stage: Int, _ microBatch: Int, _ bucket: inout GradientBucket
  ) {
    let profile = plan.profiles[node]
    let strategy = plan.strategies[node]
    let tasks = plan.stages[stage].tasks
    var ready = Readiness(repeating: [], count: tasks.cut.deviceCount)
    for (position, tensor) in profile.node.outputs.enumerated() {
      merge(errorArrival(tensor, stage, strategy.outputErrors[position], microBatch), into: &ready)
    }
    if profile.node.outputs.allSatisfy({ plan.consumers[$0.index] == nil }) {
      // Nothing reads a loss: its backward work follows its forward work.
      for tensor in profile.node.outputs { merge(forwardReady[microBatch][tensor.index] ?? [], into: &ready) }
    }
    for (operation, index) in zip(plan.backward[node], plan.facts.backwardIndices[node]) {
      let done = compute(operation, index, node, stage, microBatch, after: ready)
      for value in operation.writes {
        switch value {
        case .error(let tensor): errorReady[microBatch][tensor.index] = done
        case .gradient(let parameter):
          let contribution = GradientContribution(parameter: parameter, node: node)
          gradientReady[step % 2][contribution] = done
          if microBatch == microBatches - 1 { reduceGradient(contribution, stage, microBatch, &bucket) }
        case .forward, .auxiliary, .optimizerState: break
        }
      }
    }
  }

  /// Brings the error of a node's output into the layout that the node needs.
  private mutating func errorArrival(
    _ tensor: TensorID, _ stage: Int, _ target: Layout, _ microBatch: Int
  ) -> Readiness {
    let none = Readiness(repeating: [], count: plan.stages[stage].tasks.cut.deviceCount)
    guard let consumer = plan.consumers[tensor.index], let ready = errorReady[microBatch][tensor.index] else {
      return none
    }
    return convert(
      tensor, .error(tensor), label(plan.training.graph[tensor].name, .conversion, microBatch),
      from: TaskGraph.Movement.Place(
        stage: plan.stageOfNode[consumer.node],
        layout: plan.strategies[consumer.node].inputErrors[consumer.input]),
      to: TaskGraph.Movement.Place(stage: stage, layout: target), after: ready)
  }

  /// Sums what a node contributes to a gradient over the devices that hold addends of it, alone or with
  /// others, and brings it to where the parameter lives.
  private mutating func reduceGradient(
    _ contribution: GradientContribution, _ stage: Int, _ microBatch: Int, _ bucket: inout GradientBucket
  ) {
    let (parameter, node) = (contribution.parameter, contribution.node)
    guard let use = plan.facts.use(of: parameter), let reader = use.reader(at: node) else { return }
    // What is added at once waits for the home, whose backward work comes last.
    if reader != use.home, plan.addsAtOnce(reader, of: use) { return }
    let tasks = plan.stages[stage].tasks
    let gradient = plan.strategies[node].inputErrors[reader.input]
    let home = plan.place(of: use.home)
    let isInside = home.stage == stage
    if isInside, gradient == home.layout { return }
    let shape = plan.training.graph[parameter].type.shape
    let batchLevels = plan.strategies[node].batchLevels
    let isPlainSum = isInside && gradient.reduced == home.layout
    guard isPlainSum, tasks.cut.isUniform(shape, gradient), bucket.limit != nil, !list.hasBarriers else {
      let label = label(plan.training.graph[parameter].name, .gradient, microBatch)
      let whole = isInside ? home.layout : tasks.wholeBeforeLeaving(shape, gradient)
      let sum = TaskGraph.Movement(
        .gradients([contribution]), shape: shape,
        from: TaskGraph.Movement.Place(stage: stage, layout: gradient),
        to: TaskGraph.Movement.Place(stage: stage, layout: whole))
      var ready = self.sum(
        sum, batchLevels,
        elements: (0..<tasks.cut.deviceCount).map { tasks.cut.localElements(shape, gradient, device: $0) },
        label, after: completion(of: contribution))
      if !isInside {
        ready = transfer(
          TaskGraph.Movement(sum.subject, shape: shape, from: sum.target, to: home),
          elementSize: tasks.sizes.gradient, label, after: ready)
      }
      gradientReady[step % 2][contribution] = ready
      return
    }
    let elements = tasks.cut.localElements(shape, gradient, device: 0)
    let partial = Layout(gradient.states.map { $0 == .partial ? .partial : .replicated })
    if let open = bucket.layout, open != partial || bucket.batchLevels != batchLevels {
      flush(&bucket, stage, microBatch)
    }
    bucket.add(contribution, elements: elements, layout: partial, batchLevels: batchLevels)
    if let limit = bucket.limit, bucket.elements * tasks.sizes.gradient >= limit.count {
      flush(&bucket, stage, microBatch)
    }
  }

  /// When what a node contributes to a gradient is complete on each device, with all that is added to it at
  /// once.
  private func completion(of contribution: GradientContribution) -> Readiness {
    var ready = gradientReady[step % 2][contribution] ?? []
    guard let use = plan.facts.use(of: contribution.parameter), use.home.node == contribution.node else {
      return ready
    }
    for reader in use.others where plan.addsAtOnce(reader, of: use) {
      if let other = gradientReady[step % 2][use.contribution(of: reader)] { merge(other, into: &ready) }
    }
    return ready
  }

  /// Reduces everything in a bucket together.
  private mutating func flush(_ bucket: inout GradientBucket, _ stage: Int, _ microBatch: Int) {
    guard let layout = bucket.layout, let first = bucket.contributions.first else { return }
    let tasks = plan.stages[stage].tasks
    var ready = Readiness(repeating: [], count: tasks.cut.deviceCount)
    for contribution in bucket.contributions { merge(completion(of: contribution), into: &ready) }
    let name = plan.training.graph[first.parameter].name
    let more = bucket.contributions.count - 1
    let movement = TaskGraph.Movement(
      .gradients(bucket.contributions), shape: [bucket.elements],
      from: TaskGraph.Movement.Place(stage: stage, layout: layout),
      to: TaskGraph.Movement.Place(stage: stage, layout: layout.reduced))
    let done = sum(
      movement, bucket.batchLevels, elements: [Int](repeating: bucket.elements, count: tasks.cut.deviceCount),
      label(more == 0 ? name : "\(name) and \(more) more", .gradient, microBatch), after: ready)
    for contribution in bucket.contributions { gradientReady[step % 2][contribution] = done }
    bucket = GradientBucket(limit: bucket.limit)
  }

  /// Sums gradients by collectives, or through the host where the devices are near storage and a host is
  /// there.
  private mutating func sum(
    _ movement: TaskGraph.Movement, _ batchLevels: [Int], elements: [Int], _ label: TaskGraph.Label,
    after ready: Readiness
  ) -> Readiness {
    let stage = movement.source.stage
    let tasks = plan.stages[stage].tasks
    let source = movement.source.layout
    let steps = tasks.gradientReduction(
      movement.shape, gradient: source, parameter: movement.target.layout, batchLevels: batchLevels)
    guard let hub = tasks.hub, source.isPartial, !steps.isEmpty else {
      return reduce(steps, movement, elementSize: tasks.sizes.gradient, label, after: ready)
    }
    let group = plan.stages[stage].group
    let sum = tasks.hubSum(elements: elements, batchLevels: batchLevels)
    if let lost = (sum.up + sum.down).first(where: { plan.routes.route(from: $0.from, to: $0.to) == nil }) {
      refuse([lost.from, lost.to])
      return ready
    }
    let whole = TaskGraph.Movement.Place(stage: stage, layout: source.reduced)
    let index = list.add(
      TaskGraph.Movement(movement.subject, shape: movement.shape, from: movement.source, to: whole))
    let up = list.add(.exchange(sum.up), label, .hubSend(movement: index), after: ready.flatMap { $0 })
    list.endGroup()
    let added = list.add(.compute(hub, sum.work), label, .hubSum(movement: index), after: [up])
    list.endGroup()
    let down = list.add(.exchange(sum.down), label, .hubReturn(movement: index), after: [added])
    list.endGroup()
    // The group has one level, so that from the whole every layout is a slice.
    return Readiness(repeating: [down], count: group.devices.count)
  }

  /// Updates every trained parameter of a stage.
  mutating func update(_ stage: Int, of step: Int) {
    let now = self.step
    self.step = step
    defer { self.step = now }
    let tasks = plan.stages[stage].tasks
    // A device updates in program order, so that only its last update need be waited for.
    var last = Readiness(repeating: [], count: tasks.cut.deviceCount)
    var passedOn = last
    for node in plan.stages[stage].nodes {
      for (position, parameter) in plan.profiles[node].node.inputs.enumerated() {
        guard let use = plan.facts.use(of: parameter), use.home.node == node, use.home.input == position
        else {
          continue
        }
        let ready = completeGradient(use, stage)
        let works = tasks.updateWork(parameter, layout: plan.strategies[node].inputs[position])
        let name = plan.training.graph[parameter].name
        let action = plan.facts.updateIndices[parameter].map { TaskGraph.Action.operation($0, .whole) }
        let after = place(
          works, on: stage, label(name, .update, 0), action ?? .none, after: ready)
        for device in after.indices {
          if works[works.count == 1 ? 0 : device].isEmpty {
            passedOn[device] += after[device]
          } else {
            last[device] = after[device]
          }
        }
      }
    }
    merge(passedOn, into: &last)
    updated[stage].append(last)
  }

  /// Adds up what all nodes contribute to the gradient of a parameter that lives in a stage.
  private mutating func completeGradient(_ use: ParameterUse, _ stage: Int) -> Readiness {
    var ready = completion(of: use.contribution(of: use.home))
    for reader in plan.separateContributors(of: use) {
      let contribution = use.contribution(of: reader)
      if let other = gradientReady[step % 2][contribution] { merge(other, into: &ready) }
      ready = place(
        plan.stages[stage].tasks.additionWork(use.parameter, layout: plan.place(of: use.home).layout),
        on: stage, label(plan.training.graph[use.parameter].name, .gradient, 0),
        .gradientSum(contribution), after: ready)
    }
    return ready
  }
}

/// Gradients that wait to be reduced together.
struct GradientBucket {
  let limit: Bytes?
  private(set) var contributions: [GradientContribution] = []
  private(set) var elements = 0
  private(set) var layout: Layout?
  private(set) var batchLevels: [Int] = []

  init(limit: Bytes?) { self.limit = limit }

  mutating func add(
    _ contribution: GradientContribution, elements: Int, layout: Layout, batchLevels: [Int]
  ) {
    contributions.append(contribution)
    self.elements += elements
    self.layout = layout
    self.batchLevels = batchLevels
  }
}
