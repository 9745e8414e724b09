/// Makes a graph node by node and infers the shapes.
///
/// ```swift
/// var builder = GraphBuilder(name: "two layers")
/// let images = builder.sample("images", TensorType(.float32, [32, 784]))
/// let hidden = try builder.dense(images, 100, name: "fc1")
/// ```
public struct GraphBuilder: Sendable {
  /// The network's name.
  public let name: String
  /// The tensors so far.
  public private(set) var tensors: [Tensor] = []
  private var nodes: [Node] = []
  private var inputs: [TensorID] = []
  private var tensorNames: Set<String> = []
  private var nodeNames: Set<String> = []

  /// Creates an empty graph.
  public init(name: String) { self.name = name }

  /// The type of a tensor made so far.
  public func type(of tensor: TensorID) -> TensorType { tensors[tensor.index].type }

  /// Adds the samples, batch outermost.
  public mutating func sample(_ name: String, _ type: TensorType) -> TensorID {
    let id = tensor(name, type, .sample)
    inputs.append(id)
    return id
  }

  /// Adds labels.
  public mutating func label(_ name: String, _ type: TensorType) -> TensorID {
    let id = tensor(name, type, .label)
    inputs.append(id)
    return id
  }

  /// Adds a trained parameter, or another static tensor.
  public mutating func parameter(_ name: String, _ type: TensorType, role: TensorRole = .parameter)
    -> TensorID
  {
    tensor(name, type, role)
  }

  /// Adds a node and returns its outputs, whose types follow from the operator's shape rule.
  ///
  /// - Throws: ``ShapeError`` where the inputs do not fit the operator.
  public mutating func add(_ operator: Operator, _ inputs: [TensorID], name: String) throws(ShapeError)
    -> [TensorID]
  {
    let types = try `operator`.rules.outputTypes(inputs: inputs.map { tensors[$0.index].type })
    let nodeName = Self.unique(name, in: &nodeNames)
    let outputs = types.enumerated().map { index, type in
      tensor(types.count == 1 ? nodeName : "\(nodeName):\(index)", type, .activation)
    }
    nodes.append(Node(name: nodeName, operator: `operator`, inputs: inputs, outputs: outputs))
    return outputs
  }

  /// Returns the graph with the given results.
  public func build(outputs: [TensorID]) -> Graph {
    Graph(name: name, tensors: tensors, nodes: nodes, inputs: inputs, outputs: outputs)
  }

  private mutating func tensor(_ name: String, _ type: TensorType, _ role: TensorRole) -> TensorID {
    tensors.append(Tensor(name: Self.unique(name, in: &tensorNames), type: type, role: role))
    return TensorID(tensors.count - 1)
  }

  private static func unique(_ name: String, in names: inout Set<String>) -> String {
    var candidate = name
    var suffix = 2
    while !names.insert(candidate).inserted {
      candidate = "\(name).\(suffix)"
      suffix += 1
    }
    return candidate
  }
}

/// Inputs that do not fit an operator.
public struct ShapeError: Error, Hashable, Sendable {
  /// What does not fit, in words.
  public let message: String
  /// Creates an error.
  public init(_ message: String) { self.message = message }
}
