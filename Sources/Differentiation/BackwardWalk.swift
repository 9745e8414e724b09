import Graphs

/// Makes the operations of the forward and backward phases of a graph that ends in its loss.
struct BackwardWalk {
  let graph: Graph
  let loss: TensorID
  private(set) var operations: [TrainingGraph.Operation] = []
  /// The parameters that have a gradient, in the order in which it is first written.
  private(set) var gradientsInOrder: [TensorID] = []
  private(set) var notes: [String] = []
  /// For each node the backward operations of its operator.
  private let rules: [GradientRule]
  /// For each tensor whether a trained parameter lies behind it, or it is one.
  private var needsGradient: [Bool]
  /// For each tensor whether its error or gradient has been written.
  private var hasGradient: [Bool]

  init(graph: Graph, loss: TensorID) {
    self.graph = graph
    self.loss = loss
    rules = graph.nodes.map { node in
      node.operator.rules.gradient(inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node))
    }
    needsGradient = graph.tensors.map { $0.role == .parameter }
    hasGradient = graph.tensors.map { _ in false }
  }

  /// Walks forward once and backward once.
  mutating func run() {
    for index in graph.nodes.indices { forward(NodeID(index)) }
    for index in graph.nodes.indices.reversed() { backward(NodeID(index)) }
    for (index, tensor) in graph.tensors.enumerated() where tensor.role == .parameter && !hasGradient[index] {
      notes.append("The loss does not depend on the parameter \(tensor.name); it is not updated.")
    }
    dropUnreadAuxiliaries()
  }

  /// A frozen node's forward phase leaves no mask behind.
  private mutating func dropUnreadAuxiliaries() {
    let read = Set(operations.lazy.flatMap(\.reads))
    operations = operations.map { operation in
      let writes = operation.writes.filter { value in
        if case .auxiliary = value { read.contains(value) } else { true }
      }
      guard writes != operation.writes else { return operation }
      return TrainingGraph.Operation(
        phase: operation.phase, node: operation.node, reads: operation.reads, writes: writes)
    }
  }

  private mutating func forward(_ id: NodeID) {
    let node = graph[id]
    let rule = rules[id.index]
    let auxiliaries = rule.auxiliaries.indices.map { TrainingGraph.Value.auxiliary(id, $0) }
    operations.append(
      TrainingGraph.Operation(
        phase: .forward, node: id, reads: node.inputs.map { .forward($0) },
        writes: node.outputs.map { .forward($0) } + auxiliaries))
    chargeErrorOfSamples(node)
    let differentiable = Set(rule.operations.flatMap(\.inputs))
    let leads = node.inputs.indices.contains { input in
      differentiable.contains(input) && needsGradient[node.inputs[input].index]
    }
    if leads { for output in node.outputs { needsGradient[output.index] = true } }
  }

  /// A layer table says what its first layer's error pass costs, and may charge one.
  private mutating func chargeErrorOfSamples(_ node: Node) {
    guard case .tabulated(let layer) = node.operator, layer.errorMultiplyAccumulates > 0,
      node.inputs.contains(where: { graph[$0].role == .parameter }), graph[node.inputs[0]].role == .sample
    else { return }
    needsGradient[node.inputs[0].index] = true
  }

  private mutating func backward(_ id: NodeID) {
    let node = graph[id]
    // A loss begins the backward phase: its error with respect to itself is one and stored nowhere.
    guard node.outputs.contains(where: { hasGradient[$0.index] || $0 == loss }) else { return }
    let operations = rules[id.index].operations
    // Errors go before gradients, so that the error pass is not delayed.
    for rule in operations where rule.phase == .error { append(rule, of: id) }
    for rule in operations where rule.phase != .error { append(rule, of: id) }
  }

  private mutating func append(_ rule: GradientOperation, of id: NodeID) {
    let node = graph[id]
    let needed = rule.inputs.filter { needsGradient[node.inputs[$0].index] }
    guard !needed.isEmpty else { return }
    let targets = needed.map { gradientValue(node.inputs[$0]) }
    let makesError = targets.contains { target in
      if case .error = target { true } else { false }
    }
    // A gradient that an earlier operation has written is added to: the parameter is used more than once.
    let sums = zip(needed, targets).filter { hasGradient[node.inputs[$0.0].index] }.map(\.1)
    let reads = rule.reads.compactMap { operand($0, of: id) }
    for input in needed {
      let tensor = node.inputs[input]
      if !hasGradient[tensor.index], case .gradient = gradientValue(tensor) {
        gradientsInOrder.append(tensor)
      }
      hasGradient[tensor.index] = true
    }
    operations.append(
      TrainingGraph.Operation(
        phase: makesError ? .error : .weightGradient, node: id,
        rule: GradientOperation(rule.phase, of: needed, reading: rule.reads), reads: unique(reads + sums),
        writes: unique(targets)))
  }

  private func gradientValue(_ tensor: TensorID) -> TrainingGraph.Value {
    graph[tensor].role == .parameter ? .gradient(tensor) : .error(tensor)
  }

  /// The value that a rule's operand is, or nil for the error of an output that does not lead to the loss.
  private func operand(_ operand: GradientOperand, of id: NodeID) -> TrainingGraph.Value? {
    let node = graph[id]
    switch operand {
    case .input(let index): return .forward(node.inputs[index])
    case .output(let index): return .forward(node.outputs[index])
    case .auxiliary(let index): return .auxiliary(id, index)
    case .outputError(let index):
      let output = node.outputs[index]
      return hasGradient[output.index] ? .error(output) : nil
    }
  }

  private func unique(_ values: [TrainingGraph.Value]) -> [TrainingGraph.Value] {
    var seen: Set<TrainingGraph.Value> = []
    return values.filter { seen.insert($0).inserted }
  }
}
