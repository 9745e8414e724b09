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
          gradientReady[step % 2][parameter.index] = done
          if microBatch == microBatches - 1 {
            reduceGradient(parameter, node, stage, microBatch, &bucket)
          }
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
      tensor, .error(tensor), label(plan.training.graph[tensor].name, "conversion", microBatch),
      from: TaskGraph.Movement.Place(
        stage: plan.stageOfNode[consumer.node],
        layout: plan.strategies[consumer.node].inputErrors[consumer.input]),
      to: TaskGraph.Movement.Place(stage: stage, layout: target), after: ready)
  }

  /// Sums a complete gradient over the devices that hold addends of it, alone or with others.
  private mutating func reduceGradient(
    _ parameter: TensorID, _ node: Int, _ stage: Int, _ microBatch: Int, _ bucket: inout GradientBucket
  ) {
    let profile = plan.profiles[node]
    guard let position = profile.node.inputs.firstIndex(of: parameter) else { return }
    let tasks = plan.stages[stage].tasks
    let gradient = plan.strategies[node].inputErrors[position]
    guard gradient.isPartial else { return }
    let shape = profile.inputTypes[position].shape
    let home = plan.strategies[node].inputs[position]
    let batchLevels = plan.strategies[node].batchLevels
    guard tasks.cut.isUniform(shape, gradient), bucket.limit != nil, !list.hasBarriers else {
      let steps = tasks.gradientReduction(
        shape, gradient: gradient, parameter: home, batchLevels: batchLevels)
      let name = plan.training.graph[parameter].name
      let movement = TaskGraph.Movement(
        .gradients([parameter]), shape: shape,
        from: TaskGraph.Movement.Place(stage: stage, layout: gradient),
        to: TaskGraph.Movement.Place(stage: stage, layout: home))
      gradientReady[step % 2][parameter.index] = sum(
        steps, movement, batchLevels,
        elements: (0..<tasks.cut.deviceCount).map { tasks.cut.localElements(shape, gradient, device: $0) },
        label(name, "gradient", microBatch), after: gradientReady[step % 2][parameter.index] ?? [])
      return
    }
    let elements = tasks.cut.localElements(shape, gradient, device: 0)
    let partial = Layout(gradient.states.map { $0 == .partial ? .partial : .replicated })
    if let open = bucket.layout, open != partial || bucket.batchLevels != batchLevels {
      flush(&bucket, stage, microBatch)
    }
    bucket.add(parameter, elements: elements, layout: partial, batchLevels: batchLevels)
    if let limit = bucket.limit, bucket.elements * tasks.sizes.gradient >= limit.count {
      flush(&bucket, stage, microBatch)
    }
  }

  /// Reduces everything in a bucket together.
  private mutating func flush(_ bucket: inout GradientBucket, _ stage: Int, _ microBatch: Int) {
    guard let layout = bucket.layout, let first = bucket.parameters.first else { return }
    let tasks = plan.stages[stage].tasks
    var ready = Readiness(repeating: [], count: tasks.cut.deviceCount)
    for parameter in bucket.parameters { merge(gradientReady[step % 2][parameter.index] ?? [], into: &ready) }
    let steps = tasks.gradientReduction(
      [bucket.elements], gradient: layout, parameter: layout.reduced, batchLevels: bucket.batchLevels)
    let name = plan.training.graph[first].name
    let more = bucket.parameters.count - 1
    let movement = TaskGraph.Movement(
      .gradients(bucket.parameters), shape: [bucket.elements],
      from: TaskGraph.Movement.Place(stage: stage, layout: layout),
      to: TaskGraph.Movement.Place(stage: stage, layout: layout.reduced))
    let done = sum(
      steps, movement, bucket.batchLevels,
      elements: [Int](repeating: bucket.elements, count: tasks.cut.deviceCount),
      label(more == 0 ? name : "\(name) and \(more) more", "gradient", microBatch), after: ready)
    for parameter in bucket.parameters { gradientReady[step % 2][parameter.index] = done }
    bucket = GradientBucket(limit: bucket.limit)
  }

  /// Sums gradients by collectives, or through the host where the devices are near storage and a host is
  /// there.
  private mutating func sum(
    _ steps: [ConversionStep], _ movement: TaskGraph.Movement, _ batchLevels: [Int], elements: [Int],
    _ label: TaskGraph.Label, after ready: Readiness
  ) -> Readiness {
    let stage = movement.source.stage
    let tasks = plan.stages[stage].tasks
    guard let hub = tasks.hub, !steps.isEmpty else {
      return reduce(steps, movement, elementSize: tasks.sizes.gradient, label, after: ready)
    }
    let group = plan.stages[stage].group
    let sum = tasks.hubSum(elements: elements, batchLevels: batchLevels)
    if let lost = (sum.up + sum.down).first(where: { plan.routes.route(from: $0.from, to: $0.to) == nil }) {
      refuse([lost.from, lost.to])
      return ready
    }
    let index = list.add(movement)
    let up = list.add(.exchange(sum.up), label, .hubSend(movement: index), after: ready.flatMap { $0 })
    list.endGroup()
    let added = list.add(.compute(hub, sum.work), label, .hubSum(movement: index), after: [up])
    list.endGroup()
    let down = list.add(.exchange(sum.down), label, .hubReturn(movement: index), after: [added])
    list.endGroup()
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
        guard let ready = gradientReady[step % 2][parameter.index],
          plan.training.graph[parameter].role == .parameter
        else { continue }
        let works = tasks.updateWork(parameter, layout: plan.strategies[node].inputs[position])
        let name = plan.training.graph[parameter].name
        let action = plan.facts.updateIndices[parameter].map { TaskGraph.Action.operation($0, .whole) }
        let after = place(
          works, on: stage, label(name, Phase.update.rawValue, 0), action ?? .none, after: ready)
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
}

/// Gradients that wait to be reduced together.
struct GradientBucket {
  let limit: Bytes?
  private(set) var parameters: [TensorID] = []
  private(set) var elements = 0
  private(set) var layout: Layout?
  private(set) var batchLevels: [Int] = []

  init(limit: Bytes?) { self.limit = limit }

  mutating func add(_ parameter: TensorID, elements: Int, layout: Layout, batchLevels: [Int]) {
    parameters.append(parameter)
    self.elements += elements
    self.layout = layout
    self.batchLevels = batchLevels
  }
}
