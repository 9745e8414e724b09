public import Differentiation
public import Graphs

/// What every plan for one training graph asks of it: who writes and reads which tensor, and what each node
/// does.
///
/// It is made once and never changed; a class, so that thousands of plans share it without copying.
public final class StepFacts: Sendable {
  /// The node and output that write an activation.
  public struct Writer: Hashable, Sendable {
    /// The node's index.
    public let node: Int
    /// The output's place.
    public let output: Int
  }

  /// The node and input that read an activation; after forks there is at most one.
  public struct Reader: Hashable, Sendable {
    /// The node's index.
    public let node: Int
    /// The input's place.
    public let input: Int
  }

  /// The training step.
  public let training: TrainingGraph
  /// The facts of each node.
  public let profiles: [OperatorProfile]
  /// For each tensor the node that writes it.
  public let producers: [Writer?]
  /// For each tensor the node that reads it as an activation.
  public let consumers: [Reader?]
  /// For each node its forward operation.
  public let forward: [TrainingGraph.Operation?]
  /// For each node its backward operations, in program order.
  public let backward: [[TrainingGraph.Operation]]
  /// For each node the place of its forward operation in ``TrainingGraph/operations``.
  public let forwardIndices: [Int?]
  /// For each node the places of its backward operations.
  public let backwardIndices: [[Int]]
  /// For each trained parameter the place of its update.
  public let updateIndices: [TensorID: Int]
  /// Who reads each trained parameter, in the order of the updates.
  public let parameterUses: [ParameterUse]
  private let useOfParameter: [TensorID: Int]
  /// The activations whose error is computed.
  public let tensorsWithError: Set<TensorID>
  /// What operations hold in memory.
  let memory: MemoryFacts

  /// Gathers the facts of a training graph.
  public init(_ training: TrainingGraph) {
    let graph = training.graph
    self.training = training
    profiles = graph.nodes.indices.map { OperatorProfile(NodeID($0), in: graph) }
    var producers = [Writer?](repeating: nil, count: graph.tensors.count)
    var consumers = [Reader?](repeating: nil, count: graph.tensors.count)
    for (index, node) in graph.nodes.enumerated() {
      for (position, tensor) in node.outputs.enumerated() {
        producers[tensor.index] = Writer(node: index, output: position)
      }
      for (position, tensor) in node.inputs.enumerated() {
        if !graph[tensor].role.isStatic {
          consumers[tensor.index] = Reader(node: index, input: position)
        }
      }
    }
    self.producers = producers
    self.consumers = consumers
    let uses = training.parameterUses()
    parameterUses = uses
    useOfParameter = Dictionary(
      uniqueKeysWithValues: uses.enumerated().map { ($0.element.parameter, $0.offset) })
    memory = MemoryFacts(training, uses)
    var forward = [TrainingGraph.Operation?](repeating: nil, count: graph.nodes.count)
    var backward = [[TrainingGraph.Operation]](repeating: [], count: graph.nodes.count)
    var forwardIndices = [Int?](repeating: nil, count: graph.nodes.count)
    var backwardIndices = [[Int]](repeating: [], count: graph.nodes.count)
    var updateIndices: [TensorID: Int] = [:]
    var withError: Set<TensorID> = []
    for (index, operation) in training.operations.enumerated() {
      for case .error(let tensor) in operation.writes { withError.insert(tensor) }
      if let parameter = operation.parameter { updateIndices[parameter] = index }
      guard let node = operation.node else { continue }
      if operation.phase == .forward {
        forward[node.index] = operation
        forwardIndices[node.index] = index
      } else {
        backward[node.index].append(operation)
        backwardIndices[node.index].append(index)
      }
    }
    self.forwardIndices = forwardIndices
    self.backwardIndices = backwardIndices
    self.updateIndices = updateIndices
    self.forward = forward
    self.backward = backward
    tensorsWithError = withError
  }

  /// Who reads a parameter; nil where it is not trained.
  public func use(of parameter: TensorID) -> ParameterUse? {
    useOfParameter[parameter].map { parameterUses[$0] }
  }
}
