import Diagnostics
import Graphs

/// Returns the graph with a loss at its end: its own, or the mean cross-entropy of the softmax of its logits.
func attachingLoss(to graph: Graph) throws(InputError) -> (graph: Graph, loss: TensorID, notes: [String]) {
  let producers = graph.producers()
  func isLoss(_ tensor: TensorID) -> Bool {
    producers[tensor.index].map { graph[$0].operator.rules.isLoss } ?? false
  }
  if let loss = graph.outputs.first(where: isLoss) {
    let others = graph.outputs.filter { $0 != loss }.map { graph[$0].name }
    let notes = others.isEmpty ? [] : ["Only \(graph[loss].name) is minimised, not \(listed(others))."]
    return (graph, loss, notes)
  }
  let candidates = graph.outputs.filter { isLogits(graph[$0].type, batch: graph.batch) }
  guard let output = candidates.first(where: { isFlat(graph[$0].type) }) ?? candidates.first else {
    throw InputError(
      .badModel,
      "\(graph.name) has no output that holds logits of classes for each of \(graph.batch) samples",
      at: SourceLocation(file: graph.name, part: graph.outputs.first.map { graph[$0].name }),
      hint: "end the network in a floating-point output of shape (batch, classes)")
  }
  var appending = Appending(graph)
  let source = logits(of: output, in: graph, producers: producers)
  if let softmax = source.softmax {
    appending.notes.append("The softmax \(softmax) became part of the loss.")
  }
  let loss = appending.addLoss(source.tensor, classAxis: source.axis)
  appending.notes.append(
    "The loss is the mean cross-entropy of the softmax of \(graph[source.tensor].name) with labels.")
  let others = graph.outputs.filter { $0 != output }.map { graph[$0].name }
  if !others.isEmpty { appending.notes.append("Other outputs are not trained: \(listed(others)).") }
  return (appending.graph(outputs: [loss]), loss, appending.notes)
}

/// Whether a type may hold logits: floating-point numbers with the batch outermost and then more.
private func isLogits(_ type: TensorType, batch: Int) -> Bool {
  type.elementType.isFloatingPoint && type.shape.count >= 2 && type.shape[0] == batch
}

/// Whether there is one row of logits for each sample, up to extents of one.
private func isFlat(_ type: TensorType) -> Bool { type.shape.dropFirst(2).allSatisfy { $0 == 1 } }

/// The tensor of logits behind an output, and the softmax that was passed on the way, if any.
///
/// Reshapes after a softmax over all numbers of a sample are passed as well, since they only rename its
/// classes.
private func logits(
  of output: TensorID, in graph: Graph, producers: [NodeID?]
) -> (tensor: TensorID, axis: Int, softmax: String?) {
  var tensor = output
  while let id = producers[tensor.index] {
    let node = graph[id]
    switch node.operator {
    case .softmax(let softmax):
      let shape = graph[tensor].type.shape
      let isWhole = tensor != output && shape.dropFirst().filter { $0 != 1 }.count > 1
      return softmax.axis == 0 || isWhole ? (output, 1, nil) : (node.inputs[0], softmax.axis, node.name)
    case .reshape where isFlat(graph[output].type):
      tensor = node.inputs[0]
    default: return (output, 1, nil)
    }
  }
  return (output, 1, nil)
}

/// A graph that gets more nodes.
private struct Appending {
  private let base: Graph
  private var tensors: [Tensor]
  private var nodes: [Node]
  private var inputs: [TensorID]
  private var names: Set<String>
  var notes: [String] = []

  init(_ graph: Graph) {
    base = graph
    tensors = graph.tensors
    nodes = graph.nodes
    inputs = graph.inputs
    names = Set(graph.tensors.map(\.name) + graph.nodes.map(\.name))
  }

  func graph(outputs: [TensorID]) -> Graph {
    Graph(name: base.name, tensors: tensors, nodes: nodes, inputs: inputs, outputs: outputs)
  }

  /// Brings the classes to dimension 1, drops extents of one behind them, and adds the loss with its labels.
  mutating func addLoss(_ logits: TensorID, classAxis: Int) -> TensorID {
    var logits = logits
    var shape = tensors[logits.index].type.shape
    if classAxis != 1 && !isFlatAlong(classAxis, shape) {
      let order = [0, classAxis] + shape.indices.dropFirst().filter { $0 != classAxis }
      logits = add(
        .transpose(Transpose(order)), [logits], shape: order.map { shape[$0] }, name: "logits-transposed")
      shape = order.map { shape[$0] }
    }
    let classes = shape.dropFirst().reduce(1, *)
    let isFlat = shape.dropFirst().filter { $0 != 1 }.count <= 1
    if isFlat && shape.count > 2, let reshape = try? Reshape(from: shape, to: [shape[0], classes]) {
      logits = add(.reshape(reshape), [logits], shape: [shape[0], classes], name: "logits")
      shape = [shape[0], classes]
    }
    let labels = append(
      Tensor(
        name: unique("labels"), type: TensorType(.int64, [shape[0]] + shape.dropFirst(2)), role: .label))
    inputs.append(labels)
    return add(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [logits, labels], shape: [], name: "loss")
  }

  private func isFlatAlong(_ axis: Int, _ shape: [Int]) -> Bool {
    shape.indices.dropFirst().allSatisfy { $0 == axis || shape[$0] == 1 }
  }

  private mutating func add(
    _ operator: Operator, _ sources: [TensorID], shape: [Int], name: String
  ) -> TensorID {
    let own = unique(name)
    let type = tensors[sources[0].index].type.with(shape: shape)
    let output = append(Tensor(name: own, type: type, role: .activation))
    nodes.append(Node(name: own, operator: `operator`, inputs: sources, outputs: [output]))
    return output
  }

  private mutating func append(_ tensor: Tensor) -> TensorID {
    tensors.append(tensor)
    return TensorID(tensors.count - 1)
  }

  private mutating func unique(_ name: String) -> String {
    var candidate = name
    var number = 2
    while !names.insert(candidate).inserted {
      candidate = "\(name)-\(number)"
      number += 1
    }
    return candidate
  }
}
