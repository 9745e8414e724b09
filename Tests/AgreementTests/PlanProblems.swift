import Devices
import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Pricing
import Results
import TestSupport
import Units

/// Random small planning problems: graphs of at most six operators besides forks and the loss, small
/// machines of every form, and random ways of running the step.
struct PlanProblems {
  var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  // MARK: Networks

  /// A chain, or a fork whose branches join again, of matrices or of images.
  mutating func training(optimizer: Optimizer? = nil) throws -> TrainingGraph {
    let isImage = random.chance(50)
    var builder = GraphBuilder(name: "random")
    let batch = random.element(of: [2, 3, 4, 6, 8])
    let shape =
      isImage ? [batch, random.element(of: [2, 3, 4]), 4, 4] : [batch, random.element(of: [2, 4, 5, 6])]
    var budget = random.number(1...(isImage ? 3 : 5))
    var y = builder.sample("x", TensorType(.float32, shape))
    if random.chance(45), budget >= 3 {
      y = try operation(y, &builder, &budget)
      y = try joined(y, &builder, &budget)
    }
    while budget > 0 { y = try operation(y, &builder, &budget) }
    if isImage { y = try builder.flatten(y, name: "flatten") }
    y = try builder.dense(
      y, random.element(of: [2, 3, 4]), bias: random.chance(50) ? .present : .absent, name: "last")
    let chosen = optimizer ?? random.element(of: [.sgd(), .momentum(), .adam()])
    return try differentiate(builder.build(outputs: [y]), optimizer: chosen)
  }

  private mutating func operation(
    _ x: TensorID, _ builder: inout GraphBuilder, _ budget: inout Int
  ) throws -> TensorID {
    budget -= 1
    let shape = builder.type(of: x).shape
    let name = "n\(budget)"
    let bias: BiasUse = random.chance(40) ? .present : .absent
    guard shape.count == 4 else {
      switch random.number(0...5) {
      case 0: return try builder.relu(x, name: name)
      case 1:
        return try builder.batchNormalization(x, mode: random.element(of: [.full, .frozen]), name: name)
      default: return try builder.dense(x, random.element(of: [2, 3, 4, 6]), bias: bias, name: name)
      }
    }
    switch random.number(0...7) {
    case 0: return try builder.relu(x, name: name)
    case 1: return try builder.batchNormalization(x, name: name)
    case 2 where shape[2] > 1: return try builder.maxPool(x, kernel: 2, stride: 2, name: name)
    case 3 where shape[2] > 1: return try builder.averagePool(x, kernel: 2, stride: 2, name: name)
    case 4 where shape[1] % 2 == 0:
      return try builder.convolution(x, channels: 4, kernel: 1, groups: 2, bias: bias, name: name)
    default:
      return try builder.convolution(
        x, channels: random.element(of: [2, 3, 4]), kernel: 3, padding: 1, bias: bias, name: name)
    }
  }

  /// Two branches of one tensor, added or concatenated.
  private mutating func joined(
    _ x: TensorID, _ builder: inout GraphBuilder, _ budget: inout Int
  ) throws -> TensorID {
    var left = x
    if budget > 1 { left = try operation(x, &builder, &budget) }
    var right = x
    if budget > 1, random.chance(50) { right = try operation(x, &builder, &budget) }
    budget -= 1
    let (one, other) = (builder.type(of: left).shape, builder.type(of: right).shape)
    if one == other, random.chance(70) { return try builder.add(left, right, name: "sum") }
    if one.dropFirst(2) == other.dropFirst(2) {
      return try builder.concatenate([left, right], axis: 1, name: "concatenation")
    }
    return left
  }

  // MARK: Machines

  /// A mesh, unlike devices joined by links, a mesh beside another device, or drives beside a host.
  mutating func machine() -> Machine {
    switch random.number(0...9) {
    case 0...4: return mesh(levels: random.number(1...2))
    case 5, 6: return unlike(count: random.number(2...3))
    case 7, 8: return meshAndDevice()
    default: return drives()
    }
  }

  mutating func mesh(levels count: Int) -> Machine {
    let levels = (0..<count).map { level($0, ways: count == 1 ? random.number(2...3) : 2) }
    let size = levels.reduce(1) { $0 * $1.ways }
    var devices = alike("accelerator", size)
    if random.chance(10) { devices[size - 1] = device("accelerator[\(size - 1)]", group: "accelerator") }
    return Machine(
      name: "mesh", devices: devices, mesh: Mesh(devices: (0..<size).map { DeviceID($0) }, levels: levels))
  }

  mutating func level(_ index: Int, ways: Int) -> MeshLevel {
    MeshLevel(
      name: "H\(index + 1)", ways: ways,
      topology: random.element(of: [.ring, .line, .fullyConnected, .switch, .tree]), bandwidth: bandwidth(),
      duplex: random.element(of: [.half, .full]), latency: latency(), energy: joulesPerByte())
  }

  private mutating func unlike(count: Int) -> Machine {
    let devices = (0..<count).map { device("device\($0)", group: "device\($0)", isProcessor: $0 == 0) }
    return joined(devices, mesh: nil, storing: [])
  }

  private mutating func meshAndDevice() -> Machine {
    let level = level(0, ways: random.number(2...3))
    let devices = alike("accelerator", level.ways) + [device("host", group: "host", isProcessor: true)]
    let mesh = Mesh(devices: (0..<level.ways).map { DeviceID($0) }, levels: [level])
    return joined(devices, mesh: mesh, storing: [])
  }

  private mutating func drives() -> Machine {
    let count = random.number(2...3)
    let devices = alike("drive", count, isDrive: true) + [device("host", group: "host", isProcessor: true)]
    return joined(devices, mesh: nil, storing: (0..<count).map { DeviceID($0) })
  }

  /// Every device has a link to a switch and one back.
  private mutating func joined(_ devices: [Device], mesh: Mesh?, storing: [DeviceID]) -> Machine {
    var links: [Link] = []
    var wires: [String] = []
    for index in devices.indices {
      let (near, far) = (Endpoint.device(DeviceID(index)), Endpoint.switch(0))
      let (rate, wait) = (bandwidth(), latency())
      let isHalf = random.chance(40)
      for (from, to, name) in [(near, far, "up \(index)"), (far, near, "down \(index)")] {
        if !isHalf || from == near { wires.append(name) }
        links.append(
          Link(
            name: name, from: from, to: to, bandwidth: rate, latency: wait, energy: joulesPerByte(),
            wire: wires.count - 1))
      }
    }
    return Machine(
      name: "joined", devices: devices, switches: ["root"], links: links, wireNames: wires, mesh: mesh,
      samples: storing.isEmpty
        ? nil : SampleLocation(devices: storing, bytesPerElement: random.element(of: [1, 4])))
  }

  private mutating func bandwidth() -> BytesPerSecond { BytesPerSecond(Double(random.number(1...50)) * 1e7) }
  private mutating func latency() -> Seconds { Seconds(Double(random.number(0...3)) * 3e-7) }
  private mutating func joulesPerByte() -> JoulesPerByte {
    JoulesPerByte(Double(random.number(1...9)) * 1e-12)
  }

  private mutating func alike(_ group: String, _ count: Int, isDrive: Bool = false) -> [Device] {
    let first = device("\(group)[0]", group: group, isDrive: isDrive)
    return (0..<count).map { index in
      Device(
        name: "\(group)[\(index)]", group: group, model: first.model, memory: first.memory,
        energyPerMultiplyAccumulate: first.energyPerMultiplyAccumulate, idlePower: first.idlePower)
    }
  }

  private mutating func device(
    _ name: String, group: String, isProcessor: Bool = false, isDrive: Bool = false
  ) -> Device {
    let peak = FLOPsPerSecond(Double(random.number(1...40)) * 1e8)
    let roofline = Roofline(
      peaks: [.float32: peak], efficiency: EfficiencyCurve(constant: 1),
      launch: Seconds(Double(random.number(0...2)) * 2e-7))
    let array = SystolicArray(rows: 4, columns: 4, clock: Hertz(Double(random.number(1...20)) * 1e7))
    let flash = Flash(
      channels: 2, diesPerChannel: 2, page: Bytes(4096), read: Seconds(5e-5), program: Seconds(5e-4),
      bus: BytesPerSecond(3e8), efficiency: 0.9)
    let model: ComputeModel =
      isDrive
      ? .nearStorage(array, flash)
      : isProcessor ? .processor(roofline) : random.chance(70) ? .gpu(roofline) : .systolicArray(array)
    return Device(
      name: name, group: group, model: model,
      memory: Memory(
        capacity: Bytes(1 << 30), bandwidth: BytesPerSecond(Double(random.number(1...20)) * 1e9),
        efficiency: 1,
        energy: JoulesPerByte(3e-12)),
      energyPerMultiplyAccumulate: JoulesPerOperation(Double(random.number(1...9)) * 1e-12),
      idlePower: Watts(Double(random.number(0...3)) * 1e-3))
  }

  // MARK: Problems

  /// A problem whose price is a sum: nothing overlaps.
  mutating func problem() throws -> PlanningProblem {
    let training = try training()
    let subsets: [[AxisRole]] = [
      [.batch, .inputChannel, .outputChannel], [.batch, .inputChannel], [.batch],
      [.inputChannel, .outputChannel],
      [.outputChannel, .batch],
    ]
    return PlanningProblem(
      facts: StepFacts(training), machine: machine(), batch: training.graph.batch,
      step: StepOptions(
        overlap: .none, reduction: random.element(of: ReductionTiming.allCases), gradientBucket: nil,
        cells: random.element(of: [nil, nil, 3, 16])),
      options: SearchOptions(
        objective: random.element(of: [.time, .communication, .energy]), axes: random.element(of: subsets)))
  }
}

/// Plans as they are evaluated: lowered, held against a memory limit and priced.
final class PlanMeasure {
  /// What is known of each plan: its objective and its highest peak, or nothing where it cannot be lowered.
  private(set) var measured: [(objective: Double, peak: Bytes)?] = []
  private var places: [Plan: Int] = [:]
  private let problem: PlanningProblem
  private let tables: CostTables

  init(_ problem: PlanningProblem) {
    self.problem = problem
    tables = CostTables(
      machine: problem.machine, precision: problem.step.precision,
      elementSizes: ElementSizes(problem.step.precision))
  }

  func value(of plan: Plan, limit: Bytes?) -> Result<PlanValue, PlanViolations> {
    do throws(PlanViolations) {
      let tasks = try lower(plan, facts: problem.facts, machine: problem.machine)
      let cost = price(tasks, costs: TaskCosts(tasks, tables: tables))
      let objective =
        switch problem.options.objective {
        case .time, .memory: Double(cost.time.picoseconds)
        case .energy: cost.energy?.value ?? .infinity
        case .communication: Double(cost.bytesMoved.count)
        }
      let peak = tasks.memory.map(\.peak).max() ?? .zero
      if places[plan] == nil {
        places[plan] = measured.count
        measured.append((objective, peak))
      }
      if let limit, peak > limit {
        throw PlanViolations([.memory(device: "some device", peak: peak, capacity: limit, task: "some task")])
      }
      return .success(PlanValue(objective: objective, time: cost.time))
    } catch {
      return .failure(error)
    }
  }
}

extension PlanningProblem {
  /// The same problem with another strategy of search.
  ///
  /// Shares are the usual ones alone, since those that are refined depend on the way to them.
  func searched(by strategy: SearchStrategy) -> PlanningProblem {
    let options = SearchOptions(
      objective: options.objective, strategy: strategy, axes: options.axes, deadline: options.deadline,
      cut: options.cut, fixed: options.fixed, fixedGroups: options.fixedGroups,
      fixedShares: options.fixedShares, refinesShares: false, onlyGroups: options.onlyGroups)
    return PlanningProblem(facts: facts, machine: machine, batch: batch, step: step, options: options)
  }

  /// A few words for a failing case.
  var summary: String {
    let nodes = facts.training.graph.nodes.map { node in
      "\(node.name): \(node.operator.rules.kind) \(facts.training.graph.outputTypes(of: node).map(\.shape))"
    }
    let groups = machine.groups.map { group in "\(group.name) \(group.levels.map(\.ways))" }
    return """
      \(options.objective), \(options.axes.map(\.rawValue)), \(step.reduction), \(machine.name) of \
      \(groups); \(nodes.joined(separator: "; "))
      """
  }
}
