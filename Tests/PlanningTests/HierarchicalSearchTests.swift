import Devices
import Differentiation
import Graphs
import Machines
import Planning
import Plans
import Pricing
import Results
import TestSupport
import Testing
import Units

/// The hierarchical search is its definition: from the top level down, the best list of each level by brute
/// force over every list, with the levels above fixed and one device standing for everything below (HyPar,
/// Algorithms 1 and 2).
struct HierarchicalSearchTests {
  @Test func eachLevelIsTheBestListOfTheLevelsAboveIt() throws {
    for seed in UInt64(1)...60 {
      var random = SplitMix64(seed: seed)
      let training = try Self.chain(layers: Int.random(in: 1...5, using: &random), &random)
      let levels = (0..<Int.random(in: 1...3, using: &random)).map { Self.level($0, &random) }
      let objective: Objective = Bool.random(using: &random) ? .communication : .time
      let axes: [AxisRole] =
        Bool.random(using: &random) ? [.batch, .inputChannel] : [.batch, .inputChannel, .outputChannel]
      let reduction: ReductionTiming = Bool.random(using: &random) ? .lazy : .eager
      let problem = PlanningProblem(
        facts: StepFacts(training), machine: Self.machine(levels), batch: training.graph.batch,
        step: StepOptions(overlap: .none, reduction: reduction, gradientBucket: nil),
        options: SearchOptions(objective: objective, strategy: .hierarchical, axes: axes))
      let outcome = search(problem, evaluate: Self.evaluator(problem))
      let found = try #require(outcome.best?.plan.stages.first?.rules, "seed \(seed)")

      var rules = [[String]](repeating: [], count: training.graph.nodes.count)
      for count in 1...levels.count { rules = Self.bestList(under: rules, problem, Array(levels[..<count])) }
      #expect(found == rules, "seed \(seed): \(objective), \(axes.map(\.rawValue)), \(reduction)")
    }
  }

  @Test func descendsOnMeshesOnlyAndSaysThatItIsNotExact() throws {
    var random = SplitMix64(seed: 7)
    let training = try Self.chain(layers: 3, &random)
    let problem = PlanningProblem(
      facts: StepFacts(training), machine: Self.machine([Self.level(0, &random), Self.level(1, &random)]),
      batch: training.graph.batch, step: StepOptions(overlap: .none, gradientBucket: nil),
      options: SearchOptions(objective: .communication, strategy: .hierarchical))
    let outcome = search(problem, evaluate: Self.evaluator(problem))
    #expect(!outcome.isExact)
    #expect(outcome.gap == nil)
  }

  /// The best rules of the lowest of some levels; of equal lists the one whose last operator, then the one
  /// before, takes the rule that stands first.
  private static func bestList(
    under rules: [[String]], _ problem: PlanningProblem, _ levels: [MeshLevel]
  ) -> [[String]] {
    let machine = machine(levels)
    let cut = Cut(group: machine.groups[0], shares: .equal(machine.groups[0]))
    var lists: [[[String]]] = [[]]
    for (node, upper) in zip(problem.facts.training.graph.nodes.indices, rules) {
      let profile = OperatorProfile(NodeID(node), in: problem.facts.training.graph)
      let names = profile.strategies(over: cut, axes: problem.options.axes).map(\.names)
        .filter { Array($0.dropLast()) == upper }
      // The first operator varies fastest, so that the first best list is the one that is wanted.
      lists = names.flatMap { name in lists.map { $0 + [name] } }
    }
    var best: (cost: Double, rules: [[String]]) = (.infinity, [])
    for list in lists {
      let stage = Stage(
        group: DeviceGroup.meshName, nodes: 0..<list.count, rules: list, shares: .equal(machine.groups[0]))
      let plan = Plan(
        model: "table", machine: "mesh", batch: problem.batch, stages: [stage], options: problem.step)
      if let cost = value(of: plan, problem, machine), cost < best.cost { best = (cost, list) }
    }
    return best.rules
  }

  private static func evaluator(_ problem: PlanningProblem) -> PlanEvaluator {
    { plan in
      guard let value = value(of: plan, problem, problem.machine) else {
        return .failure(PlanViolations([.stagesDoNotCover(expected: 0, found: 0)]))
      }
      return .success(PlanValue(objective: value, time: .zero))
    }
  }

  private static func value(of plan: Plan, _ problem: PlanningProblem, _ machine: Machine) -> Double? {
    guard let tasks = try? lower(plan, facts: problem.facts, machine: machine) else { return nil }
    let cost = price(tasks, on: machine)
    return problem.options.objective == .communication
      ? Double(cost.bytesMoved.count) : Double(cost.time.picoseconds)
  }

  private static func chain(layers: Int, _ random: inout SplitMix64) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "table")
    var sizes = [8, 16, 24, 32, 64].shuffled(using: &random)
    sizes += [16, 8]
    var y = builder.sample("x", TensorType(.float32, [8, sizes[0]]))
    for layer in 0..<layers {
      let work = Double(Int.random(in: 1...50, using: &random) * 1000)
      y = try builder.tabulated(
        y,
        Tabulated(
          .dense, inputElements: sizes[layer], outputElements: sizes[layer + 1],
          weightElements: 8 * Int.random(in: 1...60, using: &random), forwardMultiplyAccumulates: work,
          errorMultiplyAccumulates: work, weightGradientMultiplyAccumulates: work), name: "layer\(layer)")
    }
    let loss = try builder.tabulatedLoss(y)
    return try differentiate(builder.build(outputs: [loss]))
  }

  private static func level(_ index: Int, _ random: inout SplitMix64) -> MeshLevel {
    MeshLevel(
      name: "H\(index)", ways: 2,
      topology: [.ring, .fullyConnected, .switch].randomElement(using: &random) ?? .ring,
      bandwidth: BytesPerSecond(Double(Int.random(in: 1...9, using: &random)) * 1e8), duplex: .full,
      latency: Seconds(1e-7), energy: nil)
  }

  private static func machine(_ levels: [MeshLevel]) -> Machine {
    let count = levels.reduce(1) { $0 * $1.ways }
    let devices = (0..<count).map { index in
      Device(
        name: "device[\(index)]", group: "device",
        model: .gpu(
          Roofline(
            peaks: [.float32: FLOPsPerSecond(1e10)], efficiency: EfficiencyCurve(constant: 1),
            launch: .zero)),
        memory: Memory(
          capacity: Bytes(1 << 30), bandwidth: BytesPerSecond(1e10), efficiency: 1, energy: nil),
        energyPerMultiplyAccumulate: nil, idlePower: nil)
    }
    return Machine(
      name: "mesh", devices: devices,
      mesh: Mesh(devices: devices.indices.map { DeviceID($0) }, levels: levels))
  }
}
