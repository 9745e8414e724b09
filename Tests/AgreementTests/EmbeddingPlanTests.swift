import Differentiation
import Execution
import Graphs
import Kernels
import Machines
import Plans
import Testing
import Units

/// Tables that are cut by rows or columns over several levels, and gathers of cut data, against one device.
struct EmbeddingPlanTests {
  private static let batch = 4

  /// Tokens of three words each, of which the table has seven rows of six columns.
  private static func words() throws -> TrainingGraph {
    var builder = GraphBuilder(name: "words")
    let table = builder.parameter("table", TensorType(.float32, [7, 6]))
    var y = builder.sample("tokens", TensorType(.int64, [batch, 3]))
    y = try builder.add(.embedding(Embedding()), [y, table], name: "embedding")[0]
    y = try builder.relu(y, name: "relu")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 4, bias: .absent, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .momentum())
  }

  /// Features that are picked by constant indices, one of them from the end.
  private static func picked() throws -> TrainingGraph {
    var builder = GraphBuilder(name: "picked")
    var y = builder.sample("x", TensorType(.float32, [batch, 5, 6]))
    let indices = builder.parameter(
      "indices", TensorType(.int64, [3]), role: .constant(values: [4, 0, -1]))
    y = try builder.relu(y, name: "relu")
    y = try builder.add(.gather(Gather(axis: 1)), [y, indices], name: "gather")[0]
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 4, bias: .absent, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .sgd())
  }

  private static func expectAsOnOneDevice(
    _ training: TrainingGraph, split node: String, by names: [String], shares: [[Int]], cells: Int?
  ) throws {
    let graph = training.graph
    let machine = CellRuns.mesh(shares.map(\.count))
    let group = machine.groups[0]
    let cut = Cut(group: group, shares: Shares(shares))
    let rules = try graph.nodes.indices.map { index in
      if graph.nodes[index].name == node { return names }
      let profile = OperatorProfile(NodeID(index), in: graph)
      return try #require(profile.strategies(over: cut, axes: [.batch]).first).names
    }
    let plan = Plan(
      model: graph.name, machine: machine.name, batch: batch,
      stages: [
        Stage(group: group.name, nodes: graph.nodes.indices, rules: rules, shares: Shares(shares))
      ], options: StepOptions(cells: cells))
    let facts = StepFacts(training)
    let place: Comment = "\(graph.name), \(node) by \(names), shares \(shares)"
    let tasks = try lower(plan, facts: facts, machine: machine)
    let resolved = try ResolvedPlan(plan, facts: facts, machine: machine)
    for (library, scalar, tolerance) in [
      (ReferenceKernelLibrary(), .float64, 1e-10), (FastKernelLibrary(), .float32, 1e-4),
    ] as [(any KernelLibrary, KernelScalarType, Double)] {
      let run = try executed(
        tasks, of: resolved, steps: 2, library: library, scalar: scalar,
        data: { OneDevice.datum(graph, $0, $1, $2) },
        initial: { OneDevice.start(graph, $0, $1) })
      #expect(run.fault == nil, place)
      if run.fault != nil { return }
      let expected = try OneDevice.reference(training, microBatches: 1, steps: 2)
      for (loss, other) in zip(run.losses, expected.losses) {
        #expect(abs(loss - other) <= tolerance * max(1, abs(other)), place)
      }
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        let difference = OneDevice.difference(tensor, other, floor: 1e-2)
        #expect(difference <= tolerance, "\(value), \(scalar), \(place)")
      }
      // Words have eight bytes in either case: here all numbers have the size they are priced with.
      guard scalar == .float32 else { continue }
      OneDevice.expectBytesAsSimulated(run, tasks, resolved, place, scalar: .float32)
    }
  }

  @Test(arguments: ["input-channel", "output-channel", "batch"], [[[1, 1], [1, 1]], [[2, 1], [1, 1]]])
  func aTableIsCutByRowsAndColumns(upper: String, shares: [[Int]]) throws {
    let training = try Self.words()
    for lower in ["input-channel", "output-channel", "batch"] {
      try Self.expectAsOnOneDevice(
        training, split: "embedding", by: [upper, lower], shares: shares,
        cells: shares[0] == [1, 1] ? 4 : nil)
    }
  }

  /// Samples that are reshaped, and read twice, before anything is computed.
  private static func twoTables() throws -> TrainingGraph {
    var builder = GraphBuilder(name: "two tables")
    let tables = ["one", "other"].map { builder.parameter($0, TensorType(.float32, [7, 6])) }
    let tokens = builder.sample("tokens", TensorType(.int64, [batch, 2, 2]))
    let flat = try builder.flatten(tokens, name: "words")
    let found = try tables.map { try builder.add(.embedding(Embedding()), [flat, $0], name: "rows")[0] }
    var y = try builder.add(found[0], found[1], name: "sum")
    y = try builder.flatten(y, name: "flatten")
    y = try builder.dense(y, 4, bias: .absent, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .adam())
  }

  @Test(arguments: ["input-channel", "output-channel", "batch"])
  func samplesAreReadThroughViewsAndByTwo(upper: String) throws {
    let training = try Self.twoTables()
    for lower in ["input-channel", "batch"] {
      try Self.expectAsOnOneDevice(
        training, split: "rows", by: [upper, lower], shares: [[1, 1], [1, 1]], cells: nil)
    }
  }

  @Test func aGatherFollowsItsDataAlongEveryAxisButItsOwn() throws {
    let training = try Self.picked()
    let gather = try #require(training.graph.nodes.firstIndex { $0.name == "gather" })
    let rules = OperatorProfile(NodeID(gather), in: training.graph).rules.filter {
      !$0.outputs.contains(.partial)
    }
    #expect(rules.count > 1)
    for upper in rules {
      for lower in rules {
        try Self.expectAsOnOneDevice(
          training, split: "gather", by: [upper.name, lower.name], shares: [[1, 1], [1, 1]], cells: nil)
      }
    }
  }
}
