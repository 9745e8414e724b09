public import Diagnostics
public import Graphs

/// Returns the bytes of an ONNX file that holds a trained network, to be used and not to be trained.
///
/// A loss, its labels, and forks are left out; what the loss was taken of becomes the output. Dropouts pass
/// what they get, and batch normalisations use their running statistics, as these operators do in ONNX unless
/// they are told otherwise. Weights are stored in the file.
///
/// A graph that was differentiated has lost a softmax at its end, which became part of the loss. To keep it,
/// give the network as it was before, with weights by their names, which stay the same:
///
/// ```swift
/// let bytes = try writeTrainedONNX(original, weights: { trained[original[$0].name] })
/// ```
///
/// - Parameters:
///   - graph: The network, with or without a loss.
///   - batch: How the batch stands in the file; by default any is taken.
///   - weights: The values of a parameter or a running statistic in row-major order.
///   - constants: The values of a constant that the graph does not hold itself, such as those of
///     ``ImportedModel/contents(of:)``.
/// - Throws: `InputError` where an operator has no counterpart in ONNX, a tensor has no values or another
///   number of them, or the file would be larger than ONNX allows.
/// - Complexity: O(size of the graph and its weights).
public func writeTrainedONNX(
  _ graph: Graph, batch: ExportedBatch = .symbolic("N"), weights: (TensorID) -> [Float]?,
  constants: (TensorID) -> [Double]? = { _ in nil }
) throws(InputError) -> [UInt8] {
  let graph = withoutTraining(graph)
  var exporter = Exporter(graph, batch: batch)
  try exporter.checkOperators()
  let consumers = graph.consumers()
  var size = 0
  for (index, tensor) in graph.tensors.enumerated() where tensor.role.isStatic {
    guard !consumers[index].isEmpty else { continue }
    let place = SourceLocation(file: graph.name, part: "tensor \(tensor.name)")
    size += tensor.type.elementCount * tensor.type.elementType.byteCount
    guard size < largestMessage else {
      throw InputError(
        .badModel, "the weights are more than an ONNX file holds, 2 GiB", at: place,
        hint: "write them as safetensors")
    }
    let id = TensorID(index)
    let trained = weights(id)
    var known: [Double]?
    if trained == nil, case .constant(let values) = tensor.role { known = values ?? constants(id) }
    guard let count = trained?.count ?? known?.count else {
      throw InputError(.badModel, "a tensor of the trained network has no values", at: place)
    }
    guard count == tensor.type.elementCount else {
      throw InputError(
        .badModel, "a tensor of \(tensor.type.elementCount) elements has \(count) values", at: place)
    }
    if let trained {
      exporter.addTrained(tensor, trained)
    } else {
      try exporter.addStatic(tensor, known)
    }
  }
  for node in graph.nodes { exporter.add(node) }
  return exporter.model()
}

/// Protobuf allows no message of 2 GiB; what is not weights is small.
private let largestMessage = 0x7FFF_FFFF - (64 << 20)

/// Returns the graph without its loss, labels and forks.
private func withoutTraining(_ graph: Graph) -> Graph {
  var aliases = graph.tensors.indices.map { TensorID($0) }
  var nodes: [Node] = []
  for node in graph.nodes {
    let inputs = node.inputs.map { aliases[$0.index] }
    switch node.operator {
    case .fork: for output in node.outputs { aliases[output.index] = inputs[0] }
    case .softmaxCrossEntropy: for output in node.outputs { aliases[output.index] = inputs[0] }
    default:
      nodes.append(
        Node(name: node.name, operator: node.operator, inputs: inputs, outputs: node.outputs))
    }
  }
  return Graph(
    name: graph.name, tensors: graph.tensors, nodes: nodes,
    inputs: graph.inputs.filter { graph[$0].role != .label },
    outputs: graph.outputs.map { aliases[$0.index] })
}
