public import Diagnostics
public import Graphs

/// How the batch stands in a written file.
public enum ExportedBatch: Hashable, Sendable {
  /// As the number that the graph has.
  case fixed
  /// As a dimension of this name, to be bound when the file is read.
  case symbolic(String)
}

/// Returns the bytes of an ONNX file that holds a network.
///
/// The file is of operator set 17 and IR version 8; only a network with GELU needs 20 and 9. By default it is
/// light: each weight is a `ConstantOfShape` node that says its shape and is filled with 0.02, as in the
/// light models of the package `onnx`, so that a network of any size is some kilobytes.
///
/// ```swift
/// let bytes = try writeONNX(graph)
/// let real = try writeONNX(graph) { weights[$0] }
/// ```
///
/// - Parameters:
///   - graph: The network, without a loss.
///   - batch: How the batch stands in the file.
///   - values: The values of a parameter, a state or a constant in row-major order; nil leaves it light.
/// - Throws: `InputError` where an operator has no counterpart in ONNX: tabulated layers, losses and forks.
/// - Complexity: O(size of the graph and of the values that are given).
public func writeONNX(
  _ graph: Graph, batch: ExportedBatch = .fixed, values: (TensorID) -> [Double]? = { _ in nil }
) throws(InputError) -> [UInt8] {
  var exporter = Exporter(graph, batch: batch)
  try exporter.checkOperators()
  for (index, tensor) in graph.tensors.enumerated() where tensor.role.isStatic {
    try exporter.addStatic(tensor, values(TensorID(index)))
  }
  for node in graph.nodes { exporter.add(node) }
  return exporter.model()
}

/// The parts of a model file while it is written.
struct Exporter {
  /// The number that fills every weight of a light file; positive, so that variances are legal.
  static let lightValue = 0.02

  let graph: Graph
  let batch: ExportedBatch
  /// The version of the operator set: the oldest that has every operator of the graph.
  let opset: Int
  var nodes: [[UInt8]] = []
  private var initializers = ProtoWriter()
  private var names: Set<String>

  init(_ graph: Graph, batch: ExportedBatch) {
    self.graph = graph
    self.batch = batch
    let hasGelu = graph.nodes.contains { node in
      if case .activation(let rules) = node.operator { rules.function == .gelu } else { false }
    }
    opset = hasGelu ? 20 : 17
    names = Set(graph.tensors.map(\.name))
  }

  /// Throws where an operator has no counterpart, naming all such nodes.
  func checkOperators() throws(InputError) {
    let missing = graph.nodes.filter { node in
      switch node.operator {
      case .fork, .tabulated, .tabulatedLoss, .softmaxCrossEntropy: true
      case .pooling(let rules):
        opset < 19 && rules.reduction != .maximum && rules.dilations.contains { $0 != 1 }
      default: false
      }
    }
    guard missing.isEmpty else {
      let shown = missing.prefix(8).map { "\($0.operator.rules.kind) (\($0.name))" }.joined(separator: ", ")
      throw InputError(
        .badModel, "\(missing.count) operators cannot be written as ONNX: \(shown)",
        at: SourceLocation(file: graph.name),
        hint: "layer tables and losses are not exported; export the network itself")
    }
  }

  /// Writes a weight or a constant.
  mutating func addStatic(_ tensor: Tensor, _ values: [Double]?) throws(InputError) {
    if let values {
      initializers.tensor(5, tensor.name, tensor.type, values)
    } else if case .constant(let known?) = tensor.role {
      initializers.tensor(5, tensor.name, tensor.type, known)
    } else if tensor.type.elementType.isFloatingPoint {
      let extents = tensor.type.shape.map(Double.init)
      let shape = constant("\(tensor.name)__shape", .int64, [extents.count], extents)
      let type = TensorType(tensor.type.elementType, [1])
      append("ConstantOfShape", tensor.name, inputs: [shape], outputs: [tensor.name]) { node in
        node.tensorAttribute("value", type, [Exporter.lightValue])
      }
    } else {
      throw InputError(
        .badModel, "the constant has no values to be written",
        at: SourceLocation(file: graph.name, part: "tensor \(tensor.name)"),
        hint: "give the values of the constants")
    }
  }

  /// Writes the trained values of a tensor.
  mutating func addTrained(_ tensor: Tensor, _ values: [Float]) {
    initializers.tensor(5, tensor.name, tensor.type, values)
  }

  /// Writes a small constant beside the network's own tensors and returns its name.
  mutating func constant(_ wanted: String, _ type: ElementType, _ shape: [Int], _ values: [Double]) -> String
  {
    var name = wanted
    var suffix = 2
    while !names.insert(name).inserted {
      name = "\(wanted).\(suffix)"
      suffix += 1
    }
    initializers.tensor(5, name, TensorType(type, shape), values)
    return name
  }

  /// Writes a node.
  mutating func append(
    _ kind: String, _ name: String, inputs: [String], outputs: [String],
    attributes: (inout ProtoWriter) -> Void = { _ in }
  ) {
    var node = ProtoWriter()
    for input in inputs { node.text(1, input) }
    for output in outputs { node.text(2, output) }
    node.text(3, name)
    node.text(4, kind)
    attributes(&node)
    nodes.append(node.bytes)
  }

  /// Returns the whole file.
  func model() -> [UInt8] {
    var model = ProtoWriter()
    model.integer(1, opset < 19 ? 8 : 9)
    model.text(2, "partita")
    model.message(7) { graph in
      for node in nodes { graph.data(1, node) }
      graph.text(2, self.graph.name.isEmpty ? "network" : self.graph.name)
      graph.append(initializers)
      for input in self.graph.inputs { graph.message(11) { describe(input, &$0) } }
      for output in self.graph.outputs { graph.message(12) { describe(output, &$0) } }
    }
    model.message(8) { set in
      set.text(1, "")
      set.integer(2, opset)
    }
    return model.bytes
  }

  private func describe(_ id: TensorID, _ value: inout ProtoWriter) {
    let tensor = graph[id]
    value.text(1, tensor.name)
    value.message(2) { type in
      type.message(1) { dense in
        dense.integer(1, tensor.type.elementType.onnxCode)
        dense.message(2) { shape in
          for (index, extent) in tensor.type.shape.enumerated() {
            shape.message(1) { dimension in
              if index == 0, extent == graph.batch, case .symbolic(let name) = batch {
                dimension.text(2, name)
              } else {
                dimension.integer(1, extent)
              }
            }
          }
        }
      }
    }
  }
}

extension ProtoWriter {
  /// Writes an attribute of a node.
  mutating func attribute(_ name: String, _ value: Int) {
    message(5) {
      $0.text(1, name)
      $0.integer(3, value)
      $0.integer(20, 2)
    }
  }

  /// Writes an attribute of a node.
  mutating func attribute(_ name: String, _ value: Double) {
    message(5) {
      $0.text(1, name)
      $0.real(2, value)
      $0.integer(20, 1)
    }
  }

  /// Writes an attribute of a node.
  mutating func attribute(_ name: String, _ value: String) {
    message(5) {
      $0.text(1, name)
      $0.text(4, value)
      $0.integer(20, 3)
    }
  }

  /// Writes an attribute of a node.
  mutating func attribute(_ name: String, _ value: [Int]) {
    message(5) {
      $0.text(1, name)
      $0.integers(8, value)
      $0.integer(20, 7)
    }
  }

  /// Writes an attribute of a node.
  mutating func tensorAttribute(_ name: String, _ type: TensorType, _ values: [Double]) {
    message(5) {
      $0.text(1, name)
      $0.tensor(5, "", type, values)
      $0.integer(20, 4)
    }
  }
}
