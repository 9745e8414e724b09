import Devices
import Differentiation
import Graphs
public import Kernels
public import Machines
public import Plans
import Units

/// How tensors are computed, whatever the plan.
public struct ExecutionSettings: Hashable, Sendable {
  /// The numbers that are computed with.
  public let scalar: KernelScalarType
  /// What masks are drawn from.
  public let seed: UInt64
  /// Whether the kernels of all ranks are of one library and one instruction set, so that activations may
  /// move between ranks as kernels like to have them.
  public let ranksAreAlike: Bool

  /// Creates settings.
  public init(scalar: KernelScalarType = .float32, seed: UInt64 = 0, ranksAreAlike: Bool = true) {
    self.scalar = scalar
    self.seed = seed
    self.ranksAreAlike = ranksAreAlike
  }
}

/// Turns the tasks of one rank into instructions over planned memory.
///
/// The tasks are taken in program order. What a task reads was left by an earlier one in some layout at some
/// place; operations without work have no task, so that what they make is found as a view of what they read.
struct ProgramBuilder {
  /// A value as a device holds it while a micro-batch passes.
  struct Place: Hashable {
    let value: TrainingGraph.Value
    let layout: Layout
    let stage: Int
    let microBatch: Int
  }

  /// A value wherever it stands in a stage.
  struct Standing: Hashable {
    let value: TrainingGraph.Value
    let stage: Int
    let microBatch: Int
  }

  /// A movement of one micro-batch.
  struct Passage: Hashable {
    let movement: Int
    let microBatch: Int
  }

  let plan: ResolvedPlan
  let tasks: TaskGraph
  let ranks: RankTable
  let rank: Int
  let library: any KernelLibrary
  let settings: ExecutionSettings
  /// For each stage the index of this rank's device in the stage's group.
  let positions: [Int?]
  let formats: MemoryFormats

  var memory = MemoryBook()
  var code: [Instruction] = []
  /// For each instruction the task that it belongs to.
  var taskOfInstruction: [Int] = []
  var task = 0
  var places: [Place: BufferReference] = [:]
  var standing: [Standing: Layout] = [:]
  /// Where the states of a movement that is under way stand.
  var passing: [Passage: [BufferReference]] = [:]
  var conversions: [Int: PreparedConversion] = [:]
  var kernels: [KernelRequest: any PreparedKernel] = [:]
  var buckets: [GradientBucketPlace] = []
  /// For each contribution of this rank to a gradient its bucket and its offset there, in elements.
  var gradientPlaces: [GradientContribution: (bucket: Int, offset: Int)] = [:]
  /// Where those contributions of cells lie that wait for others of the same node.
  var repeated: [RepeatedReading: [BufferReference]] = [:]
  /// Where contributions lie once they are summed over devices.
  var gradientSums: [GradientContribution: GradientSum] = [:]
  var statistics: [StatisticsKey: StatisticsPlace] = [:]
  var ports: [SamplePort] = []
  var statics: [StaticPlace] = []
  var losses: [LossPlace] = []
  var predictions: [PredictionPlace] = []
  var packed: [PackKey: BufferReference] = [:]
  var zeros: BufferReference?
  /// The reductions that go on beside other work, in the order in which they were begun.
  var pending: [PendingReduction] = []
  /// The exchanges that were begun in the step so far.
  var begunCount = 0

  init(
    plan: ResolvedPlan, tasks: TaskGraph, ranks: RankTable, rank: Int, library: any KernelLibrary,
    settings: ExecutionSettings
  ) {
    self.plan = plan
    self.tasks = tasks
    self.ranks = ranks
    self.rank = rank
    self.library = library
    self.settings = settings
    let device = ranks.devices[rank]
    positions = plan.stages.map { $0.group.devices.firstIndex(of: device) }
    formats = Self.memoryFormats(of: plan, tasks, library: library, settings: settings)
  }

  var graph: Graph { plan.training.graph }
  var scalarSize: Int { settings.scalar.size }
  var elementType: ElementType { settings.scalar == .float32 ? .float32 : .float64 }

  /// How elements of a type move: numbers as they are computed with, labels and words as int64.
  func movingType(of type: ElementType) -> ElementType { type.isFloatingPoint ? elementType : .int64 }

  /// How the elements of a movement move.
  func movingType(of movement: TaskGraph.Movement) -> ElementType {
    switch movement.subject {
    case .activation(let tensor), .samples(let tensor): movingType(of: graph[tensor].type.elementType)
    case .error, .parameter, .gradients, .statistics: elementType
    }
  }

  func cut(of stage: Int) -> Cut { plan.stages[stage].tasks.cut }

  /// The bytes of an element as it is kept: labels, indices and masks have their own types.
  func elementSize(of type: ElementType) -> Int {
    switch type {
    case .float16, .bfloat16, .float32, .float64: scalarSize
    case .uint8, .bool, .int8: 1
    case .int16, .uint16, .int32, .uint32, .int64, .uint64: 8
    }
  }

  // MARK: The walk

  /// Takes every task in which this rank takes part.
  mutating func build() throws(ExecutionFault) -> RankProgram {
    collectBuckets()
    for (index, item) in tasks.tasks.enumerated() {
      task = index
      try take(item)
    }
    finishPending()
    guard repeated.isEmpty else { throw ExecutionFault("\(repeated.count) parts of gradients are left over") }
    return RankProgram(
      rank: rank, code: code, taskOfInstruction: taskOfInstruction, memory: memory,
      arena: ArenaPlan(memory), scratchSize: scratchSize, ports: ports, statics: statics, losses: losses,
      predictions: predictions,
      optimizer: plan.training.optimizer, settings: settings)
  }

  private mutating func take(_ item: TaskGraph.Task) throws(ExecutionFault) {
    let microBatch = item.label.microBatch
    switch item.action {
    case .none, .samples: break
    case .operation(let index, let part):
      guard case .compute(let device, _) = item.kind, device == ranks.devices[rank] else { return }
      let operation = plan.training.operations[index]
      if let parameter = operation.parameter {
        try update(parameter)
      } else {
        try run(operation, index, part, microBatch)
      }
    case .gradientSum(let contribution):
      guard case .compute(let device, _) = item.kind, device == ranks.devices[rank] else { return }
      try addGradient(contribution)
    case .step(let movement, let step):
      guard case .collective(let collective) = item.kind,
        let position = positions[tasks.movements[movement].source.stage]
      else { return }
      let cut = cut(of: tasks.movements[movement].source.stage)
      let span = cut.ways[collective.level] * cut.strides[collective.level]
      guard (collective.firstDevice..<collective.firstDevice + span).contains(position) else { return }
      try take(step: step, of: movement, microBatch, position)
    case .transfer(let movement): try transfer(movement, microBatch)
    case .hubSend(let movement):
      guard case .exchange(let flows) = item.kind, let host = flows.first?.to else { return }
      try sumOnHost(movement, host, microBatch)
    case .hubSum: break
    case .hubReturn(let movement):
      guard case .exchange(let flows) = item.kind, let host = flows.first?.from else { return }
      returnFromHost(movement, host, microBatch)
    }
  }

  /// The scratch memory that the largest instruction needs.
  private var scratchSize: Int {
    code.reduce(0) { size, instruction in
      switch instruction {
      case .kernel(let call): max(size, call.kernel.scratchSize)
      case .pack, .sum, .clear, .exchange, .begin, .finish, .follow, .update: size
      }
    }
  }

  mutating func emit(_ instruction: Instruction, touching references: [BufferReference]) {
    for reference in references { memory.touch(reference, at: code.count) }
    code.append(instruction)
    taskOfInstruction.append(task)
  }

  /// Emits an exchange that is waited for.
  mutating func emit(
    _ program: ExchangeProgram, before: BufferReference?, after: BufferReference?
  ) {
    let call = call(program, before: before, after: after)
    emit(.exchange(call), touching: call.references)
  }

  /// An exchange with its places; what other ranks read is put where they can.
  mutating func call(
    _ program: ExchangeProgram, before: BufferReference?, after: BufferReference?
  ) -> ExchangeCall {
    let scratch = program.scratchBytes > 0 ? memory.add(size: program.scratchBytes) : nil
    let call = ExchangeCall(program: program, before: before, after: after, scratch: scratch)
    for place in call.sent { memory.share(place) }
    return call
  }

  // MARK: Where values stand

  mutating func register(
    _ value: TrainingGraph.Value, _ layout: Layout, _ stage: Int, _ microBatch: Int, at place: BufferReference
  ) {
    places[Place(value: value, layout: layout, stage: stage, microBatch: microBatch)] = place
    standing[Standing(value: value, stage: stage, microBatch: microBatch)] = layout
  }

  /// A new buffer for a value.
  mutating func allocate(
    _ value: TrainingGraph.Value, _ layout: Layout, _ stage: Int, _ microBatch: Int, size: Int
  ) -> BufferReference {
    let place = Place(value: value, layout: layout, stage: stage, microBatch: microBatch)
    if let known = places[place] { return known }
    let reference = memory.add(size: size)
    register(value, layout, stage, microBatch, at: reference)
    return reference
  }

  /// Where a value stands in a layout; slices are taken and views are found where that is needed.
  mutating func reference(
    _ value: TrainingGraph.Value, _ layout: Layout, _ stage: Int, _ microBatch: Int
  ) throws(ExecutionFault) -> BufferReference {
    if case .forward(let tensor) = value {
      switch graph[tensor].role {
      case .sample, .label: return port(tensor, layout, stage, microBatch)
      case .parameter, .frozenParameter, .state, .constant, .activation: break
      }
    }
    let place = Place(value: value, layout: layout, stage: stage, microBatch: microBatch)
    if let known = places[place] { return known }
    if standing[Standing(value: value, stage: stage, microBatch: microBatch)] == nil {
      try findView(of: value, stage, microBatch)
    }
    if let known = places[place] { return known }
    return try slice(value, to: layout, stage, microBatch)
  }

  private mutating func slice(
    _ value: TrainingGraph.Value, to layout: Layout, _ stage: Int, _ microBatch: Int
  ) throws(ExecutionFault) -> BufferReference {
    let key = Standing(value: value, stage: stage, microBatch: microBatch)
    guard let from = standing[key],
      let source = places[Place(value: value, layout: from, stage: stage, microBatch: microBatch)]
    else { throw ExecutionFault("\(describe(value)) is read before it is written") }
    let target = try sliced(value, from: source, from, to: layout, stage)
    register(value, layout, stage, microBatch, at: target)
    return target
  }

  /// A value in a layout that slices alone make of another: a view where it lies in one piece, else a copy.
  mutating func sliced(
    _ value: TrainingGraph.Value, from source: BufferReference, _ from: Layout, to layout: Layout,
    _ stage: Int
  ) throws(ExecutionFault) -> BufferReference {
    if from == layout { return source }
    let type = plan.training.type(of: value)
    guard let position = positions[stage],
      let conversion = PreparedConversion(
        type.shape, from: from, to: layout, over: cut(of: stage), device: position,
        algorithms: algorithms(of: stage), elementType: movingType(of: type.elementType)),
      let program = conversion.slice
    else { throw ExecutionFault("no task brings \(describe(value)) from \(from) to \(layout)") }
    let size = elementSize(of: type.elementType)
    if let offset = program.resultOffsetInSource { return source.advanced(by: offset * size) }
    let target = memory.add(size: program.afterCount * size)
    emit(program, before: source, after: target)
    return target
  }

  /// What an operation without work makes is what it reads.
  private mutating func findView(
    of value: TrainingGraph.Value, _ stage: Int, _ microBatch: Int
  ) throws(ExecutionFault) {
    switch value {
    case .forward(let tensor):
      guard let writer = plan.facts.producers[tensor.index], plan.stageOfNode[writer.node] == stage else {
        return
      }
      let strategy = plan.strategies[writer.node]
      guard let input = graph.nodes[writer.node].inputs.first else { return }
      let source = try reference(.forward(input), strategy.inputs[0], stage, microBatch)
      register(value, strategy.outputs[writer.output], stage, microBatch, at: source)
    case .error(let tensor):
      guard let reader = plan.facts.consumers[tensor.index], plan.stageOfNode[reader.node] == stage else {
        return
      }
      let node = graph.nodes[reader.node]
      let strategy = plan.strategies[reader.node]
      for operation in plan.facts.backward[reader.node] where operation.writes.contains(value) {
        for case .error(let read) in operation.reads {
          guard let position = node.outputs.firstIndex(of: read) else { continue }
          let source = try reference(.error(read), strategy.outputErrors[position], stage, microBatch)
          register(value, strategy.inputErrors[reader.input], stage, microBatch, at: source)
          return
        }
      }
    case .gradient, .auxiliary, .optimizerState: return
    }
  }

  func algorithms(of stage: Int) -> [CollectiveAlgorithm] {
    plan.stages[stage].group.levels.map { CollectiveAlgorithm.standard(for: $0) }
  }

  func describe(_ value: TrainingGraph.Value) -> String {
    switch value {
    case .forward(let tensor): "the tensor \(graph[tensor].name)"
    case .error(let tensor): "the error of \(graph[tensor].name)"
    case .gradient(let tensor): "the gradient of \(graph[tensor].name)"
    case .auxiliary(let node, _): "what \(graph[node].name) leaves for its backward phase"
    case .optimizerState(let tensor, _): "the optimizer's state of \(graph[tensor].name)"
    }
  }
}

/// Something that a plan asks for and that cannot be run.
public struct ExecutionFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What it is.
  public let description: String

  init(_ description: String) { self.description = description }
}

/// The devices that take part in a run, one for each rank.
public struct RankTable: Hashable, Sendable {
  /// For each rank its device.
  public let devices: [DeviceID]
  /// For each device of the machine its rank; −1 where it takes no part.
  public let rankOfDevice: [Int]

  /// Gives every device that a plan uses a rank, in the order of the machine.
  public init(_ tasks: TaskGraph, on machine: Machine) {
    var used = Set<DeviceID>()
    for task in tasks.tasks {
      switch task.kind {
      case .compute(let device, _): used.insert(device)
      case .collective(let collective): used.formUnion(machine.groups[collective.group].devices)
      case .exchange(let flows):
        if case .samples = task.action { break }
        for flow in flows { used.formUnion([flow.from, flow.to]) }
      case .storageRead, .barrier: break
      }
    }
    devices = used.sorted { $0.index < $1.index }
    var ranks = [Int](repeating: -1, count: machine.devices.count)
    for (rank, device) in devices.enumerated() { ranks[device.index] = rank }
    rankOfDevice = ranks
  }
}
