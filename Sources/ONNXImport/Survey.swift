internal import Graphs

/// What one pass over the nodes tells before any of them is converted.
struct Survey {
  /// The operators that cannot be read, each kind once, in the order of the file.
  private(set) var unsupported: [UnsupportedOperator] = []
  /// The names of the initializers.
  private(set) var initializers: Set<String> = []
  /// How often each name is read, by nodes and as a result.
  private(set) var uses: [String: Int] = [:]
  /// For each name that is multiplied by a constant the product.
  private(set) var products: [String: String] = [:]
  /// For each name to which a constant is added the sum.
  private(set) var sums: [String: String] = [:]

  init(_ model: ModelMessage, _ bytes: UnsafeRawBufferPointer) throws(ImportFault) {
    for range in model.graph.initializers { initializers.insert(try TensorMessage(bytes, range).name) }
    var constants = initializers
    var kinds: [String: Int] = [:]
    var nodesOfKind: [[String]] = []
    for output in model.graph.outputs { uses[output.name, default: 0] += 1 }
    for range in model.graph.nodes {
      let node = try NodeMessage(bytes, range)
      for input in node.inputs where !input.isEmpty { uses[input, default: 0] += 1 }
      let name = OperatorName(rawValue: node.operation)
      let hasConstantInputs = node.inputs.allSatisfy { $0.isEmpty || constants.contains($0) }
      if let name, !name.isOnlyFolded || hasConstantInputs {
        if name.alwaysGivesConstant || (name.isFolded && hasConstantInputs) {
          for output in node.outputs { constants.insert(output) }
        } else if node.inputs.count == 2, name == .multiply || name == .add {
          let isConstant = node.inputs.map { constants.contains($0) }
          guard isConstant[0] != isConstant[1] else { continue }
          let operand = node.inputs[isConstant[0] ? 1 : 0]
          if name == .multiply {
            products[operand] = node.outputs[0]
          } else {
            sums[operand] = node.outputs[0]
          }
        }
      } else {
        let index = kinds[node.operation] ?? nodesOfKind.count
        if index == nodesOfKind.count {
          kinds[node.operation] = index
          nodesOfKind.append([])
          unsupported.append(UnsupportedOperator(kind: node.operation, nodes: []))
        }
        nodesOfKind[index].append(node.name)
      }
    }
    unsupported = zip(unsupported, nodesOfKind).map { UnsupportedOperator(kind: $0.kind, nodes: $1) }
  }
}

/// An operator of a model that cannot be read.
public struct UnsupportedOperator: Hashable, Sendable {
  /// The operator as ONNX names it, with its domain in front where that is not the default one.
  public let kind: String
  /// The nodes that use it, in the order of the file; a node without a name by its first output.
  public let nodes: [String]

  /// Creates an entry.
  public init(kind: String, nodes: [String]) {
    self.kind = kind
    self.nodes = nodes
  }
}
