public import Diagnostics
import Graphs
import Machines
import ONNXImport
public import Results
import Units

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
