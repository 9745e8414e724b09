import Datasets
import Diagnostics
import Differentiation
import Documents
import Execution
import Graphs
import Kernels
import Machines
import ONNXImport
import Plans
import Results

/// A training request with everything read and decided, the same at the coordinator and at every rank.
struct TrainingSession {
  /// The name under which the coordinator's plan stands in for a file at the ranks.
  static let planName = "the plan of this run"

  let request: TrainingRequest
  let session: Session
  let decision: Decision
  let tasks: TaskGraph
  let resolved: ResolvedPlan
  let ranks: RankTable
  /// For each rank the instructions to which it keeps; nil where nothing is said of them.
  let instructionSets: [InstructionSet?]
  /// For each rank the threads on which it computes.
  let threads: [Int]
  let training: any Dataset
  let evaluation: (any Dataset)?
  let notes: [String]
  let schedule: LearningRateSchedule
  let learningRate: Double
  /// The steps in all.
  let steps: Int
  /// What the network's file stores.
  private let contents: [String: TensorContents]

  /// Reads everything; `plan` is that of the coordinator where a rank asks.
  init(_ request: TrainingRequest, plan: String? = nil) throws {
    guard let schedule = LearningRateSchedule(words: request.schedule) else {
      throw InputError(
        .usage, "'\(request.schedule)' is no learning-rate schedule",
        hint: "there are: \(LearningRateSchedule.legal.joined(separator: ", "))")
    }
    self.request = request
    self.schedule = schedule
    session = try Session(Self.planning(request, plan: plan))
    try Self.requireRunnable(session)
    try Self.requireSamplesForAll(session, request)
    decision = try session.decide()
    tasks = try session.tasks(of: decision)
    do throws(PlanViolations) {
      resolved = try ResolvedPlan(decision.plan, facts: decision.facts, machine: decision.machine)
    } catch {
      throw InputError(.infeasible, error.violations.map(\.description).joined(separator: "; "))
    }
    ranks = RankTable(tasks, on: decision.machine)
    if let wanted = request.ranks, wanted != ranks.devices.count {
      throw InputError(
        .usage,
        "the plan runs on \(ranks.devices.count) device\(ranks.devices.count == 1 ? "" : "s"), "
          + "not on \(wanted)",
        hint: "leave out --ranks, or name a machine of \(wanted) devices")
    }
    instructionSets = try Self.instructionSets(of: ranks, on: decision.machine, request)
    threads = Self.threads(
      of: ranks.devices.map { [machine = decision.machine] in machine[$0].threads }, asked: request.threads,
      keepsOrder: decision.plan.options.cells != nil, processors: ThisComputer.processorCount)
    let (shape, classes, numbers) = try Self.samples(of: session.whole)
    let opened = try openDataset(request.data, in: request.dataFolders, numbers: numbers)
    training = try opened.training.fitted(to: shape, classes: classes)
    evaluation = request.evaluates ? try opened.evaluation?.fitted(to: shape, classes: classes) : nil
    notes = opened.notes
    contents = try session.model.contents()
    learningRate = request.learningRate ?? session.whole.optimizer.learningRate
    guard session.batch <= training.count else {
      throw InputError(
        .usage,
        "a batch of \(session.batch) is larger than the \(training.count) samples of \(training.name)",
        hint: "choose a smaller --batch")
    }
    let perEpoch = training.count / session.batch
    steps =
      switch request.length {
      case .steps(let count): count
      case .epochs(let count): count * perEpoch
      }
  }

  /// The instructions of each rank: those asked for, or else those of its device.
  private static func instructionSets(
    of ranks: RankTable, on machine: Machine, _ request: TrainingRequest
  ) throws(InputError) -> [InstructionSet?] {
    let asked = request.instructionSets
    guard asked.isEmpty else {
      guard asked.count == ranks.devices.count else {
        throw InputError(
          .usage,
          "--instruction-sets names \(asked.count), and the plan runs on "
            + "\(ranks.devices.count) device\(ranks.devices.count == 1 ? "" : "s")",
          hint: "name one for each")
      }
      try ThisComputer.require(asked)
      return asked
    }
    return try ranks.devices.map { (id) throws(InputError) in
      let device = machine[id]
      guard let set = device.instructionSet, !ThisComputer.has(set) else { return device.instructionSet }
      throw InputError(
        .badMachine,
        "the device '\(device.name)' has the instruction set '\(set.rawValue)', which this computer has not",
        at: request.planning.machine.map { SourceLocation(file: $0) },
        hint: "it has: \(ThisComputer.instructionSets.map(\.rawValue).joined(separator: ", "))")
    }
  }

  /// The threads of each rank: one where sums keep their order, those asked for, those of its device, but no
  /// more than there are processors, or its part of the processors.
  ///
  /// - Parameters:
  ///   - devices: For each rank the threads of its device, where its description says them.
  ///   - asked: What the user asks for.
  ///   - keepsOrder: Whether there is a grid of cells.
  ///   - processors: How many this computer has.
  static func threads(of devices: [Int?], asked: Int?, keepsOrder: Bool, processors: Int) -> [Int] {
    devices.map { described in
      if keepsOrder { return 1 }
      return asked ?? described.map { min($0, processors) } ?? max(1, processors / max(1, devices.count))
    }
  }

  /// Refuses what can be planned and not run.
  private static func requireRunnable(_ session: Session) throws(InputError) {
    let graph = session.whole.graph
    for node in graph.nodes {
      switch node.operator {
      case .tabulated, .tabulatedLoss:
        throw InputError(
          .badModel, "\(graph.name) is a layer table, which says what layers cost and not what they compute",
          hint: "train a network: 'partita models' lists those that are built in")
      default: break
      }
    }
    if session.request.overlap == .steady {
      throw InputError(
        .usage,
        "with --overlap steady a step uses weights that are a step old, which trains something else: it is "
          + "planned and simulated, and not run",
        hint: "use --overlap backward; with --micro-batches a pipeline overlaps within the step")
    }
    if session.request.precision != .float32 {
      throw InputError(
        .usage, "training computes in float32, not in \(session.request.precision.rawValue)",
        hint: "leave out --precision")
    }
  }

  /// Names the reason where the batch has fewer samples, or cells, than there are ranks to share it.
  private static func requireSamplesForAll(
    _ session: Session, _ request: TrainingRequest
  ) throws(InputError) {
    guard request.isDeterministic, case .search = session.request.planSource, session.planFile == nil
    else { return }
    let groups = session.machine.groups.filter { group in
      session.request.groups.map { $0.contains(group.name) } ?? true
    }
    let cells = session.request.cells.map { min($0, session.batch) }
    guard let least = groups.map(\.devices.count).min(), least > cells ?? session.batch else { return }
    let what =
      least > session.batch
      ? "a batch of \(session.batch) has no sample" : "a batch of \(cells ?? 0) cells has no cell"
    throw InputError(
      .infeasible, "\(what) for each of \(least) ranks, so that no plan can run on all of them",
      hint: least > session.batch
        ? "train a batch of at least \(least), or on fewer ranks"
        : "cut it into at least \(least) by --cells, or train on fewer ranks")
  }

  /// The planning request: without a machine equal devices of this computer, and with an order to keep only
  /// what keeps it.
  private static func planning(_ request: TrainingRequest, plan: String?) -> Request {
    var planning = request.planning
    if planning.machine == nil {
      planning.machine = "local/\(request.ranks ?? 1)"
      // Whoever asks for so many ranks wants all of them to work.
      if let count = request.ranks, planning.groups == nil {
        planning.groups = [LocalMachine(count: count).group]
      }
    }
    if let plan {
      planning.planSource = .file(planName)
      planning.fixedPlan = nil
      planning.texts[planName] = plan
      return planning
    }
    guard request.isDeterministic else { return planning }
    if planning.cells == nil, planning.planFilePath == nil { planning.cells = 16 }
    if case .search = planning.planSource, planning.fixedPlan == nil { planning.axes = [.batch] }
    return planning
  }

  /// The shape of a sample, the number of classes and the numbers that a network wants.
  private static func samples(
    of training: TrainingGraph
  ) throws(InputError) -> (shape: [Int], classes: Int, numbers: SampleNumbers) {
    let graph = training.graph
    guard !graph.nodes.contains(where: { if case .tabulated = $0.operator { true } else { false } }) else {
      throw InputError(
        .badModel, "\(graph.name) is a layer table: it says how much is computed, and not what",
        hint: "train an ONNX file, or a network that 'partita models' does not call a table")
    }
    let samples = graph.inputs.filter { graph[$0].role == .sample }
    guard samples.count == 1, let sample = samples.first else {
      throw InputError(
        .badModel, "\(graph.name) has \(samples.count) inputs for samples, and one is trained on")
    }
    guard let loss = graph.nodes.first(where: { $0.operator.rules.isLoss }), !loss.inputs.isEmpty,
      graph[loss.inputs[0]].type.shape.count == 2
    else { throw InputError(.badModel, "\(graph.name) does not tell classes of whole samples apart") }
    let type = graph[sample].type
    return (
      Array(type.shape.dropFirst()), graph[loss.inputs[0]].type.shape[1],
      type.elementType.isFloatingPoint ? .standardized : .whole(below: rows(named: sample, in: graph))
    )
  }

  /// The rows of the smallest table whose rows a tensor names; without one as many as float32 tells apart.
  private static func rows(named tensor: TensorID, in graph: Graph) -> Int {
    var names: Set<TensorID> = [tensor]
    var rows = 1 << 24
    for node in graph.nodes where node.inputs.first.map(names.contains) == true {
      switch node.operator {
      case .fork, .reshape: names.formUnion(node.outputs)
      case .embedding: rows = min(rows, graph[node.inputs[1]].type.shape[0])
      default: break
      }
    }
    return rows
  }

  /// The plan as the ranks read it.
  var planText: String {
    decision.plan.document(
      decision.training.graph, settings: session.settings(of: decision.plan).document,
      shares: session.shares(of: decision)
    ).compact
  }

  var stepsPerEpoch: Int { training.count / session.batch }

  /// Whether the same bits come out of every number of ranks.
  var isDeterministic: Bool {
    decision.plan.options.cells != nil && resolved.keepsOrder && ranksAreAlike
  }

  /// Whether all ranks compute with the same instructions.
  private var ranksAreAlike: Bool { Set(instructionSets).count <= 1 }

  /// What the ranks do.
  var job: TrainingJob {
    TrainingJob(
      plan: resolved, tasks: tasks, samples: training, seed: request.seed, steps: steps,
      learningRate: learningRate, schedule: schedule, ranksAreAlike: ranksAreAlike,
      given: { [contents] in Self.values($0, contents) })
  }

  /// What a file gives for a tensor, nil where it is to be drawn.
  ///
  /// A matrix or kernel all of whose elements are equal cannot be learned from; files without weights have
  /// such.
  static func values(_ name: String, _ contents: [String: TensorContents]) -> [Double]? {
    guard let content = contents[name] else { return nil }
    if content.uniformValue != nil, content.type.shape.count > 1 { return nil }
    return try? content.values()
  }

  func given(_ name: String) -> [Double]? { Self.values(name, contents) }

  /// The kernels of a rank.
  func library(ofRank rank: Int) -> any KernelLibrary {
    request.kernels.library(threads: threads[rank], paths: request.kernelPaths)
  }

  /// The learning rates of the run, in words that are equal where they are.
  private var scheduleWords: String {
    let words = "\(schedule.words) from \(learningRate)"
    // Such a rate depends on when the run will end.
    return words.contains("cosine") ? "\(words) over \(steps) steps" : words
  }

  /// What a checkpoint says of the run after some steps.
  func state(after step: Int, ledger: SampleLedger) -> RunState {
    RunState(
      step: step, epoch: step / stepsPerEpoch, seed: request.seed, batch: session.batch,
      cells: decision.plan.options.cells.map { min($0, session.batch) } ?? 0,
      optimizer: session.whole.optimizer.name, schedule: scheduleWords,
      schedulePosition: step, ledger: ledger.text, model: modelFingerprint(of: session.whole.graph),
      settings: [
        RunState.Setting("data", training.name),
        RunState.Setting("batch-normalization", session.request.batchNormalization.rawValue),
      ])
  }

  /// Prepares to classify the test samples, which rank 0 does; nil where there are none.
  func preparedEvaluation(_ library: any KernelLibrary) throws -> Evaluation? {
    guard let evaluation else { return nil }
    return try Evaluation(session.model.graph(batch: min(100, evaluation.count)), library: library)
  }

  /// Classifies the test samples with a trained model, which rank 0 has.
  func testAccuracy(of model: ModelTensors, by prepared: Evaluation?) throws -> Double? {
    guard let evaluation, let prepared else { return nil }
    return try prepared.accuracy(of: model.network, on: evaluation, given: given)
  }

  /// The trained network as ONNX.
  func network(of model: ModelTensors) throws(InputError) -> [UInt8] {
    let graph = try session.model.graph(batch: session.batch)
    let trained = Dictionary(
      model.network.map { ($0.name, $0.elements) }, uniquingKeysWith: { first, _ in first })
    let contents = contents
    return try writeTrainedONNX(
      graph,
      weights: { trained[graph[$0].name] ?? Self.values(graph[$0].name, contents)?.map { Float($0) } },
      constants: { try? contents[graph[$0].name]?.values() })
  }
}

extension Optimizer {
  /// The rate that is used unless another is asked for.
  fileprivate var learningRate: Double {
    switch self {
    case .sgd(let rate), .momentum(let rate, _), .adam(let rate, _, _, _): rate
    }
  }
}
