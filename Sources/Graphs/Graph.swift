/// Names a tensor of a graph by its index.
@frozen public struct TensorID: Hashable, Comparable, Sendable {
  /// The index in ``Graph/tensors``.
  public let index: Int
  /// Names the tensor at `index`.
  @inlinable public init(_ index: Int) { self.index = index }
  /// Orders by index.
  @inlinable public static func < (left: TensorID, right: TensorID) -> Bool { left.index < right.index }
}

/// Names a node of a graph by its index, which is also its place in the topological order.
@frozen public struct NodeID: Hashable, Comparable, Sendable {
  /// The index in ``Graph/nodes``.
  public let index: Int
  /// Names the node at `index`.
  @inlinable public init(_ index: Int) { self.index = index }
  /// Orders by index.
  @inlinable public static func < (left: NodeID, right: NodeID) -> Bool { left.index < right.index }
}

/// What a tensor is for.
public enum TensorRole: Hashable, Sendable {
  /// The samples, batch outermost: they need no error.
  case sample
  /// The labels of the samples.
  case label
  /// Computed by a node for each sample.
  case activation
  /// Trained: it has a gradient and is updated.
  case parameter
  /// A parameter that is kept as it is.
  case frozenParameter
  /// Kept between steps without a gradient, such as running statistics.
  case state
  /// Known before the first step; `values` where they decide shapes or arithmetic and are few.
  case constant(values: [Double]?)

  /// Whether the tensor belongs to the model and not to a sample.
  public var isStatic: Bool {
    switch self {
    case .parameter, .frozenParameter, .state, .constant: true
    case .sample, .label, .activation: false
    }
  }
}

/// A tensor of a graph.
public struct Tensor: Hashable, Sendable {
  /// Its name, unique in the graph.
  public let name: String
  /// Its element type and shape.
  public let type: TensorType
  /// What it is for.
  public let role: TensorRole

  /// Creates a tensor.
  public init(name: String, type: TensorType, role: TensorRole) {
    self.name = name
    self.type = type
    self.role = role
  }
}

/// An operator applied to tensors.
public struct Node: Hashable, Sendable {
  /// Its name, unique in the graph.
  public let name: String
  /// What it computes.
  public let `operator`: Operator
  /// What it reads, in the operator's order: activations first, then parameters.
  public let inputs: [TensorID]
  /// What it writes.
  public let outputs: [TensorID]

  /// Creates a node.
  public init(name: String, operator: Operator, inputs: [TensorID], outputs: [TensorID]) {
    self.name = name
    self.operator = `operator`
    self.inputs = inputs
    self.outputs = outputs
  }
}

/// A network: operators over typed tensors, in a topological order, true on every machine.
///
/// Each tensor is written by at most one node. ``GraphBuilder`` makes graphs and infers the shapes.
public struct Graph: Hashable, Sendable {
  /// The network's name.
  public let name: String
  /// Every tensor.
  public let tensors: [Tensor]
  /// The nodes in a topological order.
  public let nodes: [Node]
  /// The samples and labels that enter.
  public let inputs: [TensorID]
  /// The results.
  public let outputs: [TensorID]

  /// Creates a graph.
  ///
  /// The order of `nodes` must be topological.
  public init(name: String, tensors: [Tensor], nodes: [Node], inputs: [TensorID], outputs: [TensorID]) {
    self.name = name
    self.tensors = tensors
    self.nodes = nodes
    self.inputs = inputs
    self.outputs = outputs
  }

  /// The tensor of an identifier.
  public subscript(tensor: TensorID) -> Tensor { tensors[tensor.index] }
  /// The node of an identifier.
  public subscript(node: NodeID) -> Node { nodes[node.index] }
  /// The types of a node's inputs.
  public func inputTypes(of node: Node) -> [TensorType] { node.inputs.map { self[$0].type } }
  /// The types of a node's outputs.
  public func outputTypes(of node: Node) -> [TensorType] { node.outputs.map { self[$0].type } }
  /// The samples of one step: the outermost extent of the first sample tensor.
  public var batch: Int {
    inputs.lazy.map { self[$0] }.first { $0.role == .sample }?.type.shape.first ?? 1
  }
  /// For each tensor the node that writes it, if any.
  public func producers() -> [NodeID?] {
    var producers = [NodeID?](repeating: nil, count: tensors.count)
    for (index, node) in nodes.enumerated() {
      for output in node.outputs { producers[output.index] = NodeID(index) }
    }
    return producers
  }
  /// For each tensor the nodes that read it, in order, once for each time they read it.
  public func consumers() -> [[NodeID]] {
    var consumers = [[NodeID]](repeating: [], count: tensors.count)
    for (index, node) in nodes.enumerated() {
      for input in node.inputs { consumers[input.index].append(NodeID(index)) }
    }
    return consumers
  }
}
