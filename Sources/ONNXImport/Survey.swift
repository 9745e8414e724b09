internal import Graphs

/// What one pass over the nodes tells before any of them is converted.
struct Survey {
  /// The operators that cannot be read, each kind once, in the order of the file.
  private(set) var unsupported: [UnsupportedOperator] = []
  /// The names of the initializers.
  private(set) var initializers: Set<String> = []
  /// How often a name is read, by nodes and as a result, for those names where it matters.
  ///
  /// These are second outputs, normalised tensors and their products with a constant; a count of every name
  /// of a large graph would take more memory than the file.
  private(set) var uses: [String: Int] = [:]
  /// For each name that is multiplied by a constant the product.
  private(set) var products: [String: String] = [:]
  /// For each name to which a constant is added the sum.
  private(set) var sums: [String: String] = [:]

  init(_ model: ModelMessage, _ bytes: UnsafeRawBufferPointer) throws(ImportFault) {
    for range in model.graph.initializers {
      let name = try TensorMessage(bytes, range).name
      guard !name.isEmpty else {
        throw ImportFault("an initializer has no name", at: range.lowerBound, hint: damagedHint)
      }
      guard initializers.insert(name).inserted else { throw Survey.twice(name, at: range.lowerBound) }
    }
    var constants = initializers
    var defined = initializers
    // Before IR version 4 every initializer is listed as an input, too.
    for input in model.graph.inputs where !initializers.contains(input.name) {
      guard defined.insert(input.name).inserted else { throw Survey.twice(input.name, at: input.offset) }
    }
    var kinds: [String: Int] = [:]
    var nodesOfKind: [[String]] = []
    for range in model.graph.nodes {
      let node = try NodeMessage(bytes, range)
      for input in node.inputs where !input.isEmpty {
        guard defined.contains(input) else { throw try Survey.missing(input, node, model, bytes) }
        if let count = uses[input] { uses[input] = count + 1 }
      }
      for output in node.outputs where !output.isEmpty {
        guard defined.insert(output).inserted else { throw Survey.twice(output, at: node.offset) }
      }
      for output in node.outputs.dropFirst() { uses[output] = 0 }
      guard classify(node, &constants) else {
        let index = kinds[node.operation] ?? nodesOfKind.count
        if index == nodesOfKind.count {
          kinds[node.operation] = index
          nodesOfKind.append([])
        }
        nodesOfKind[index].append(node.name)
        continue
      }
    }
    for output in model.graph.outputs {
      guard defined.contains(output.name) else {
        throw ImportFault(
          "reads \(shortened(output.name)), which nothing defines", at: output.offset,
          part: "output \(output.name)", hint: "check the model with onnx.checker")
      }
      if let count = uses[output.name] { uses[output.name] = count + 1 }
    }
    unsupported = kinds.sorted { $0.value < $1.value }.map {
      UnsupportedOperator(kind: $0.key, nodes: nodesOfKind[$0.value])
    }
  }

  /// Notes what a node does to constants and normalised tensors.
  ///
  /// - Returns: Whether its operator can be read.
  private mutating func classify(_ node: NodeMessage, _ constants: inout Set<String>) -> Bool {
    let hasConstantInputs = node.inputs.allSatisfy { $0.isEmpty || constants.contains($0) }
    guard let name = OperatorName(rawValue: node.operation), !name.isOnlyFolded || hasConstantInputs else {
      return false
    }
    if name.alwaysGivesConstant || (name.isFolded && hasConstantInputs) {
      constants.formUnion(node.outputs)
    } else if name == .batchNormalization {
      uses[node.outputs[0]] = 0
    } else if node.inputs.count == 2, name == .multiply || name == .add {
      let isConstant = node.inputs.map { constants.contains($0) }
      guard isConstant[0] != isConstant[1] else { return true }
      let operand = node.inputs[isConstant[0] ? 1 : 0]
      guard uses[operand] != nil else { return true }
      if name == .multiply {
        products[operand] = node.outputs[0]
        uses[node.outputs[0]] = 0
      } else {
        sums[operand] = node.outputs[0]
      }
    }
    return true
  }

  /// Returns the fault of a name with two meanings.
  private static func twice(_ name: String, at offset: Int) -> ImportFault {
    ImportFault(
      "the name \(shortened(name)) is defined twice", at: offset, part: "tensor \(name)", hint: damagedHint)
  }

  /// Returns the fault of a name that is read before it is defined.
  private static func missing(
    _ name: String, _ reader: NodeMessage, _ model: ModelMessage, _ bytes: UnsafeRawBufferPointer
  ) throws(ImportFault) -> ImportFault {
    for range in model.graph.nodes where try NodeMessage(bytes, range).outputs.contains(name) {
      return reader.fault(
        "reads \(shortened(name)), which only a later node computes: the graph has a cycle or no order",
        hint: "sort the nodes topologically, as ONNX requires")
    }
    return reader.fault(
      "reads \(shortened(name)), which nothing defines", hint: "check the model with onnx.checker")
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
