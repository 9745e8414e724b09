import Differentiation
import Graphs
import Machines
import Plans
import Results
import TestMachines
import Testing
import Units

/// What cells demand of a plan, and what they cost in memory.
struct CellPlanTests {
  /// Two dense layers of 24 and 8 weights with a rectifier between them.
  private static func training(batch: Int) throws -> TrainingGraph {
    var builder = GraphBuilder(name: "pair")
    let x = builder.sample("x", TensorType(.float32, [batch, 6]))
    let hidden = try builder.relu(try builder.dense(x, 4, bias: .absent, name: "first"), name: "relu")
    let y = try builder.dense(hidden, 2, bias: .absent, name: "second")
    return try differentiate(builder.build(outputs: [y]))
  }

  private static func plan(
    batch: Int, rules: [String], weights: [Int] = [1, 1], microBatches: Int = 1, cells: Int?
  ) -> Plan {
    Plan(
      model: "pair", machine: "mesh", batch: batch,
      stages: [
        Stage(group: "mesh", nodes: 0..<4, rules: rules.map { [$0] }, shares: Shares([weights]))
      ], options: StepOptions(overlap: .none, microBatches: microBatches, gradientBucket: nil, cells: cells))
  }

  private static let batchRules = [String](repeating: "batch", count: 4)

  private func violations(batch: Int, microBatches: Int, cells: Int) throws -> [PlanViolation] {
    let training = try Self.training(batch: batch / microBatches)
    let plan = Self.plan(batch: batch, rules: Self.batchRules, microBatches: microBatches, cells: cells)
    do throws(PlanViolations) {
      _ = try lower(plan, training: training, machine: meshMachine([2], .ring))
      return []
    } catch {
      return error.violations
    }
  }

  // Cells of one size that divide over the micro-batches are needed: 6 and 8 do for two halves of 24, 5 and 9
  // do not; 16 cells of 24 samples are of two sizes.
  @Test func microBatchesHoldWholeCellsOfOneSize() throws {
    for cells in [6, 8, 12, 24] {
      #expect(try violations(batch: 24, microBatches: 2, cells: cells) == [], "\(cells) cells")
    }
    for cells in [5, 9, 16] {
      #expect(
        try violations(batch: 24, microBatches: 2, cells: cells)
          == [.cellsAcrossMicroBatches(cells: cells, count: 2)], "\(cells) cells")
    }
    #expect(try violations(batch: 24, microBatches: 1, cells: 16) == [])
  }

  // Bit for bit equal are plans that split the batch alone: a sum of addends of channels has another order.
  @Test func onlySplitsOfTheBatchKeepTheOrderOfSums() throws {
    let facts = StepFacts(try Self.training(batch: 8))
    func keeps(_ rules: [String]) throws -> Bool {
      try ResolvedPlan(
        Self.plan(batch: 8, rules: rules, cells: 4), facts: facts, machine: meshMachine([2], .ring)
      ).keepsOrder
    }
    #expect(try keeps(Self.batchRules))
    #expect(try keeps(["batch", "replicated", "batch", "batch"]))
    #expect(try !keeps(["output-channel", "channel", "input-channel", "batch"]))
    #expect(try !keeps(["input-channel", "batch", "batch", "batch"]))
    #expect(try !keeps(["batch", "batch", "output-channel", "batch"]))
    #expect(try !keeps(["batch", "partial-error", "batch", "batch"]))
  }

  private func gradients(_ weights: [Int], cells: Int?) throws -> [Int] {
    let tasks = try lower(
      Self.plan(batch: 8, rules: Self.batchRules, weights: weights, cells: cells),
      training: try Self.training(batch: 8), machine: meshMachine([2], .ring))
    return try tasks.memory.map { use in
      try #require(use.parts.first { $0.kind == "gradients" }).size.count
    }
  }

  // 32 gradients of four bytes. Three of four cells are two subtrees, so that two sums of each gradient are
  // held; without cells, and where a share is one subtree, one is. While a cell is computed its own sum comes
  // beside those before it, the larger gradient's by 96 bytes where that is the fullest moment.
  @Test func partialSumsOfGradientsAreHeld() throws {
    #expect(try gradients([3, 1], cells: nil) == [128, 128])
    #expect(try gradients([3, 1], cells: 4) == [256, 128])
    let even = try gradients([1, 1], cells: 4)
    #expect(even[0] == even[1] && [128, 128 + 32, 128 + 96].contains(even[0]))
  }

  // Gradients of 3 · 64 and 2 · 64 weights and of 64 numbers, four bytes each. Where these are scale and
  // shift at once, the parts of both stand side by side while the normalisation is computed, whose work holds
  // most.
  @Test(arguments: [nil, 2]) func partsOfOneGradientStandSideBySide(cells: Int?) throws {
    var builder = GraphBuilder(name: "repeated")
    let vector = builder.parameter("vector", TensorType(.float32, [64]))
    let x = builder.sample("x", TensorType(.float32, [2, 3]))
    let hidden = try builder.dense(x, 64, bias: .absent, name: "first")
    let normal = try builder.add(
      .layerNormalization(LayerNormalization(axis: 1)), [hidden, vector, vector], name: "norm")
    let y = try builder.dense(normal[0], 2, bias: .absent, name: "second")
    let use = try #require(
      try lower(
        Self.plan(batch: 2, rules: Self.batchRules, cells: cells),
        training: try differentiate(builder.build(outputs: [y])), machine: meshMachine([2], .ring)
      ).memory.first)
    #expect(use.task.hasSuffix("of norm"))
    #expect(use.parts.first { $0.kind == "gradients" }?.size == Bytes((3 * 64 + 2 * 64 + 64 + 64) * 4))
  }
}
