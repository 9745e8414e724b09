public import Differentiation
public import Graphs

/// Which nodes read a trained parameter, and with which of them it lives.
///
/// A parameter lives as its *home* node reads it: there its gradient is complete and it is updated. Where
/// another node reads it in another layout or on other devices, it is brought there once in a step, and what
/// that node contributes to the gradient is brought back.
public struct ParameterUse: Hashable, Sendable {
  /// A node that reads the parameter.
  public struct Reader: Hashable, Sendable {
    /// The node's index.
    public let node: Int
    /// The input's place.
    public let input: Int
    /// Whether the node contributes to the gradient.
    public let contributes: Bool
  }

  /// The parameter.
  public let parameter: TensorID
  /// The first node that contributes to its gradient.
  public let home: Reader
  /// All other nodes that read it, in topological order.
  public let others: [Reader]

  /// What a reader contributes to the gradient.
  public func contribution(of reader: Reader) -> GradientContribution {
    GradientContribution(parameter: parameter, node: reader.node)
  }

  /// The reader at a node; nil where the node does not read the parameter.
  public func reader(at node: Int) -> Reader? {
    home.node == node ? home : others.first { $0.node == node }
  }
}

/// What one node contributes to the gradient of a parameter.
public struct GradientContribution: Hashable, Sendable {
  /// The parameter.
  public let parameter: TensorID
  /// The node's index.
  public let node: Int

  /// Creates a contribution.
  public init(parameter: TensorID, node: Int) {
    self.parameter = parameter
    self.node = node
  }
}

extension TrainingGraph {
  /// The uses of every trained parameter, in the order of the updates.
  public func parameterUses() -> [ParameterUse] {
    var readers: [TensorID: [ParameterUse.Reader]] = [:]
    var contributors: Set<GradientContribution> = []
    for operation in operations {
      guard let node = operation.node?.index else { continue }
      for case .gradient(let parameter) in operation.writes {
        contributors.insert(GradientContribution(parameter: parameter, node: node))
      }
    }
    for (index, node) in graph.nodes.enumerated() {
      for (position, tensor) in node.inputs.enumerated() where graph[tensor].role == .parameter {
        // A node that reads a parameter twice reads it in one layout.
        if readers[tensor]?.last?.node == index { continue }
        let contributes = contributors.contains(GradientContribution(parameter: tensor, node: index))
        readers[tensor, default: []].append(
          ParameterUse.Reader(node: index, input: position, contributes: contributes))
      }
    }
    return trainedParameters.compactMap { parameter in
      guard let all = readers[parameter], let home = all.first(where: \.contributes) else { return nil }
      return ParameterUse(parameter: parameter, home: home, others: all.filter { $0 != home })
    }
  }
}

extension ResolvedPlan {
  /// Where a node reads a parameter.
  public func place(of reader: ParameterUse.Reader) -> TaskGraph.Movement.Place {
    TaskGraph.Movement.Place(
      stage: stageOfNode[reader.node], layout: strategies[reader.node].inputs[reader.input])
  }

  /// Whether what a reader contributes is added to what the home contributes before both are summed over the
  /// devices.
  public func addsAtOnce(_ reader: ParameterUse.Reader, of use: ParameterUse) -> Bool {
    let stage = stageOfNode[use.home.node]
    guard reader.contributes, stageOfNode[reader.node] == stage else { return false }
    return stages[stage].tasks.addAtOnce(
      strategies[use.home.node], use.home.input, strategies[reader.node], reader.input)
  }

  /// The readers besides the home whose contributions are summed by themselves.
  public func separateContributors(of use: ParameterUse) -> [ParameterUse.Reader] {
    use.others.filter { $0.contributes && !addsAtOnce($0, of: use) }
  }
}
