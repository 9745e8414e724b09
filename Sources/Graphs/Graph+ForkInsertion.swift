extension Graph {
  /// Returns the graph in which every sample and activation is read at most once.
  ///
  /// A tensor that is read k ≥ 2 times passes through k − 1 forks right after it is made, the first reader
  /// taking the first output of the first fork. Tensors keep their identifiers, and graph outputs stay what
  /// they are. A graph that has only single reads is returned unchanged.
  public func withExplicitForks() -> Graph {
    var rewriting = ForkInsertion(tensors)
    let consumers = consumers()
    for index in tensors.indices where tensors[index].role == .sample {
      rewriting.fork(TensorID(index), readers: consumers[index].count)
    }
    for node in nodes {
      rewriting.append(node)
      for output in node.outputs where tensors[output.index].role == .activation {
        rewriting.fork(output, readers: consumers[output.index].count)
      }
    }
    return Graph(
      name: name, tensors: rewriting.tensors, nodes: rewriting.nodes, inputs: inputs, outputs: outputs)
  }
}

/// A graph while forks are put into it.
private struct ForkInsertion {
  var tensors: [Tensor]
  var nodes: [Node] = []
  private var tensorNames: Set<String>
  /// For each tensor that was forked the tensors that its remaining readers take, the next one last.
  private var uses: [[TensorID]]

  init(_ tensors: [Tensor]) {
    self.tensors = tensors
    tensorNames = Set(tensors.map(\.name))
    uses = Array(repeating: [], count: tensors.count)
  }

  mutating func append(_ node: Node) {
    let inputs = node.inputs.map { uses[$0.index].popLast() ?? $0 }
    nodes.append(Node(name: node.name, operator: node.operator, inputs: inputs, outputs: node.outputs))
  }

  mutating func fork(_ tensor: TensorID, readers: Int) {
    guard readers >= 2 else { return }
    let original = tensors[tensor.index]
    var rest = tensor
    var uses: [TensorID] = []
    for number in 1..<readers {
      var name = "\(original.name).fork\(number)"
      while tensorNames.contains("\(name):0") || tensorNames.contains("\(name):1") { name += "'" }
      let outputs = (0..<2).map { output in
        tensorNames.insert("\(name):\(output)")
        tensors.append(Tensor(name: "\(name):\(output)", type: original.type, role: .activation))
        return TensorID(tensors.count - 1)
      }
      nodes.append(Node(name: name, operator: .fork(Fork()), inputs: [rest], outputs: outputs))
      uses.append(outputs[0])
      rest = outputs[1]
    }
    uses.append(rest)
    self.uses[tensor.index] = uses.reversed()
  }
}
