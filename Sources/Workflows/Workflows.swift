public import Diagnostics
import Differentiation
import Documents
import Graphs
import Machines
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

/// The built-in networks, in the order in which they are listed.
public func models() -> [ModelSummary] {
  BuiltInNetwork.all.map { network in
    let graph = network.graph(batch: 1)
    var multiplyAccumulates = 0.0
    for node in graph.nodes {
      multiplyAccumulates +=
        node.operator.rules.work(
          .forward, inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node)
        ).multiplyAccumulates
    }
    let isTable = graph.nodes.contains { if case .tabulated = $0.operator { true } else { false } }
    return ModelSummary(
      name: network.name, title: network.summary, form: isTable ? .layerTable : .graph,
      parameters: graph.tensors.reduce(0) { $1.role == .parameter ? $0 + $1.type.elementCount : $0 },
      multiplyAccumulates: multiplyAccumulates, source: network.summary)
  }
}

/// Returns a built-in network as the bytes of an ONNX file.
///
/// - Throws: ``InputError`` for an unknown name or a layer table, which has no ONNX form.
public func exportModel(named name: String, batch: Int) throws(InputError) -> [UInt8] {
  let graph = try BuiltInNetwork.graph(named: name, batch: batch)
  return try writeONNX(graph)
}

/// The machines of the catalogue, in the order in which they are listed.
///
/// - Throws: ``InputError`` where a description of the catalogue itself is faulty.
public func machines() throws(InputError) -> [MachineSummary] {
  let catalogue = MachineCatalogue()
  var summaries: [MachineSummary] = []
  for name in catalogue.names {
    let machine = try catalogue.machine(named: name)
    var seen: Set<String> = []
    let devices = machine.devices.filter { seen.insert($0.group).inserted }.map { device in
      MachineSummary.Devices(
        name: device.group, kind: device.model.kind,
        count: machine.devices.count { $0.group == device.group },
        memory: device.memory.capacity)
    }
    summaries.append(
      MachineSummary(
        name: name, title: machine.name, devices: devices,
        levels: machine.mesh?.levels.map { "\($0.name): \($0.ways) ways, \($0.topology.rawValue)" } ?? []))
  }
  return summaries
}

/// Returns the description of a machine of the catalogue, as it stands in its file.
///
/// - Throws: ``InputError`` for an unknown name, with the nearest legal one.
public func machineDescription(named name: String) throws(InputError) -> String {
  let catalogue = MachineCatalogue()
  if let yaml = catalogue.yaml(named: name) { return yaml }
  // Says which name is nearest.
  _ = try catalogue.machine(named: name)
  return ""
}

/// The facts of a training graph.
private func inspection(_ training: TrainingGraph, of request: Request) -> Inspection {
  let graph = training.graph
  let size = Bytes(request.precision.keepsMasterCopies ? 2 : request.precision == .float64 ? 8 : 4)
  var kinds: [String] = []
  var counts: [String: Int] = [:]
  var rows: [Inspection.Row] = []
  var saved = [Bytes](repeating: .zero, count: graph.nodes.count)
  let producers = graph.producers()
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
  for (index, node) in graph.nodes.enumerated() {
    if case .fork = node.operator { continue }
    let kind = node.operator.rules.kind
    if counts[kind] == nil { kinds.append(kind) }
    counts[kind, default: 0] += 1
    func work(_ phase: Phase) -> Double {
      training.operations.reduce(0) { sum, operation in
        operation.node?.index == index && operation.phase == phase
          ? sum + training.work(of: operation).multiplyAccumulates : sum
      }
    }
    rows.append(
      Inspection.Row(
        name: node.name, kind: kind, outputShape: graph[node.outputs[0]].type.shape,
        parameters: node.inputs.reduce(0) { sum, tensor in
          graph[tensor].role == .parameter ? sum + graph[tensor].type.elementCount : sum
        },
        multiplyAccumulates: .init(
          forward: work(.forward), error: work(.error), weightGradient: work(.weightGradient)),
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
