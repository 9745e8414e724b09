public import Diagnostics
public import Graphs

/// Which part of a network is kept as it is.
///
/// Parameters with the role ``TensorRole/frozenParameter`` are frozen in any case.
public enum FrozenPart: Hashable, Sendable {
  /// Nothing more.
  case none
  /// Every node of the topological order up to and including the one of this name.
  case through(node: String)
}

/// Choices about the training step that are not the optimizer's.
public struct DifferentiationOptions: Hashable, Sendable {
  /// Whether updates work on float32 copies of the parameters.
  public let masterCopies: MasterCopies
  /// Over what batch normalisations take their statistics; nil leaves each as the network says.
  public let batchNormalization: BatchNormalization.Mode?

  /// Creates choices; by default the network is taken as it is.
  public init(masterCopies: MasterCopies = .none, batchNormalization: BatchNormalization.Mode? = nil) {
    self.masterCopies = masterCopies
    self.batchNormalization = batchNormalization
  }
}

/// Returns the explicit training step of a network: forward, error, weight-gradient and update operations.
///
/// A network without a loss gets the mean cross-entropy of the softmax of its logits: of its first
/// floating-point output that holds one row of logits for each sample. A softmax that ends the network
/// becomes part of that loss. Nodes that do not lead to the loss are dropped. What was done stands in
/// ``TrainingGraph/notes``.
///
/// An activation has an error where a trained parameter lies behind it, and only operations that make a
/// needed error or gradient are kept; so the samples have no error and a frozen part no backward
/// operation. Tabulated layers are the exception: where the table charges an error pass to the first layer,
/// the pass is kept.
///
/// - Parameters:
///   - graph: The network, with its batch bound.
///   - optimizer: How gradients change parameters.
///   - frozen: The part that is kept as it is.
///   - options: Further choices.
/// - Throws: An `InputError` of kind `badModel` where the network has no logits, no node of the named
///   kind, or nothing that could be trained.
/// - Complexity: O(nodes + tensors).
public func differentiate(
  _ graph: Graph, optimizer: Optimizer = .sgd(), frozen: FrozenPart = .none,
  options: DifferentiationOptions = DifferentiationOptions()
) throws(InputError) -> TrainingGraph {
  let kept = try freezing(frozen, in: normalizing(graph, options.batchNormalization))
  let lossy = try attachingLoss(to: kept)
  let reduced = keepingAncestors(of: lossy.loss, in: lossy.graph)
  let forked = reduced.graph.withExplicitForks()
  guard let loss = forked.outputs.first else { preconditionFailure("forks took the loss of \(graph.name)") }
  var walk = BackwardWalk(graph: forked, loss: loss)
  walk.run()
  let trained = walk.gradientsInOrder
  guard !trained.isEmpty else {
    throw InputError(
      .badModel, "nothing of \(graph.name) would be trained", at: SourceLocation(file: graph.name),
      hint: "freeze fewer nodes")
  }
  let updates = trained.map { updateOperation($0, optimizer: optimizer, masterCopies: options.masterCopies) }
  return TrainingGraph(
    graph: forked, loss: loss, optimizer: optimizer, masterCopies: options.masterCopies,
    operations: walk.operations + updates, notes: lossy.notes + reduced.notes + walk.notes)
}

private func updateOperation(
  _ parameter: TensorID, optimizer: Optimizer, masterCopies: MasterCopies
) -> TrainingGraph.Operation {
  let copies = masterCopies == .none ? 0 : 1
  let states = (0..<optimizer.stateCount + copies).map { TrainingGraph.Value.optimizerState(parameter, $0) }
  // With a master copy the parameter itself is only written: its value is the copy's, rounded.
  let own: [TrainingGraph.Value] = masterCopies == .none ? [.forward(parameter)] : []
  return TrainingGraph.Operation(
    phase: .update, parameter: parameter, reads: [.gradient(parameter)] + own + states,
    writes: [.forward(parameter)] + states)
}
