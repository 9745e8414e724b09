import Differentiation
import Graphs
import Plans

/// Gradients that are reduced together, one behind the other; each partial sum of the cells has a slot of its
/// own behind the slot before.
struct GradientBucketPlace: Sendable {
  let parameters: [TensorID]
  /// The elements of one slot.
  let elements: Int
  let place: BufferReference
  /// For each parameter how its contributions were added so far.
  var stacks: [TensorID: CellStack] = [:]
  /// Where the sum over all devices lies, once it is there.
  var reduced: BufferReference?
}

extension ProgramBuilder {
  /// Finds out which gradients travel together, before the first one is written.
  mutating func collectBuckets() {
    for movement in tasks.movements {
      guard case .gradients(let parameters) = movement.subject,
        let position = positions[movement.source.stage]
      else { continue }
      let cut = cut(of: movement.source.stage)
      let elements = cut.localElements(movement.shape, movement.source.layout, device: position)
      if gradientPlaces[parameters[0]] == nil { addBucket(parameters, elements: elements) }
    }
    for parameter in plan.training.trainedParameters where gradientPlaces[parameter] == nil {
      guard let node = plan.facts.parameterOwners[parameter]?.index,
        let position = positions[plan.stageOfNode[node]]
      else { continue }
      let layout = gradientLayout(of: parameter, at: node)
      let elements = cut(of: plan.stageOfNode[node]).localElements(
        graph[parameter].type.shape, layout, device: position)
      addBucket([parameter], elements: elements)
    }
  }

  private mutating func addBucket(_ parameters: [TensorID], elements: Int) {
    var offset = 0
    for parameter in parameters {
      gradientPlaces[parameter] = (buckets.count, offset)
      if parameters.count > 1 { offset += localGradientElements(parameter) }
    }
    buckets.append(
      GradientBucketPlace(
        parameters: parameters, elements: elements, place: memory.add(size: elements * scalarSize)))
  }

  private func gradientLayout(of parameter: TensorID, at node: Int) -> Layout {
    let position = graph.nodes[node].inputs.firstIndex(of: parameter) ?? 0
    return plan.strategies[node].inputErrors[position]
  }

  private func localGradientElements(_ parameter: TensorID) -> Int {
    guard let node = plan.facts.parameterOwners[parameter]?.index,
      let position = positions[plan.stageOfNode[node]]
    else { return 0 }
    return cut(of: plan.stageOfNode[node]).localElements(
      graph[parameter].type.shape, gradientLayout(of: parameter, at: node), device: position)
  }

  /// The slot for the contribution of a cell, and how often the uppermost sums are then joined.
  mutating func pushGradient(
    _ parameter: TensorID, cell: Int
  ) throws(ExecutionFault) -> (
    place: BufferReference, joins: [(target: BufferReference, addend: BufferReference)]
  ) {
    guard let home = gradientPlaces[parameter] else {
      throw ExecutionFault("\(describe(.gradient(parameter))) has no place")
    }
    var stack = buckets[home.bucket].stacks[parameter] ?? CellStack(grid)
    let step = stack.push(cell)
    buckets[home.bucket].stacks[parameter] = stack
    let bucket = buckets[home.bucket]
    memory.grow(bucket.place, to: stack.depth * bucket.elements * scalarSize)
    func slot(_ index: Int) -> BufferReference {
      bucket.place.advanced(by: (index * bucket.elements + home.offset) * scalarSize)
    }
    return (slot(step.slot), (0..<step.joins).map { (slot(step.slot - 1 - $0), slot(step.slot - $0)) })
  }

  /// The partial sums of a bucket, which its reduction starts from.
  mutating func gradients(_ parameters: [TensorID]) throws(ExecutionFault) -> BufferReference {
    guard let home = gradientPlaces[parameters[0]] else {
      throw ExecutionFault("\(describe(.gradient(parameters[0]))) has no place")
    }
    let bucket = buckets[home.bucket]
    if grid == nil {
      // A device without samples contributes zeros.
      for parameter in bucket.parameters where (bucket.stacks[parameter]?.count ?? 0) == 0 {
        guard let place = gradientPlaces[parameter] else { continue }
        let count = bucket.parameters.count == 1 ? bucket.elements : localGradientElements(parameter)
        let slot = bucket.place.advanced(by: place.offset * scalarSize)
        emit(.clear(slot, size: count * scalarSize), touching: [slot])
      }
    }
    return bucket.place
  }

  /// Notes where the sums of a bucket lie.
  mutating func reduced(_ parameters: [TensorID], at place: BufferReference) {
    guard let home = gradientPlaces[parameters[0]] else { return }
    buckets[home.bucket].reduced = place
  }

  /// Changes a parameter by its gradient; a parameter that several nodes read changes once.
  mutating func update(_ parameter: TensorID) {
    guard let home = gradientPlaces[parameter], updated.insert(parameter).inserted,
      let node = plan.facts.parameterOwners[parameter]?.index,
      let position = positions[plan.stageOfNode[node]],
      let input = graph.nodes[node].inputs.firstIndex(of: parameter)
    else { return }
    finishPending()
    let layout = plan.strategies[node].inputs[input]
    let bucket = buckets[home.bucket]
    let gradient = (bucket.reduced ?? bucket.place).advanced(by: home.offset * scalarSize)
    let own = staticPlace(parameter, layout, plan.stageOfNode[node])
    let count = cut(of: plan.stageOfNode[node]).localElements(
      graph[parameter].type.shape, layout, device: position)
    let states = (0..<plan.training.optimizer.stateCount).map { index in
      optimizerState(parameter, index, layout, plan.stageOfNode[node])
    }
    emit(
      .update(ParameterUpdate(parameter: own, gradient: gradient, states: states, count: count)),
      touching: [own, gradient] + states)
  }
}
