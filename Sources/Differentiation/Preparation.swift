import Diagnostics
import Graphs

/// Returns the graph with another mode of all its batch normalisations, if one is given.
func normalizing(_ graph: Graph, _ mode: BatchNormalization.Mode?) -> Graph {
  guard let mode else { return graph }
  return withNodes(graph.nodes.map { setting(mode, of: $0) }, in: graph)
}

private func setting(_ mode: BatchNormalization.Mode, of node: Node) -> Node {
  guard case .batchNormalization(let old) = node.operator, old.mode != mode else { return node }
  let new = BatchNormalization(epsilon: old.epsilon, momentum: old.momentum, mode: mode)
  return Node(name: node.name, operator: .batchNormalization(new), inputs: node.inputs, outputs: node.outputs)
}

private func withNodes(_ nodes: [Node], in graph: Graph) -> Graph {
  Graph(
    name: graph.name, tensors: graph.tensors, nodes: nodes, inputs: graph.inputs, outputs: graph.outputs)
}

/// Returns the graph with the parameters of the frozen part marked.
///
/// A parameter that a frozen and a trained node share is frozen. Batch normalisations of the frozen part use
/// their running statistics and keep them.
func freezing(_ part: FrozenPart, in graph: Graph) throws(InputError) -> Graph {
  guard case .through(let name) = part else { return graph }
  guard let last = graph.nodes.firstIndex(where: { $0.name == name }) else {
    let nearest = nearestName(to: name, among: graph.nodes.map(\.name))
    throw InputError(
      .badModel, "no node is called \(name), so nothing can be frozen up to it",
      at: SourceLocation(file: graph.name, part: name),
      hint: nearest.map { "did you mean \($0)?" })
  }
  var frozen = [Bool](repeating: false, count: graph.tensors.count)
  for node in graph.nodes[...last] { for input in node.inputs { frozen[input.index] = true } }
  let tensors = zip(graph.tensors, frozen).map { tensor, isFrozen in
    isFrozen && tensor.role == .parameter
      ? Tensor(name: tensor.name, type: tensor.type, role: .frozenParameter) : tensor
  }
  let nodes = graph.nodes.enumerated().map {
    $0.offset <= last ? setting(.frozen, of: $0.element) : $0.element
  }
  return Graph(
    name: graph.name, tensors: tensors, nodes: nodes, inputs: graph.inputs, outputs: graph.outputs)
}

/// Returns the part of the graph that leads to one result, renumbered, with a note on what was dropped.
func keepingAncestors(of result: TensorID, in graph: Graph) -> (graph: Graph, notes: [String]) {
  var needed = [Bool](repeating: false, count: graph.tensors.count)
  needed[result.index] = true
  var kept: [Node] = []
  var dropped: [String] = []
  for node in graph.nodes.reversed() {
    if node.outputs.contains(where: { needed[$0.index] }) {
      // An output that nobody reads stays, since its node writes it all the same.
      for tensor in node.inputs + node.outputs { needed[tensor.index] = true }
      kept.append(node)
    } else {
      dropped.append(node.name)
    }
  }
  var renamed = [TensorID?](repeating: nil, count: graph.tensors.count)
  var tensors: [Tensor] = []
  for index in graph.tensors.indices where needed[index] {
    renamed[index] = TensorID(tensors.count)
    tensors.append(graph.tensors[index])
  }
  func ids(_ old: [TensorID]) -> [TensorID] { old.compactMap { renamed[$0.index] } }
  let nodes = kept.reversed().map { node in
    Node(name: node.name, operator: node.operator, inputs: ids(node.inputs), outputs: ids(node.outputs))
  }
  let notes =
    dropped.isEmpty ? [] : ["Dropped, as the loss does not depend on them: \(listed(dropped.reversed()))."]
  return (
    Graph(
      name: graph.name, tensors: tensors, nodes: nodes, inputs: ids(graph.inputs), outputs: ids([result])),
    notes
  )
}

/// The first few of many names.
func listed(_ names: [String]) -> String {
  let shown = 5
  guard names.count > shown else { return names.joined(separator: ", ") }
  return names.prefix(shown).joined(separator: ", ") + " and \(names.count - shown) more"
}
