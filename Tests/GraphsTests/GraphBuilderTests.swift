import Graphs
import Testing

@Suite struct GraphBuilderTests {
  /// A residual block with a head, in which one tensor is read twice.
  static func residual(batch: Int = 4) throws -> Graph {
    var builder = GraphBuilder(name: "residual")
    let images = builder.sample("images", TensorType(.float32, [batch, 3, 8, 8]))
    let labels = builder.label("labels", TensorType(.int64, [batch]))
    let stem = try builder.convolution(images, channels: 6, kernel: 3, padding: 1, name: "stem")
    let normalized = try builder.batchNormalization(stem, name: "bn")
    let active = try builder.relu(normalized, name: "relu")
    let branch = try builder.convolution(
      active, channels: 6, kernel: 3, padding: 1, groups: 2, name: "branch")
    let sum = try builder.add(active, branch, name: "sum")
    let pooled = try builder.globalAveragePool(sum, name: "pool")
    let flat = try builder.flatten(pooled, name: "flatten")
    let logits = try builder.dense(flat, 10, name: "fc")
    let loss = try builder.softmaxCrossEntropy(logits, labels: labels)
    return builder.build(outputs: [loss, logits])
  }

  @Test func `graphs that the builder makes hold their invariants`() throws {
    let graph = try Self.residual()
    #expect(graph.invariantViolations() == [])
    #expect(graph.batch == 4)
    #expect(graph[graph.outputs[1]].type.shape == [4, 10])
  }

  @Test func `parameters have the usual names`() throws {
    let graph = try Self.residual()
    #expect(
      graph.tensors.filter(\.role.isStatic).map(\.name) == [
        "stem.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "branch.weight",
        "fc.weight",
        "fc.bias",
      ])
    #expect(graph.tensors.first { $0.name == "branch.weight" }?.type.shape == [6, 3, 3, 3])
  }

  @Test func `equal names are told apart`() throws {
    var builder = GraphBuilder(name: "twins")
    let x = builder.sample("x", TensorType(.float32, [2, 3]))
    let first = try builder.relu(x, name: "relu")
    let second = try builder.relu(first, name: "relu")
    let graph = builder.build(outputs: [second])
    #expect(graph.nodes.map(\.name) == ["relu", "relu.2"])
    #expect(graph.invariantViolations() == [])
  }

  @Test func `a layer that does not fit is an error`() {
    var builder = GraphBuilder(name: "bad")
    let x = builder.sample("x", TensorType(.float32, [2, 3]))
    #expect(throws: ShapeError.self) { try builder.convolution(x, channels: 4, kernel: 3, name: "conv") }
    #expect(throws: ShapeError.self) { try builder.dense(x, 0, name: "fc") }
    #expect(throws: ShapeError.self) { try builder.dense(x, .max, name: "fc") }
  }
}

@Suite struct GraphInvariantsTests {
  private let type = TensorType(.float32, [2, 3])

  private func graph(_ nodes: [Node], outputs: [TensorID] = []) -> Graph {
    let tensors = ["x", "y", "z"].enumerated().map { index, name in
      Tensor(name: name, type: type, role: index == 0 ? .sample : .activation)
    }
    return Graph(name: "g", tensors: tensors, nodes: nodes, inputs: [TensorID(0)], outputs: outputs)
  }

  private func relu(_ name: String, _ input: Int, _ output: Int) -> Node {
    Node(
      name: name, operator: .activation(Activation(.relu)), inputs: [TensorID(input)],
      outputs: [TensorID(output)])
  }

  @Test func `wrong order, double sources, missing tensors and wrong types are found`() {
    #expect(graph([relu("a", 0, 1), relu("b", 1, 2)]).invariantViolations() == [])
    #expect(graph([relu("b", 1, 2), relu("a", 0, 1)]).invariantViolations().count == 1)
    #expect(graph([relu("a", 0, 1), relu("b", 0, 1)]).invariantViolations().count == 1)
    #expect(graph([relu("a", 0, 1), relu("a", 1, 2)]).invariantViolations().count == 1)
    #expect(graph([relu("a", 0, 7)]).invariantViolations().count == 1)
    #expect(graph([], outputs: [TensorID(2)]).invariantViolations().count == 1)
    let transposed = Node(
      name: "t", operator: .transpose(Transpose([1, 0])), inputs: [TensorID(0)], outputs: [TensorID(1)])
    #expect(graph([transposed]).invariantViolations().count == 1)
  }
}
