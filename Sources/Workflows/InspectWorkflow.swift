import Devices
public import Diagnostics
import Differentiation
import Graphs
import ONNXImport
public import Results
import Units

/// Reads a network and says what training it would need.
///
/// - Throws: ``InputError`` where the model cannot be read. Unsupported operators are no error here: they are
///   listed in the result.
public func inspect(_ request: Request) throws(InputError) -> Inspection {
  let model = ModelSource(request)
  let unsupported = try model.unsupported()
  guard unsupported.isEmpty else {
    return Inspection(
      model: request.model, batch: request.batch ?? 1, parameters: 0, operators: [],
      multiplyAccumulates: .init(forward: 0, error: 0, weightGradient: 0), savedActivations: .zero,
      unsupported: unsupported.map { Inspection.Unsupported(kind: $0.kind, nodes: $0.nodes) }, rows: [])
  }
  return inspection(try Session.training(model, request, microBatches: 1), of: request)
}

/// The facts of a training graph.
private func inspection(_ training: TrainingGraph, of request: Request) -> Inspection {
  let graph = training.graph
  let size = Bytes(ElementSizes(request.precision).activation)
  var kinds: [String] = []
  var counts: [String: Int] = [:]
  var rows: [Inspection.Row] = []
  let saved = savedActivations(training, size: size)
  let work = multiplyAccumulates(training)
  for (index, node) in graph.nodes.enumerated() {
    if case .fork = node.operator { continue }
    let kind = node.operator.rules.kind
    if counts[kind] == nil { kinds.append(kind) }
    counts[kind, default: 0] += 1
    rows.append(
      Inspection.Row(
        name: node.name, kind: kind, outputShape: graph[node.outputs[0]].type.shape,
        parameters: node.inputs.reduce(0) { sum, tensor in
          graph[tensor].role == .parameter ? sum + graph[tensor].type.elementCount : sum
        },
        multiplyAccumulates: work[index],
        savedActivations: saved[index]))
  }
  return Inspection(
    model: request.model, batch: graph.batch, parameters: training.trainedParameterCount,
    operators: kinds.map { Inspection.KindCount(kind: $0, count: counts[$0] ?? 0) },
    multiplyAccumulates: .init(
      forward: training.multiplyAccumulates(.forward), error: training.multiplyAccumulates(.error),
      weightGradient: training.multiplyAccumulates(.weightGradient)),
    savedActivations: training.savedActivationBytes(activationSize: size), unsupported: [], rows: rows)
}

/// For each node the activations that its backward work keeps; a tensor counts where it is written.
private func savedActivations(_ training: TrainingGraph, size: Bytes) -> [Bytes] {
  let producers = training.graph.producers()
  var saved = [Bytes](repeating: .zero, count: training.graph.nodes.count)
  for value in training.savedValues() {
    let type = training.type(of: value.value)
    let isMask = if case .auxiliary = value.value { true } else { false }
    let bytes = type.elementCount * (isMask ? type.elementType.size : size)
    switch value.value {
    case .forward(let tensor): if let node = producers[tensor.index] { saved[node.index] += bytes }
    case .auxiliary(let node, _): saved[node.index] += bytes
    case .error, .gradient, .optimizerState: break
    }
  }
  return saved
}

/// For each node its multiply-accumulates in each phase.
private func multiplyAccumulates(_ training: TrainingGraph) -> [Inspection.MultiplyAccumulates] {
  var work = [[Phase: Double]](repeating: [:], count: training.graph.nodes.count)
  for operation in training.operations {
    guard let node = operation.node else { continue }
    work[node.index][operation.phase, default: 0] += training.work(of: operation).multiplyAccumulates
  }
  return work.map {
    .init(
      forward: $0[.forward] ?? 0, error: $0[.error] ?? 0, weightGradient: $0[.weightGradient] ?? 0)
  }
}
