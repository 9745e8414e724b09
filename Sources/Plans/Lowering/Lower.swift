import Devices
public import Differentiation
import Graphs
public import Machines
import Results
import Units

/// Makes a plan explicit: every task with its resources, its dependences and its place in its device's
/// program.
///
/// The program of a device is: forward tasks in topological order, backward tasks in the reverse order,
/// updates. A pipeline of several stages sends its micro-batches forward one after another; every stage but
/// the last does all its forward work first and then takes the errors as they come back; the last turns each
/// micro-batch round at once. In a steady state every stage but the last does the next step's forward work
/// and this step's backward work by turns, one micro-batch of each.
///
/// - Parameters:
///   - plan: What to do.
///   - training: The training graph of one micro-batch.
///   - machine: Where to do it.
/// - Returns: The task graph with the peak of each device's memory.
/// - Throws: Every reason why the plan cannot run, memory included.
/// - Complexity: O(operators × devices × micro-batches).
public func lower(
  _ plan: Plan, training: TrainingGraph, machine: Machine
) throws(PlanViolations) -> TaskGraph {
  try lower(plan, facts: StepFacts(training), machine: machine)
}

/// Makes a plan explicit, as ``lower(_:training:machine:)`` does, from facts that many plans share.
public func lower(_ plan: Plan, facts: StepFacts, machine: Machine) throws(PlanViolations) -> TaskGraph {
  let resolved = try ResolvedPlan(plan, facts: facts, machine: machine)
  try checkPipeline(resolved)
  // Memory follows from the program order alone and costs little, so that a plan that does not fit is refused
  // at once.
  let memory = memoryUses(resolved)
  let violations = memory.filter { !$0.fits }.map {
    PlanViolation.memory(device: $0.device, peak: $0.peak, capacity: $0.capacity, task: $0.task)
  }
  guard violations.isEmpty else { throw PlanViolations(violations) }
  var lowering = Lowering(resolved)
  try lowering.run()
  return TaskGraph(
    tasks: lowering.list.tasks, elementSizes: ElementSizes(plan.options.precision),
    precision: plan.options.precision, steps: lowering.stepCount, memory: memory,
    movements: lowering.list.movements)
}

/// Refuses pipelines that the training algorithm does not allow.
private func checkPipeline(_ resolved: ResolvedPlan) throws(PlanViolations) {
  let count = resolved.plan.options.microBatches
  var violations: [PlanViolation] = []
  if count < 1 || resolved.plan.batch % count != 0
    || resolved.training.graph.batch * count != resolved.plan.batch
  {
    violations.append(.microBatches(batch: resolved.plan.batch, count: count))
  }
  if count > 1, violations.isEmpty,
    let grid = resolved.plan.options.grid(microBatch: resolved.training.graph.batch),
    grid.count % count != 0 || !grid.isRegular
  {
    violations.append(.cellsAcrossMicroBatches(cells: grid.count, count: count))
  }
  if count > 1 {
    for profile in resolved.profiles
    where profile.node.operator.rules.statistics(.forward, inputs: profile.inputTypes) > 0 {
      violations.append(.statisticsAcrossMicroBatches(node: profile.node.name))
      break
    }
  }
  guard violations.isEmpty else { throw PlanViolations(violations) }
}

extension ResolvedPlan {
  /// By how many micro-batches the backward work of a stage lies behind the forward work that it is woven
  /// with.
  ///
  /// The errors of a micro-batch come back through the stages after it, each of which first does the forward
  /// work of its own turn; two turns for each give them the time, so that no stage waits for the way there
  /// and back.
  func weavingLag(of stage: Int) -> Int { 2 * (stages.count - 2 - stage) }
}

/// The walk that lowers a plan: step by step, stage by stage, node by node.
struct Lowering {
  let plan: ResolvedPlan
  var list: TaskList
  /// How many training steps are unrolled: in a steady state enough that one of them meets only its like.
  let stepCount: Int
  let microBatches: Int
  var violations: [PlanViolation] = []

  /// Keyed by micro-batch: for each tensor when its value, or its error, is there for its reader.
  var forwardReady: [[Readiness?]]
  var errorReady: [[Readiness?]]
  /// For each parity of the step when what a node contributes to a gradient is complete on each device.
  var gradientReady: [[GradientContribution: Readiness]] = [[:], [:]]
  /// For each node when the parameters that live elsewhere are there, in the step that is lowered.
  var parametersReady: [Int: Readiness] = [:]
  /// For each stage when its weights of a step were updated on each device.
  var updated: [[Readiness]]
  /// For each operation its parts with the work of each device, the same in every micro-batch and step.
  private var works: [[(part: OperationPart, works: [Work])]?]

  var step = 0

  init(_ plan: ResolvedPlan) {
    self.plan = plan
    let options = plan.plan.options
    microBatches = options.microBatches
    stepCount = options.overlap == .steady ? 5 : 1
    list = TaskList(hasBarriers: options.overlap == .none)
    let none = [Readiness?](repeating: nil, count: plan.training.graph.tensors.count)
    forwardReady = Array(repeating: none, count: microBatches)
    errorReady = Array(repeating: none, count: microBatches)
    updated = Array(repeating: [], count: plan.stages.count)
    works = Array(repeating: nil, count: plan.training.operations.count)
  }

  /// The parts of the operation at a place of ``TrainingGraph/operations``.
  mutating func parts(
    of operation: TrainingGraph.Operation, _ index: Int, _ node: Int, _ tasks: StageTasks
  ) -> [(part: OperationPart, works: [Work])] {
    if let known = works[index] { return known }
    let (profile, strategy) = (plan.profiles[node], plan.strategies[node])
    let parts = tasks.parts(of: operation, profile, strategy).map { part in
      (part: part, works: tasks.work(of: operation, profile, strategy, part: part))
    }
    works[index] = parts
    return parts
  }

  mutating func run() throws(PlanViolations) {
    let last = plan.stages.count - 1
    let isSteady = stepCount > 1
    for now in 0..<stepCount {
      step = now
      bringParameters()
      for microBatch in 0..<microBatches { load(microBatch) }
      if isSteady, now > 0 {
        weaveEarlyStages(of: now)
      } else {
        for stage in 0..<last { for microBatch in 0..<microBatches { forward(stage, microBatch) } }
      }
      for microBatch in 0..<microBatches {
        forward(last, microBatch)
        backward(last, microBatch)
      }
      // In a steady state the last stage updates one step late, so that reductions run under the work of that
      // step.
      if isSteady {
        if now > 0 { update(last, of: now - 1) }
      } else {
        update(last, of: now)
        finishEarlyStages(of: now)
      }
    }
    if isSteady {
      update(last, of: stepCount - 1)
      finishEarlyStages(of: stepCount - 1)
    }
    if !violations.isEmpty { throw PlanViolations(violations) }
  }

  /// The forward work of every stage but the last, woven with the backward work of the step before and its
  /// updates, so that the activations of little more than one step are held.
  private mutating func weaveEarlyStages(of now: Int) {
    let early = plan.stages.indices.dropLast()
    let lags = early.map { plan.weavingLag(of: $0) }
    for turn in 0..<(microBatches + (lags.max() ?? 0)) {
      step = now
      if turn < microBatches { for stage in early { forward(stage, turn) } }
      step = now - 1
      for stage in early.reversed() where (lags[stage]..<(lags[stage] + microBatches)).contains(turn) {
        backward(stage, turn - lags[stage])
      }
    }
    for stage in early.reversed() { update(stage, of: now - 1) }
    step = now
  }

  /// The backward work and the updates of every stage but the last.
  private mutating func finishEarlyStages(of step: Int) {
    self.step = step
    for stage in (0..<(plan.stages.count - 1)).reversed() {
      for microBatch in 0..<microBatches { backward(stage, microBatch) }
      update(stage, of: step)
    }
  }
}
