import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Plans
import Testing
import Units

/// What steps on made-up data come to on one device, and how a run over several is held against it.
enum OneDevice {
  /// A number between −1 and 1 that depends on nothing but its arguments.
  static func noise(_ words: Int...) -> Double {
    var state: UInt64 = 0x9E37_79B9
    for word in words {
      state = (state ^ UInt64(bitPattern: Int64(word))) &* 0xBF58_476D_1CE4_E5B9
      state ^= state >> 29
    }
    state = state &* 0x94D0_49BB_1331_11EB
    return Double(Int64(bitPattern: state ^ (state >> 31)) >> 11) * 0x1p-52
  }

  /// The value of an element of the data: labels are classes, and whole numbers name rows of a table.
  static func datum(_ graph: Graph, _ step: Int, _ tensor: TensorID, _ element: Int) -> Double {
    let value = noise(step, tensor.index, element)
    if graph[tensor].role == .sample, graph[tensor].type.elementType == .int64 {
      let rows =
        graph.nodes.first { $0.operator.rules.kind == "embedding" }
        .map { graph[$0.inputs[1]].type.shape[0] } ?? 1
      return Double(Int((value + 1) / 2 * Double(rows)) % rows)
    }
    guard graph[tensor].role == .label else { return value }
    let loss = graph.nodes.first { $0.operator.rules.isLoss }
    let classes = loss.map { graph[$0.inputs[0]].type.shape[1] } ?? 1
    return Double(Int((value + 1) / 2 * Double(classes)) % classes)
  }

  /// Parameters small, variances positive.
  static func start(_ graph: Graph, _ tensor: TensorID, _ element: Int) -> Double {
    if case .constant(let values) = graph[tensor].role, let values { return values[element] }
    let isVariance = graph.nodes.contains { node in
      if case .batchNormalization = node.operator { node.inputs[4] == tensor } else { false }
    }
    let value = noise(-1, tensor.index, element)
    return isVariance ? 1 + value / 2 : value / 2
  }

  /// The model after some steps on one device, in Float64.
  static func reference(
    _ training: TrainingGraph, microBatches: Int, steps: Int
  ) throws -> (tensors: [TrainingGraph.Value: [Double]], losses: [Double]) {
    let graph = training.graph
    let executor = try ReferenceExecutor(training, seed: 7)
    var model: [TensorID: ReferenceTensor<Double>] = [:]
    for (index, tensor) in graph.tensors.enumerated() where tensor.role.isStatic {
      model[TensorID(index)] = ReferenceTensor(
        tensor.type.shape, (0..<tensor.type.elementCount).map { start(graph, TensorID(index), $0) })
    }
    var states: [TrainingGraph.Value: ReferenceTensor<Double>] = [:]
    var losses: [Double] = []
    for step in 1...steps {
      var sums: [TensorID: [Double]] = [:]
      var loss = 0.0
      var last: ReferenceExecutor.StepResult<Double>?
      for microBatch in 0..<microBatches {
        var tensors = model
        for input in graph.inputs {
          let type = graph[input].type
          tensors[input] = ReferenceTensor(
            type.shape,
            (0..<type.elementCount).map { datum(graph, step, input, microBatch * type.elementCount + $0) })
        }
        let result = executor.step(step, tensors: tensors, optimizerStates: states)
        loss += result.loss / Double(microBatches)
        for parameter in training.trainedParameters {
          guard let gradient = result.gradient(parameter) else { continue }
          let share = gradient.elements.map { $0 / Double(microBatches) }
          sums[parameter] = sums[parameter].map { zip($0, share).map { $0 + $1 } } ?? share
        }
        last = result
      }
      losses.append(loss)
      for (index, tensor) in graph.tensors.enumerated() where tensor.role == .state {
        model[TensorID(index)] = last?[TensorID(index)] ?? model[TensorID(index)]
      }
      for parameter in training.trainedParameters {
        guard let gradient = sums[parameter], let own = model[parameter] else { continue }
        var value = own.elements
        var kept = (0..<training.optimizer.stateCount).map { index in
          states[.optimizerState(parameter, index)]?.elements ?? own.elements.map { _ in 0 }
        }
        update(&value, gradient, &kept, training.optimizer, step)
        model[parameter] = ReferenceTensor(own.shape, value)
        for (index, state) in kept.enumerated() {
          states[.optimizerState(parameter, index)] = ReferenceTensor(own.shape, state)
        }
      }
    }
    var tensors: [TrainingGraph.Value: [Double]] = [:]
    for (id, tensor) in model { tensors[.forward(id)] = tensor.elements }
    for (value, tensor) in states { tensors[value] = tensor.elements }
    return (tensors, losses)
  }

  /// The equations of ``Optimizer``, written once more.
  private static func update(
    _ w: inout [Double], _ g: [Double], _ states: inout [[Double]], _ optimizer: Optimizer, _ step: Int
  ) {
    for i in w.indices {
      switch optimizer {
      case .sgd(let rate): w[i] -= rate * g[i]
      case .momentum(let rate, let decay):
        states[0][i] = decay * states[0][i] + g[i]
        w[i] -= rate * states[0][i]
      case .adam(let rate, let beta1, let beta2, let epsilon):
        states[0][i] = beta1 * states[0][i] + (1 - beta1) * g[i]
        states[1][i] = beta2 * states[1][i] + (1 - beta2) * g[i] * g[i]
        var powers = (1.0, 1.0)
        for _ in 0..<step { powers = (powers.0 * beta1, powers.1 * beta2) }
        let root = (states[1][i] / (1 - powers.1)).squareRoot()
        w[i] -= rate * (states[0][i] / (1 - powers.0)) / (root + epsilon)
      }
    }
  }

  /// The largest norm-wise difference of a tensor.
  ///
  /// Gradients that a normalisation cancels are rounding alone, so that small norms count as `floor`.
  static func difference(_ one: [Double], _ other: [Double], floor: Double = 1e-3) -> Double {
    let distance = zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
    let norm = other.reduce(0) { $0 + $1 * $1 }.squareRoot()
    return distance / max(norm, floor)
  }

  /// What the ranks sent in two steps is what the tasks say, with numbers of eight bytes in place of four.
  static func expectBytesAsSimulated(
    _ run: ExecutedSteps, _ tasks: TaskGraph, _ resolved: ResolvedPlan, _ place: Comment,
    scalar: KernelScalarType = .float64
  ) {
    let ranks = RankTable(tasks, on: resolved.machine)
    var simulated = run.bytesSent.map { $0.map { _ in 0 } }
    for message in tasks.messageBytes(on: resolved.machine) {
      let (from, to) = (message.pair.from.index, message.pair.to.index)
      simulated[ranks.rankOfDevice[from]][ranks.rankOfDevice[to]] += message.bytes.count
    }
    #expect(run.bytesSent == simulated.map { $0.map { $0 * 2 * scalar.size / 4 } }, place)
  }
}
