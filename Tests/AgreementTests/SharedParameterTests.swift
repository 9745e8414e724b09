import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Planning
import Plans
import Pricing
import Results
import Simulation
import TestSupport
import Testing
import Units

/// Parameters that several nodes read, in one layout or in several, on the same devices or on others.
///
/// The second implementation is again the reference executor on one device, and for the search brute force
/// over whole plans.
struct SharedParameterTests {
  /// A network whose nodes share parameters.
  enum Network: CaseIterable {
    /// The table of an embedding is also the matrix that scores its rows.
    case tiedEmbedding
    /// A decoder reads the matrix of its encoder the other way round.
    case autoencoder
    /// One dense layer, weights and bias, three times.
    case repeatedLayer

    func training(_ batch: Int, _ width: Int, _ optimizer: Optimizer) throws -> TrainingGraph {
      var builder = GraphBuilder(name: "\(self)")
      switch self {
      case .tiedEmbedding:
        let table = builder.parameter("table", TensorType(.float32, [width + 2, width]))
        var y = builder.sample("tokens", TensorType(.int64, [batch]))
        y = try builder.add(.embedding(Embedding()), [y, table], name: "embedding")[0]
        y = try builder.dense(y, width, bias: .absent, name: "middle")
        y = try builder.add(.dense(Dense()), [y, table], name: "scores")[0]
        return try differentiate(builder.build(outputs: [y]), optimizer: optimizer)
      case .autoencoder:
        let matrix = builder.parameter("matrix", TensorType(.float32, [width, width + 1]))
        var y = builder.sample("x", TensorType(.float32, [batch, width + 1]))
        y = try builder.add(.dense(Dense()), [y, matrix], name: "encoder")[0]
        y = try builder.relu(y, name: "relu")
        y = try builder.add(.dense(Dense(transposeWeight: false)), [y, matrix], name: "decoder")[0]
        y = try builder.dense(y, 3, name: "last")
        return try differentiate(builder.build(outputs: [y]), optimizer: optimizer)
      case .repeatedLayer:
        let weight = builder.parameter("weight", TensorType(.float32, [width, width]))
        let bias = builder.parameter("bias", TensorType(.float32, [width]))
        var y = builder.sample("x", TensorType(.float32, [batch, width]))
        for index in 1...3 {
          y = try builder.add(.dense(Dense()), [y, weight, bias], name: "layer\(index)")[0]
        }
        return try differentiate(builder.build(outputs: [y]), optimizer: optimizer)
      }
    }
  }

  private static func options(_ problems: inout PlanProblems) -> StepOptions {
    StepOptions(
      overlap: problems.random.element(of: [.none, .backward]), microBatches: problems.random.number(1...2),
      reduction: problems.random.element(of: [.best, .eager]),
      gradientBucket: problems.random.element(of: [nil, Bytes(64), Bytes(1 << 20)]),
      cells: problems.random.element(of: [nil, nil, 2, 4]))
  }

  @Test(arguments: Network.allCases) func executingAPlanGivesTheResultOfOneDevice(network: Network) throws {
    var checked = 0
    var inSeveralPlaces = 0
    for seed in UInt64(1)...120 {
      var problems = PlanProblems(seed: seed)
      let options = Self.options(&problems)
      let training = try network.training(
        problems.random.element(of: [4, 6]), problems.random.element(of: [4, 5, 6]),
        problems.random.element(of: [.sgd(), .momentum(), .adam()]))
      let graph = training.graph
      let problem = PlanningProblem(
        facts: StepFacts(training), machine: problems.machine(), batch: graph.batch * options.microBatches,
        step: options,
        options: SearchOptions(objective: .time, axes: [.batch, .inputChannel, .outputChannel]))
      let plans = (0..<30).lazy.map { _ in problems.plan(problem) }
      guard
        let plan = plans.first(where: {
          (try? lower($0, facts: problem.facts, machine: problem.machine)) != nil
        })
      else { continue }
      let tasks = try lower(plan, facts: problem.facts, machine: problem.machine)
      let resolved = try ResolvedPlan(plan, facts: problem.facts, machine: problem.machine)
      let run = try executed(
        tasks, of: resolved, steps: 2, library: ReferenceKernelLibrary(), scalar: .float64,
        data: { OneDevice.datum(graph, $0, $1, $2) },
        initial: { OneDevice.start(graph, $0, $1) })
      let place: Comment = "\(network), seed \(seed): \(plan)"
      #expect(run.fault == nil, place)
      if run.fault != nil { continue }
      let expected = try OneDevice.reference(training, microBatches: options.microBatches, steps: 2)
      for (loss, other) in zip(run.losses, expected.losses) {
        #expect(abs(loss - other) <= 1e-10 * max(1, abs(other)), place)
      }
      #expect(run.replicaDifference == 0, place)
      OneDevice.expectBytesAsSimulated(run, tasks, resolved, place)
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        #expect(OneDevice.difference(tensor, other) <= 1e-10, "\(value), \(place)")
      }
      checked += 1
      let isMoved = problem.facts.parameterUses.contains { use in
        use.others.contains { resolved.place(of: $0) != resolved.place(of: use.home) }
      }
      inSeveralPlaces += isMoved ? 1 : 0
    }
    #expect(checked > 90)
    #expect(inSeveralPlaces > 30)
  }

  @Test(arguments: Network.allCases) func priceIsABoundOfWhatIsSimulated(network: Network) throws {
    var checked = 0
    for seed in UInt64(1)...60 {
      var problems = PlanProblems(seed: 1_000 + seed)
      let options = StepOptions(
        overlap: problems.random.element(of: Overlap.allCases), microBatches: problems.random.number(1...3),
        cells: problems.random.element(of: [nil, 2, 4]))
      let training = try network.training(4, 5, .momentum())
      let problem = PlanningProblem(
        facts: StepFacts(training), machine: problems.machine(), batch: 4 * options.microBatches,
        step: options,
        options: SearchOptions(objective: .time, axes: [.batch, .inputChannel, .outputChannel]))
      let plan = problems.plan(problem)
      guard let tasks = try? lower(plan, facts: problem.facts, machine: problem.machine) else { continue }
      let costs = TaskCosts(tasks, on: problem.machine)
      let cost = price(tasks, costs: costs)
      let makespan = simulate(tasks, costs: costs).makespan
      #expect(cost.time <= makespan && makespan <= cost.serialSum, "\(network), seed \(seed): \(plan)")
      checked += 1
      guard options.overlap != .none, plan.stages.count > 1 else { continue }
      let single = Plan(
        model: plan.model, machine: plan.machine, batch: 4, stages: plan.stages,
        options: StepOptions(
          overlap: .backward, cells: options.cells.map { max(1, $0 / options.microBatches) }))
      guard let one = try? lower(single, facts: problem.facts, machine: problem.machine) else { continue }
      let bound = repetitionBound(
        one, costs: TaskCosts(one, on: problem.machine), microBatches: options.microBatches,
        overlap: options.overlap)
      #expect(bound <= makespan, "\(network), seed \(seed): \(plan)")
    }
    #expect(checked > 20)
  }

  @Test(arguments: Network.allCases) func theExactSearchFindsWhatBruteForceFinds(network: Network) throws {
    for seed in UInt64(1)...12 {
      var problems = PlanProblems(seed: 500 + seed)
      let training = try network.training(4, problems.random.element(of: [4, 5]), .sgd())
      let problem = PlanningProblem(
        facts: StepFacts(training), machine: problems.machine(), batch: 4,
        step: StepOptions(
          overlap: .none, reduction: problems.random.element(of: ReductionTiming.allCases),
          gradientBucket: nil, cells: problems.random.element(of: [nil, 2])),
        options: SearchOptions(
          objective: problems.random.element(of: [.time, .communication]),
          axes: problems.random.element(of: [
            [.batch, .inputChannel], [.batch, .outputChannel], [.inputChannel],
          ])
        ))
      let measure = PlanMeasure(problem)
      let brute = search(problem.searched(by: .exhaustive)) { measure.value(of: $0, limit: nil) }
      let exact = search(problem.searched(by: .exact)) { measure.value(of: $0, limit: nil) }
      let place: Comment = "seed \(seed): \(problem.summary)"
      #expect(brute.isExact && exact.isExact, place)
      #expect(exact.best?.value.objective == brute.best?.value.objective, place)
      #expect(exact.best != nil, place)
    }
  }

  /// A sum of two trees over the cells must not depend on who computed which cell.
  @Test(arguments: Network.allCases) func everyDivisionOfTheBatchGivesTheSameBits(network: Network) throws {
    let training = try network.training(16, 5, .momentum())
    var bits: [TrainingGraph.Value: [Double]]?
    for ways in [[], [2], [3], [2, 2]] {
      for shares in ways == [3] ? [[[1, 1, 1]], [[3, 1, 2]]] : [nil] {
        let machine = CellRuns.mesh(ways)
        let run = try CellRuns.run(
          training, machine,
          CellRuns.dataParallel(
            training, machine, shares: shares, options: CellRuns.options(cells: 8)))
        if let bits { #expect(run.tensors == bits, "\(network) on \(ways)") }
        bits = bits ?? run.tensors
      }
    }
    let pair = CellRuns.pair()
    for cut in 1..<training.graph.nodes.count {
      let plan = CellRuns.dataParallel(
        training, pair, options: CellRuns.options(cells: 8), cuts: [cut])
      #expect(try CellRuns.run(training, pair, plan).tensors == bits, "\(network) cut at \(cut)")
    }
  }

  @Test func aSharedGradientIsReducedOnceWhereBothReadersLeaveItAlike() throws {
    // Two devices, the batch split: the table of 7 · 5 elements is all-reduced once, 2 · 35 · 4 bytes, and
    // with cells once for each of its two readers; the matrix between them of 25 elements once.
    let training = try Network.tiedEmbedding.training(4, 5, .sgd())
    let machine = CellRuns.mesh([2])
    func bytes(cells: Int?) throws -> Int {
      let plan = CellRuns.dataParallel(
        training, machine,
        options: StepOptions(overlap: .none, gradientBucket: nil, cells: cells), batch: 4)
      let tasks = try lower(plan, facts: StepFacts(training), machine: machine)
      return tasks.messageBytes(on: machine).reduce(0) { $0 + $1.bytes.count }
    }
    #expect(try bytes(cells: nil) == 2 * (35 + 25) * 4)
    #expect(try bytes(cells: 4) == 2 * (2 * 35 + 25) * 4)
  }

  @Test func aSharedTableIsHeldByEveryDeviceThatReadsItAndUpdatedByOne() throws {
    // The table has 7 · 5 elements of four bytes, the matrix between its readers 25; momentum keeps as many
    // more where a parameter lives.
    let training = try Network.tiedEmbedding.training(4, 5, .momentum())
    func parts(_ kind: String, _ machine: Machine, cuts: [Int]) throws -> [Int] {
      let plan = CellRuns.dataParallel(
        training, machine, options: StepOptions(gradientBucket: nil), cuts: cuts, batch: 4)
      return try lower(plan, facts: StepFacts(training), machine: machine).memory.map { use in
        use.parts.first { $0.kind == kind }?.size.count ?? 0
      }
    }
    let (table, matrix) = (35 * 4, 25 * 4)
    let alone = CellRuns.mesh([])
    #expect(try parts("weights", alone, cuts: []) == [table + matrix])
    #expect(try parts("gradients", alone, cuts: []) == [table + matrix])
    let pair = CellRuns.pair()
    #expect(try parts("weights", pair, cuts: [1]) == [table, table + matrix])
    #expect(try parts("optimizer state", pair, cuts: [1]) == [table, matrix])
    // The first device adds what the second one sends to what it has itself.
    #expect(try parts("gradients", pair, cuts: [1]) == [2 * table, table + matrix])
  }
}
