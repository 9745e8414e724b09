import Graphs

/// For each tensor the owner of its storage and of its error's storage.
///
/// An operation without work moves nothing, so that what it makes is a view of what it reads: forward of its
/// only input, as a reshape and a fork are; backward of the only error it reads, as those of a reshape and of
/// a sum without broadcasting are.
func storageOwners(
  _ graph: Graph, _ operations: [TrainingGraph.Operation]
) -> (forward: [TensorID], error: [TensorID]) {
  var forward = graph.tensors.indices.map { TensorID($0) }
  var error = forward
  func count(_ tensor: TensorID) -> Int { graph[tensor].type.elementCount }
  for node in graph.nodes {
    guard node.inputs.count == 1, let input = node.inputs.first else { continue }
    let work = node.operator.rules.work(
      .forward, inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node))
    guard work.isEmpty else { continue }
    for output in node.outputs where count(output) == count(input) {
      forward[output.index] = forward[input.index]
    }
  }
  for operation in operations where operation.phase == .error {
    guard let id = operation.node, let rule = operation.rule else { continue }
    let node = graph[id]
    let errors = operation.reads.compactMap { value -> TensorID? in
      if case .error(let tensor) = value { tensor } else { nil }
    }
    let work = node.operator.rules.work(
      of: rule, inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node))
    guard work.isEmpty, errors.count == 1 else { continue }
    for case .error(let target) in operation.writes where count(target) == count(errors[0]) {
      error[target.index] = error[errors[0].index]
    }
  }
  return (forward, error)
}
