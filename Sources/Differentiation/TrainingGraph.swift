public import Graphs

/// The explicit training step of a network: every operation of the four phases in program order.
///
/// The order is: a forward operation for each node; then, node by node against the topological order, the
/// operation that makes the errors of the node's inputs and after it the one that makes its gradients, so
/// that the error pass is not delayed and gradients are reduced under what follows of it; then one update
/// for each trained parameter, in the order in which the gradients were made.
///
/// Every error is written once: errors of a tensor that several nodes read meet in an explicit fork.
public struct TrainingGraph: Hashable, Sendable {
  /// The network that is trained, with explicit forks, ending in its loss.
  public let graph: Graph
  /// The loss: one element.
  public let loss: TensorID
  /// How gradients change parameters.
  public let optimizer: Optimizer
  /// Whether updates work on float32 copies.
  public let masterCopies: MasterCopies
  /// The step in program order.
  public let operations: [Operation]
  /// What was done to the network to make it trainable, in sentences.
  public let notes: [String]
  /// For each tensor the owner of its storage.
  let forwardOwners: [TensorID]
  /// For each tensor the owner of its error's storage.
  let errorOwners: [TensorID]

  init(
    graph: Graph, loss: TensorID, optimizer: Optimizer, masterCopies: MasterCopies, operations: [Operation],
    notes: [String]
  ) {
    self.graph = graph
    self.loss = loss
    self.optimizer = optimizer
    self.masterCopies = masterCopies
    self.operations = operations
    self.notes = notes
    (forwardOwners, errorOwners) = storageOwners(graph, operations)
  }

  /// The parameters that are updated, in the order of their updates.
  public var trainedParameters: [TensorID] { operations.compactMap(\.parameter) }

  /// The elements of all trained parameters.
  public var trainedParameterCount: Int {
    trainedParameters.reduce(0) { $0 + graph[$1].type.elementCount }
  }

  /// The elements over which one of several devices passes from one use of a value to the next, about.
  ///
  /// ## Model
  ///
  /// `2 · a ∕ d + 2 · p`: activations of a elements, those of one micro-batch, and their errors, spread over
  /// d devices, and p parameters with their gradients. Where devices share parameters or layers, it is less.
  public func passedElements(devices: Int) -> Int {
    let activations = graph.nodes.reduce(0) { sum, node in
      sum + graph.outputTypes(of: node).reduce(0) { $0 + $1.elementCount }
    }
    return max(1, 2 * activations / max(1, devices) + 2 * trainedParameterCount)
  }

  /// The type of what a value holds, on one device that holds all of it.
  ///
  /// Errors and gradients have the type of their tensor; states of the optimizer are float32 at least.
  public func type(of value: Value) -> TensorType {
    switch value {
    case .forward(let tensor), .error(let tensor), .gradient(let tensor): return graph[tensor].type
    case .auxiliary(let id, let index):
      let node = graph[id]
      let rule = node.operator.rules.gradient(
        inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node))
      return rule.auxiliaries[index]
    case .optimizerState(let tensor, _):
      let type = graph[tensor].type
      return type.elementType == .float64 ? type : TensorType(.float32, type.shape)
    }
  }

  /// Returns the work of an operation on one device that does all of it.
  public func work(of operation: Operation) -> Work {
    if let parameter = operation.parameter {
      return optimizer.updateWork(elements: graph[parameter].type.elementCount, masterCopies: masterCopies)
    }
    guard let id = operation.node else { return Work() }
    let node = graph[id]
    let (inputs, outputs) = (graph.inputTypes(of: node), graph.outputTypes(of: node))
    let phase = operation.workPhase
    var work =
      operation.rule.map { node.operator.rules.work(of: $0, inputs: inputs, outputs: outputs) }
      ?? node.operator.rules.work(phase, inputs: inputs, outputs: outputs)
    if !work.isEmpty { work.kernel = node.operator.kernelUse(phase, inputs: inputs, outputs: outputs) }
    return work
  }

  /// Returns the multiply-accumulates of a phase over the whole batch.
  ///
  /// Layers without an error operation, such as the first one, add nothing to the error phase.
  ///
  /// - Complexity: O(operations).
  public func multiplyAccumulates(_ phase: Phase) -> Double {
    operations.reduce(0) { sum, operation in
      operation.phase == phase ? sum + work(of: operation).multiplyAccumulates : sum
    }
  }
}
