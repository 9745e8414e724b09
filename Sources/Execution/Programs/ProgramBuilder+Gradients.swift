import Differentiation
import Graphs
import Plans

/// Gradients that are reduced together, one behind the other; each partial sum of the cells has a slot of its
/// own behind the slot before.
struct GradientBucketPlace: Sendable {
  let contributions: [GradientContribution]
  /// The elements of one slot.
  let elements: Int
  /// The slots whose sums are left in the end: those that are reduced.
  let place: BufferReference
  /// How many slots they are.
  let leftCount: Int
  /// The other slots, which peers never read.
  let rest: BufferReference
  /// For each contribution how those of the cells were added so far.
  var stacks: [GradientContribution: CellStack] = [:]
}

/// Names what the inputs of one node that are one parameter contribute to its gradient in one cell.
struct RepeatedReading: Hashable, Sendable {
  let contribution: GradientContribution
  let cell: Int
}

/// What a node contributes to a gradient once it is summed over devices.
struct GradientSum: Hashable, Sendable {
  let stage: Int
  let layout: Layout
  let place: BufferReference
}

/// A reduction that goes on beside other work.
struct PendingReduction: Sendable {
  /// The task in which it ends.
  var task: Int
  /// Every place that it touches.
  let references: [BufferReference]
  /// How many exchanges that were begun in the step have ended when it has.
  let lastExchange: Int
}

extension ProgramBuilder {
  /// Finds out which gradients travel together, before the first one is written.
  mutating func collectBuckets() {
    for movement in tasks.movements {
      guard case .gradients(let contributions) = movement.subject,
        let position = positions[movement.source.stage], gradientPlaces[contributions[0]] == nil
      else { continue }
      let cut = cut(of: movement.source.stage)
      addBucket(
        contributions,
        elements: cut.localElements(movement.shape, movement.source.layout, device: position),
        leftCount: max(1, addends(of: movement)?.nodes[position].count ?? 1))
    }
    for use in plan.facts.parameterUses {
      for reader in [use.home] + plan.separateContributors(of: use) {
        let contribution = use.contribution(of: reader)
        guard gradientPlaces[contribution] == nil, positions[plan.stageOfNode[reader.node]] != nil else {
          continue
        }
        addBucket([contribution], elements: localGradientElements(contribution), leftCount: 1)
      }
    }
  }

  private mutating func addBucket(
    _ contributions: [GradientContribution], elements: Int, leftCount: Int
  ) {
    var offset = 0
    for contribution in contributions {
      gradientPlaces[contribution] = (buckets.count, offset)
      if contributions.count > 1 { offset += localGradientElements(contribution) }
    }
    buckets.append(
      GradientBucketPlace(
        contributions: contributions, elements: elements,
        place: memory.add(size: leftCount * elements * scalarSize), leftCount: leftCount,
        rest: memory.add(size: 0)))
  }

  /// How the node leaves the gradient.
  private func gradientLayout(of contribution: GradientContribution) -> Layout {
    let input = plan.facts.use(of: contribution.parameter)?.reader(at: contribution.node)?.input ?? 0
    return plan.strategies[contribution.node].inputErrors[input]
  }

  private func localGradientElements(_ contribution: GradientContribution) -> Int {
    let stage = plan.stageOfNode[contribution.node]
    guard let position = positions[stage] else { return 0 }
    return cut(of: stage).localElements(
      graph[contribution.parameter].type.shape, gradientLayout(of: contribution), device: position)
  }

  // MARK: Cell by cell

  /// The place for the contribution of a cell, and the sums that follow it: each adds places, in their order,
  /// into the last of them.
  mutating func pushGradient(
    _ parameter: TensorID, of node: Int, cell: Int, elements: Int
  ) throws(ExecutionFault) -> (place: BufferReference, joins: [[BufferReference]]) {
    let own = GradientContribution(parameter: parameter, node: node)
    // The tree has one leaf for each cell, and one call writes all its results before any is added: a node
    // that reads a parameter several times first adds up within.
    let reading = RepeatedReading(contribution: own, cell: cell)
    let others = repeated[reading] ?? []
    guard others.count + 1 == contributionCount(of: own) else {
      let place = memory.add(size: elements * scalarSize)
      repeated[reading] = others + [place]
      return (place, [])
    }
    repeated[reading] = nil
    let (place, joined) = try slot(of: own, cell: cell)
    return (place, [others + [place], joined])
  }

  /// How many results of a node's backward operations are parts of the gradient.
  private func contributionCount(of contribution: GradientContribution) -> Int {
    let inputs = graph.nodes[contribution.node].inputs
    return plan.facts.backward[contribution.node].reduce(0) { count, operation in
      count + (operation.rule?.inputs.count { inputs[$0] == contribution.parameter } ?? 0)
    }
  }

  /// The slot for the contribution of a cell, and the slots whose sums are then joined.
  private mutating func slot(
    of own: GradientContribution, cell: Int
  ) throws(ExecutionFault) -> (place: BufferReference, joined: [BufferReference]) {
    let contribution = home(of: own)
    guard let home = gradientPlaces[contribution] else {
      throw ExecutionFault("\(describe(.gradient(own.parameter))) has no place")
    }
    var stack = buckets[home.bucket].stacks[contribution] ?? CellStack(grid)
    let step = stack.push(cell)
    buckets[home.bucket].stacks[contribution] = stack
    let bucket = buckets[home.bucket]
    memory.grow(bucket.rest, to: max(0, stack.depth - bucket.leftCount) * bucket.elements * scalarSize)
    func slot(_ index: Int) -> BufferReference {
      let (base, number) =
        index < bucket.leftCount ? (bucket.place, index) : (bucket.rest, index - bucket.leftCount)
      return base.advanced(by: (number * bucket.elements + home.offset) * scalarSize)
    }
    return (slot(step.slot), step.joined.map { slot($0) })
  }

  /// The contribution to which a node's own is added before both are summed over the devices: that of the
  /// parameter's home, or the node's own.
  private func home(of contribution: GradientContribution) -> GradientContribution {
    guard let use = plan.facts.use(of: contribution.parameter),
      let reader = use.reader(at: contribution.node), reader != use.home, plan.addsAtOnce(reader, of: use)
    else { return contribution }
    return use.contribution(of: use.home)
  }

  // MARK: Sums over devices

  /// What a movement of gradients starts from: the sums that another one left, or the partial sums of the
  /// cells.
  mutating func gradients(
    _ contributions: [GradientContribution], in layout: Layout
  ) throws(ExecutionFault) -> BufferReference {
    if gradientSums[contributions[0]] != nil {
      return try completeGradient(contributions[0], in: layout)
    }
    guard let home = gradientPlaces[contributions[0]] else {
      throw ExecutionFault("\(describe(.gradient(contributions[0].parameter))) has no place")
    }
    let bucket = buckets[home.bucket]
    if grid == nil {
      // A device without samples contributes zeros.
      for contribution in bucket.contributions where (bucket.stacks[contribution]?.count ?? 0) == 0 {
        guard let place = gradientPlaces[contribution] else { continue }
        let count = bucket.contributions.count == 1 ? bucket.elements : localGradientElements(contribution)
        let slot = bucket.place.advanced(by: place.offset * scalarSize)
        emit(.clear(slot, size: count * scalarSize), touching: [slot])
      }
    }
    return bucket.place
  }

  /// Notes where the sums that a movement makes lie.
  mutating func reduced(
    _ contributions: [GradientContribution], by movement: TaskGraph.Movement, at place: BufferReference
  ) {
    for contribution in contributions {
      // Several gradients, and parts of them, travel as one row of numbers.
      let isWhole = movement.shape == graph[contribution.parameter].type.shape
      let offset = contributions.count > 1 ? gradientPlaces[contribution]?.offset ?? 0 : 0
      gradientSums[contribution] = GradientSum(
        stage: movement.target.stage,
        layout: isWhole ? movement.target.layout : gradientLayout(of: contribution).reduced,
        place: place.advanced(by: offset * scalarSize))
    }
  }

  /// What a node contributes to a gradient, complete and in a layout.
  private mutating func completeGradient(
    _ contribution: GradientContribution, in layout: Layout
  ) throws(ExecutionFault) -> BufferReference {
    let own: GradientSum
    if let sum = gradientSums[contribution] {
      own = sum
    } else if let place = gradientPlaces[contribution] {
      own = GradientSum(
        stage: plan.stageOfNode[contribution.node], layout: gradientLayout(of: contribution),
        place: buckets[place.bucket].place.advanced(by: place.offset * scalarSize))
    } else {
      throw ExecutionFault("\(describe(.gradient(contribution.parameter))) has no place")
    }
    return try sliced(
      .gradient(contribution.parameter), from: own.place, own.layout, to: layout, own.stage)
  }

  // MARK: Updates

  /// Adds what another node contributes to a gradient to what the parameter's home does.
  mutating func addGradient(_ contribution: GradientContribution) throws(ExecutionFault) {
    guard let use = plan.facts.use(of: contribution.parameter) else { return }
    finishPending()
    let home = plan.place(of: use.home)
    let target = try completeGradient(use.contribution(of: use.home), in: home.layout)
    let addend = try completeGradient(contribution, in: home.layout)
    emit(
      .sum(to: target, addends: [target, addend], count: parameterElements(use.parameter, home)),
      touching: [target, addend])
  }

  /// Changes a parameter by its gradient.
  mutating func update(_ parameter: TensorID) throws(ExecutionFault) {
    guard let use = plan.facts.use(of: parameter) else { return }
    finishPending()
    let home = plan.place(of: use.home)
    let gradient = try completeGradient(use.contribution(of: use.home), in: home.layout)
    let own = staticPlace(parameter, home.layout, home.stage)
    let states = (0..<plan.training.optimizer.stateCount).map { index in
      optimizerState(parameter, index, home.layout, home.stage)
    }
    emit(
      .update(
        ParameterUpdate(
          parameter: own, gradient: gradient, states: states, count: parameterElements(parameter, home))),
      touching: [own, gradient] + states)
  }

  private func parameterElements(_ parameter: TensorID, _ home: TaskGraph.Movement.Place) -> Int {
    guard let position = positions[home.stage] else { return 0 }
    return cut(of: home.stage).localElements(graph[parameter].type.shape, home.layout, device: position)
  }
}
