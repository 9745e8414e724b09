internal import Documents
public import Graphs

/// Returns what tells networks apart: the SHA-256 of their nodes and of the names, types and roles of what
/// belongs to the model.
///
/// The batch, and with it the types of activations, do not count.
public func modelFingerprint(of graph: Graph) -> String {
  var hash = SHA256()
  func add(_ words: [String]) { hash.update(Array((words.joined(separator: "\u{1F}") + "\n").utf8)) }
  for tensor in graph.tensors where tensor.role.isStatic {
    let role =
      switch tensor.role {
      case .parameter: "parameter"
      case .frozenParameter: "frozen"
      case .state: "state"
      default: "constant"
      }
    add([tensor.name, role, tensor.type.elementType.rawValue] + tensor.type.shape.map(String.init))
  }
  for node in graph.nodes {
    add([node.name, node.operator.kind] + (node.inputs + node.outputs).map { graph[$0].name })
  }
  return hash.finished().hexadecimal
}
