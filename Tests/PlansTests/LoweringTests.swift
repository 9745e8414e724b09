import Devices
import Differentiation
import Graphs
import Machines
import Plans
import Results
import TestMachines
import Testing
import Units

/// What lowering refuses, and the order in which it lets things happen, written down by hand.
struct LoweringTests {
  /// Two dense layers without biases on eight samples: nodes first, relu, second, loss.
  private static func training(batch: Int = 8, normalized: Bool = false) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "pair")
    let x = builder.sample("x", TensorType(.float32, [batch, 6]))
    var y = try builder.dense(x, 4, bias: .absent, name: "first")
    y =
      normalized
      ? try builder.batchNormalization(y, name: "norm") : try builder.relu(y, name: "relu")
    y = try builder.dense(y, 2, bias: .absent, name: "second")
    return try differentiate(builder.build(outputs: [y]))
  }

  private static func plan(
    _ stages: [(group: String, nodes: Range<Int>, rules: [[String]])], ways: [Int], batch: Int = 8,
    options: StepOptions = StepOptions(overlap: .none, gradientBucket: nil)
  ) -> Plan {
    Plan(
      model: "pair", machine: "machine", batch: batch,
      stages: stages.map { stage in
        Stage(
          group: stage.group, nodes: stage.nodes, rules: stage.rules,
          shares: Shares(ways.map { [Int](repeating: 1, count: $0) }))
      }, options: options)
  }

  private static let batchRules = [["batch"], ["batch"], ["batch"], ["batch"]]

  private func violations(_ plan: Plan, _ training: TrainingGraph, _ machine: Machine) -> [PlanViolation] {
    do throws(PlanViolations) {
      _ = try lower(plan, training: training, machine: machine)
      return []
    } catch {
      return error.violations
    }
  }

  @Test func everyReasonIsNamed() throws {
    let training = try Self.training()
    let machine = meshMachine([2], .ring)
    func reasons(_ rules: [[String]], nodes: Range<Int> = 0..<4, group: String = "mesh") -> [PlanViolation] {
      violations(Self.plan([(group, nodes, rules)], ways: [2]), training, machine)
    }
    #expect(reasons(Self.batchRules) == [])
    #expect(reasons(Self.batchRules, group: "gpu") == [.unknownGroup("gpu")])
    #expect(
      reasons(Array(Self.batchRules.dropLast()), nodes: 0..<3) == [.stagesDoNotCover(expected: 4, found: 3)])
    #expect(
      reasons([["row"], ["batch"], ["batch"], ["batch"]]) == [
        .unknownRule(node: "first", level: 0, rule: "row")
      ])
    // A whole cannot become addends: a fork or sum that takes addends needs them left by what is before it.
    let partial = reasons([["batch"], ["replicated"], ["batch"], ["batch"]])
    #expect(partial == [])
    let error = reasons([["batch"], ["partial-error"], ["output-channel"], ["batch"]])
    #expect(error == [])
    let whole = reasons([["batch"], ["partial-error"], ["batch"], ["batch"]])
    #expect(whole.count == 1)
    if case .noConversion = whole.first {} else { Issue.record("\(whole)") }
  }

  @Test func anAxisThatIsTooShortIsRefused() throws {
    // Two outputs of the second layer cannot be cut in three.
    let found = violations(
      Self.plan([("mesh", 0..<4, [["batch"], ["batch"], ["output-channel"], ["batch"]])], ways: [3]),
      try Self.training(), meshMachine([3], .ring))
    #expect(found == [.axisTooShort(node: "second", rule: ["output-channel"])])
  }

  @Test func devicesThatAreNotJoinedAreRefused() throws {
    // Two accelerators outside any mesh, without links: gradients cannot be summed.
    let devices = (0..<2).map { accelerator("gpu[\($0)]", group: "gpu") }
    let machine = Machine(name: "apart", devices: devices)
    let found = violations(
      Self.plan([("gpu", 0..<4, Self.batchRules)], ways: [2]), try Self.training(), machine)
    #expect(isMissingLinks(found))
    // What sends nothing needs no links.
    let alone = Machine(name: "one", devices: [devices[0], processor("host")])
    let rules = [[String]](repeating: [], count: 4)
    #expect(violations(Self.plan([("gpu", 0..<4, rules)], ways: []), try Self.training(), alone) == [])
    let cut = Self.plan([("gpu", 0..<2, Array(rules[..<2])), ("host", 2..<4, Array(rules[..<2]))], ways: [])
    #expect(isMissingLinks(violations(cut, try Self.training(), alone)))
  }

  private func isMissingLinks(_ violations: [PlanViolation]) -> Bool {
    !violations.isEmpty
      && violations.allSatisfy { if case .noRoute = $0 { true } else { false } }
  }

  @Test func microBatchesMustDivideAndLeaveStatisticsAlone() throws {
    let machine = meshMachine([2], .ring)
    let options = StepOptions(overlap: .none, microBatches: 3, gradientBucket: nil)
    let plan = Self.plan([("mesh", 0..<4, Self.batchRules)], ways: [2], options: options)
    #expect(violations(plan, try Self.training(), machine) == [.microBatches(batch: 8, count: 3)])
    let halves = Self.plan(
      [("mesh", 0..<4, Self.batchRules)], ways: [2], batch: 16,
      options: StepOptions(overlap: .none, microBatches: 2, gradientBucket: nil))
    #expect(violations(halves, try Self.training(), machine) == [])
    #expect(
      violations(halves, try Self.training(normalized: true), machine)
        == [.statisticsAcrossMicroBatches(node: "norm")])
  }

  @Test func aPrecisionWithoutAPeakIsRefused() throws {
    let options = StepOptions(overlap: .none, precision: .float16, gradientBucket: nil)
    let plan = Self.plan([("mesh", 0..<4, Self.batchRules)], ways: [2], options: options)
    #expect(
      violations(plan, try Self.training(), meshMachine([2], .ring))
        == [
          .precision(device: "accelerator[0]", precision: "float16"),
          .precision(device: "accelerator[1]", precision: "float16"),
        ])
  }

  @Test func memoryThatDoesNotHoldThePeakNamesTheTask() throws {
    // Float32 bytes on one device, by hand: weights 24 + 8 elements, gradients as many, and at the peak
    // activations and errors of the program; one byte less than the peak is refused with exactly the peak.
    let training = try Self.training()
    let rules = [[String]](repeating: [], count: 4)
    let roomy = Machine(name: "one", devices: [processor("host")])
    let plan = Self.plan([("host", 0..<4, rules)], ways: [])
    let peak = try #require(try lower(plan, training: training, machine: roomy).memory.first?.peak)
    let host = roomy.devices[0]
    let tight = Machine(
      name: "one",
      devices: [
        Device(
          name: host.name, group: host.group, model: host.model,
          memory: Memory(
            capacity: Bytes(peak.count - 1), bandwidth: host.memory.bandwidth, efficiency: 1, energy: nil),
          energyPerMultiplyAccumulate: nil, idlePower: nil)
      ])
    guard
      case .memory(let device, let stated, let capacity, let task)? = violations(plan, training, tight).first
    else {
      Issue.record("a memory one byte too small was accepted")
      return
    }
    #expect(device == "host" && stated == peak && capacity.count == peak.count - 1 && !task.isEmpty)
  }

  @Test func theProgramIsForwardThenBackwardInReverseThenUpdates() throws {
    let rules = [[String]](repeating: [], count: 4)
    let machine = Machine(name: "one", devices: [processor("host")])
    let plan = Self.plan([("host", 0..<4, rules)], ways: [])
    let tasks = try lower(plan, training: try Self.training(), machine: machine)
    #expect(
      tasks.tasks.map { "\($0.label.category.rawValue) \($0.label.name)" } == [
        "forward first", "forward relu", "forward second", "forward loss", "error loss", "error second",
        "weight-gradient second", "error relu", "weight-gradient first", "update first.weight",
        "update second.weight",
      ])
  }

  @Test func dataParallelismSumsEachGradientOnceAndNothingElse() throws {
    let tasks = try lower(
      Self.plan([("mesh", 0..<4, Self.batchRules)], ways: [2]), training: try Self.training(),
      machine: meshMachine([2], .ring))
    let collectives = tasks.tasks.compactMap { task -> String? in
      guard case .collective(let collective) = task.kind else { return nil }
      return "\(task.label.category.rawValue) \(task.label.name) \(collective.operation.rawValue)"
    }
    #expect(
      collectives == [
        "gradient second.weight reduce-scatter", "gradient second.weight all-gather",
        "gradient first.weight reduce-scatter", "gradient first.weight all-gather",
      ])
  }

  @Test func gradientsInABucketAreSummedTogether() throws {
    // 24 + 8 elements of four bytes fit in a bucket of 128 bytes; in one of 32 bytes each goes alone.
    for (limit, count) in [(128, 2), (32, 4)] {
      let options = StepOptions(overlap: .backward, gradientBucket: Bytes(limit))
      let plan = Self.plan([("mesh", 0..<4, Self.batchRules)], ways: [2], options: options)
      let tasks = try lower(plan, training: try Self.training(), machine: meshMachine([2], .ring))
      #expect(tasks.tasks.count { $0.label.category == .gradient } == count)
      let costs = TaskCosts(tasks, on: meshMachine([2], .ring))
      // Over two sides each receives half of an addend and half of the sum.
      let bytes = costs.bytesMoved.reduce(0, +)
      #expect(bytes == 256)
    }
  }
}
