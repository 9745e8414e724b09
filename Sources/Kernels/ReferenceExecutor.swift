public import Differentiation
public import Graphs

/// Runs a whole training step on one device with the reference kernels.
///
/// It is the single-device result with which every plan's execution is compared, and what the gradients of
/// the operators are proven with.
public struct ReferenceExecutor: Hashable, Sendable {
  /// The step.
  public let training: TrainingGraph
  /// Into how many cells the batch is cut where batch normalisations take statistics for each cell.
  ///
  /// Sizes of cells differ by at most one sample, the larger ones first.
  public let cells: Int
  /// What masks are drawn from.
  public let seed: UInt64

  /// Everything that a step made.
  public struct StepResult<Scalar: KernelScalar>: Sendable {
    /// The loss before the update.
    public let loss: Scalar
    /// Every value of the step; parameters and states of the optimizer as they are after it.
    public let values: [TrainingGraph.Value: ReferenceTensor<Scalar>]

    /// The gradient of a parameter, if it has one.
    public func gradient(_ parameter: TensorID) -> ReferenceTensor<Scalar>? { values[.gradient(parameter)] }
    /// A tensor of the graph.
    public subscript(tensor: TensorID) -> ReferenceTensor<Scalar>? { values[.forward(tensor)] }
  }

  /// Creates an executor.
  ///
  /// - Throws: ``UnrunnableNode`` where the network is a layer table.
  public init(_ training: TrainingGraph, cells: Int = 1, seed: UInt64 = 0) throws(UnrunnableNode) {
    if let node = training.graph.nodes.first(where: { $0.operator.kernel == nil }) {
      throw UnrunnableNode(node: node.name, kind: node.operator.kind)
    }
    precondition(cells >= 1, "a batch cannot be cut into \(cells) cells")
    self.training = training
    self.cells = cells
    self.seed = seed
  }

  /// Returns the result of one step in Float64.
  ///
  /// - Parameters:
  ///   - number: The number of the step, from one.
  ///   - tensors: Samples, labels, and all static tensors of the graph but constants with known values.
  ///   - optimizerStates: The states that the last step left; zeros where missing.
  public func step(
    _ number: Int = 1, tensors: [TensorID: ReferenceTensor<Double>],
    optimizerStates: [TrainingGraph.Value: ReferenceTensor<Double>] = [:]
  ) -> StepResult<Double> {
    run(number, tensors, optimizerStates, upTo: training.operations.count)
  }

  /// Returns the result of one step in Float32; as the other function of this name does in Float64.
  public func step(
    _ number: Int = 1, tensors: [TensorID: ReferenceTensor<Float>],
    optimizerStates: [TrainingGraph.Value: ReferenceTensor<Float>] = [:]
  ) -> StepResult<Float> {
    run(number, tensors, optimizerStates, upTo: training.operations.count)
  }

  /// Returns the loss alone: the forward phase in Float64.
  public func loss(_ number: Int = 1, tensors: [TensorID: ReferenceTensor<Double>]) -> Double {
    run(number, tensors, [:], upTo: training.operations.count { $0.phase == .forward }).loss
  }

  private func run<Scalar>(
    _ number: Int, _ tensors: [TensorID: ReferenceTensor<Scalar>],
    _ optimizerStates: [TrainingGraph.Value: ReferenceTensor<Scalar>], upTo end: Int
  ) -> StepResult<Scalar> {
    var memory = StepMemory<Scalar>(training: training, tensors: tensors, optimizerStates: optimizerStates)
    for operation in training.operations[..<end] {
      switch operation.phase {
      case .forward: forward(operation, number, &memory)
      case .error, .weightGradient: backward(operation, number, &memory)
      case .update: update(operation, number, &memory)
      }
    }
    return StepResult(loss: memory[.forward(training.loss)].elements[0], values: memory.values)
  }

  private func context(of id: NodeID, _ number: Int) -> KernelContext {
    let graph = training.graph
    let inputTypes = graph.inputTypes(of: graph[id])
    let samples = inputTypes.first?.shape.first ?? 1
    return KernelContext(
      inputTypes: inputTypes, outputTypes: graph.outputTypes(of: graph[id]),
      cells: cellRanges(samples: samples, cells: cells),
      moment: KernelMoment(
        generator: CounterGenerator(seed: seed, step: UInt64(number), stream: UInt64(id.index))))
  }

  private func forward<Scalar>(
    _ operation: TrainingGraph.Operation, _ number: Int, _ memory: inout StepMemory<Scalar>
  ) {
    guard let id = operation.node, let kernel = training.graph[id].operator.kernel else { return }
    let node = training.graph[id]
    let result = kernel.forward(node.inputs.map { memory[.forward($0)] }, context(of: id, number))
    for (output, tensor) in zip(node.outputs, result.outputs) { memory[.forward(output)] = tensor }
    for (index, tensor) in result.auxiliaries.enumerated() { memory[.auxiliary(id, index)] = tensor }
    for state in result.states where training.graph[node.inputs[state.input]].role == .state {
      memory[.forward(node.inputs[state.input])] = state.tensor
    }
  }

  private func backward<Scalar>(
    _ operation: TrainingGraph.Operation, _ number: Int, _ memory: inout StepMemory<Scalar>
  ) {
    guard let id = operation.node, let rule = operation.rule, let kernel = training.graph[id].operator.kernel
    else { return }
    let node = training.graph[id]
    var values: [GradientOperand: ReferenceTensor<Scalar>] = [:]
    for operand in rule.reads {
      switch operand {
      case .input(let input): values[operand] = memory[.forward(node.inputs[input])]
      case .output(let output): values[operand] = memory[.forward(node.outputs[output])]
      case .auxiliary(let auxiliary): values[operand] = memory[.auxiliary(id, auxiliary)]
      case .outputError(let output):
        let tensor = node.outputs[output]
        // An output that does not lead to the loss has no error; the loss leads to itself with one.
        values[operand] =
          memory.values[.error(tensor)]
          ?? ReferenceTensor(training.graph[tensor].type.shape, repeating: tensor == training.loss ? 1 : 0)
      }
    }
    let results = kernel.backward(rule, BackwardOperands(values), context(of: id, number))
    for (input, result) in zip(rule.inputs, results) {
      let tensor = node.inputs[input]
      let value: TrainingGraph.Value =
        training.graph[tensor].role == .parameter ? .gradient(tensor) : .error(tensor)
      memory.add(result, to: value)
    }
  }

  private func update<Scalar>(
    _ operation: TrainingGraph.Operation, _ number: Int, _ memory: inout StepMemory<Scalar>
  ) {
    guard let parameter = operation.parameter else { return }
    let optimizer = training.optimizer
    let places = (0..<optimizer.stateCount).map { TrainingGraph.Value.optimizerState(parameter, $0) }
    let master = TrainingGraph.Value.optimizerState(parameter, optimizer.stateCount)
    let old = memory.values[master] ?? memory[.forward(parameter)]
    let result = optimizer.updating(
      old, gradient: memory[.gradient(parameter)], states: places.map { memory.state($0, like: old) },
      step: number)
    memory[.forward(parameter)] = result.parameter
    for (place, state) in zip(places, result.states) { memory[place] = state }
    if training.masterCopies == .float32 { memory[master] = result.parameter }
  }
}

/// The values of a step while it runs.
private struct StepMemory<Scalar: KernelScalar> {
  private(set) var values: [TrainingGraph.Value: ReferenceTensor<Scalar>]

  init(
    training: TrainingGraph, tensors: [TensorID: ReferenceTensor<Scalar>],
    optimizerStates: [TrainingGraph.Value: ReferenceTensor<Scalar>]
  ) {
    values = optimizerStates
    for (index, tensor) in training.graph.tensors.enumerated() {
      let id = TensorID(index)
      if let given = tensors[id] {
        precondition(
          given.shape == tensor.type.shape, "\(tensor.name) is \(tensor.type.shape), not \(given.shape)")
        values[.forward(id)] = given
      } else if case .constant(let known?) = tensor.role, known.count == tensor.type.elementCount {
        values[.forward(id)] = ReferenceTensor(tensor.type.shape, known.map { Scalar($0) })
      }
    }
  }

  subscript(value: TrainingGraph.Value) -> ReferenceTensor<Scalar> {
    get {
      guard let tensor = values[value] else { preconditionFailure("\(value) is read before it is written") }
      return tensor
    }
    set { values[value] = newValue }
  }

  func state(_ value: TrainingGraph.Value, like other: ReferenceTensor<Scalar>) -> ReferenceTensor<Scalar> {
    values[value] ?? ReferenceTensor(other.shape)
  }

  mutating func add(_ tensor: ReferenceTensor<Scalar>, to value: TrainingGraph.Value) {
    values[value] = values[value].map { $0 + tensor } ?? tensor
  }
}

/// The ranges of samples of a grid of cells whose sizes differ by at most one, the larger ones first.
func cellRanges(samples: Int, cells: Int) -> [Range<Int>] {
  let count = min(cells, samples)
  var start = 0
  return (0..<count).map { index in
    let size = samples / count + (index < samples % count ? 1 : 0)
    defer { start += size }
    return start..<start + size
  }
}
