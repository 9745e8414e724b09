import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Planning
import Plans
import Testing
import Units

/// Executing any synchronous plan gives the result of one device.
///
/// The second implementation is the reference executor, which runs the whole training graph on one device
/// without plans, layouts or messages.
struct PlanExecutionTests {
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

  @Test func executingAPlanGivesTheResultOfOneDevice() throws {
    var checked = 0
    for one in try PlanAgreementTests.lowered(count: 150, overlaps: [.none, .backward], from: 9_000) {
      let training = one.problem.facts.training
      let graph = training.graph
      let resolved = try ResolvedPlan(one.plan, facts: one.problem.facts, machine: one.problem.machine)
      let run = try executed(
        one.tasks, of: resolved, steps: 2, library: ReferenceKernelLibrary(), scalar: .float64,
        data: { Self.datum(graph, $0, $1, $2) }, initial: { Self.start(graph, $0, $1) })
      if let fault = run.fault {
        Issue.record("seed \(one.seed): \(fault) in \(one.plan)")
        continue
      }
      let expected = try Self.reference(
        training, microBatches: one.plan.options.microBatches, steps: 2)
      for (loss, other) in zip(run.losses, expected.losses) {
        #expect(abs(loss - other) <= 1e-10 * max(1, abs(other)), "seed \(one.seed): loss")
      }
      #expect(run.replicaDifference == 0, "seed \(one.seed): replicas differ")
      Self.expectBytesAsSimulated(run, one.tasks, resolved, "seed \(one.seed)")
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        let difference = Self.difference(tensor, other)
        #expect(difference <= 1e-10, "seed \(one.seed): \(value) differs by \(difference) in \(one.plan)")
      }
      checked += 1
    }
    #expect(checked > 100)
  }

  @Test func fastKernelsInFloat32StayWithinRounding() throws {
    var checked = 0
    for one in try PlanAgreementTests.lowered(count: 60, overlaps: [.none, .backward], from: 12_000) {
      let training = one.problem.facts.training
      let graph = training.graph
      let resolved = try ResolvedPlan(one.plan, facts: one.problem.facts, machine: one.problem.machine)
      let run = try executed(
        one.tasks, of: resolved, steps: 1, library: FastKernelLibrary(), scalar: .float32,
        data: { Self.datum(graph, $0, $1, $2) }, initial: { Self.start(graph, $0, $1) })
      #expect(run.fault == nil, "seed \(one.seed)")
      let expected = try Self.reference(
        training, microBatches: one.plan.options.microBatches, steps: 1)
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        let difference = Self.difference(tensor, other, floor: 1e-2)
        #expect(difference <= 1e-4, "seed \(one.seed): \(value) differs by \(difference)")
      }
      checked += 1
    }
    #expect(checked == 60)
  }

  @Test func masksOfCutSamplesAreThoseOfWholeOnes() throws {
    var problems = PlanProblems(seed: 3)
    let machine = problems.mesh(levels: 2)
    var builder = GraphBuilder(name: "masked")
    var y = builder.sample("x", TensorType(.float32, [4, 4, 3, 3]))
    y = try builder.convolution(y, channels: 4, kernel: 3, padding: 1, bias: .absent, name: "conv")
    y = try builder.dropout(y, ratio: 0.5, name: "mask")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 4, bias: .absent, name: "last")
    let training = try differentiate(builder.build(outputs: [y]))
    let graph = training.graph
    let facts = StepFacts(training)
    let expected = try Self.reference(training, microBatches: 1, steps: 2)
    for names in [["channel", "channel"], ["batch", "channel"], ["channel", "batch"], ["batch", "batch"]] {
      let rules = graph.nodes.map { node in
        node.name == "mask" ? names : machine.groups[0].levels.map { _ in "batch" }
      }
      let plan = Plan(
        model: graph.name, machine: machine.name, batch: 4,
        stages: [
          Stage(
            group: machine.groups[0].name, nodes: graph.nodes.indices, rules: rules,
            shares: .equal(machine.groups[0]))
        ], options: StepOptions())
      let run = try executed(
        try lower(plan, facts: facts, machine: machine),
        of: try ResolvedPlan(plan, facts: facts, machine: machine), steps: 2,
        library: ReferenceKernelLibrary(), scalar: .float64, data: { Self.datum(graph, $0, $1, $2) },
        initial: { Self.start(graph, $0, $1) })
      #expect(run.fault == nil)
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        #expect(Self.difference(tensor, other) <= 1e-10, "\(names): \(value)")
      }
    }
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
