import Diagnostics
import Graphs
import ONNXImport
import Testing

@Suite struct WriteTrainedONNXTests {
  /// Numbers that differ from tensor to tensor and from element to element, exact in float32.
  private func values(_ tensor: Tensor) -> [Float] {
    let start = tensor.name.utf8.reduce(0) { ($0 * 31 + Int($1)) % 1009 }
    return (0..<tensor.type.elementCount).map { Float(start + $0 % 257) / 512 }
  }

  /// A network as differentiation makes it: with forks, labels and a loss.
  private func training(_ graph: Graph) throws -> Graph {
    var tensors = graph.tensors
    tensors.append(Tensor(name: "labels", type: TensorType(.int64, [graph.batch]), role: .label))
    tensors.append(Tensor(name: "loss", type: TensorType(.float32, []), role: .activation))
    let labels = TensorID(tensors.count - 2)
    let loss = Node(
      name: "loss", operator: .softmaxCrossEntropy(SoftmaxCrossEntropy()),
      inputs: [graph.outputs[0], labels], outputs: [TensorID(tensors.count - 1)])
    return Graph(
      name: graph.name, tensors: tensors, nodes: graph.nodes + [loss], inputs: graph.inputs + [labels],
      outputs: loss.outputs
    ).withExplicitForks()
  }

  private func comparable(_ graph: Graph) -> [String] {
    graph.nodes.map { node in
      let tensors = (node.inputs + node.outputs).map { "\(graph[$0].name) \(graph[$0].type)" }
      return "\(node.name): \(node.operator) \(tensors)"
    }
  }

  @Test(arguments: ["lenet", "mobilenet-v2"])
  func `weights are read back, and the training is left out`(name: String) throws {
    let graph = try BuiltInNetwork.graph(named: name, batch: 4)
    let trained = try training(graph)
    let bytes = try writeTrainedONNX(trained) { values(trained[$0]) }
    let model = try readONNX(bytes: bytes, name: name, batch: 4)
    #expect(comparable(model.graph) == comparable(graph))
    #expect(model.graph.outputs.map { model.graph[$0].name } == graph.outputs.map { graph[$0].name })
    #expect(model.graph.inputs.count == 1)
    for (index, tensor) in model.graph.tensors.enumerated() {
      guard tensor.role == .parameter || tensor.role == .state else { continue }
      let contents = try #require(model.contents(of: TensorID(index)))
      #expect(try contents.values().map { Float($0) } == values(tensor), "\(tensor.name)")
    }
    // Any batch is taken.
    #expect(try readONNX(bytes: bytes, name: name, batch: 9).graph.batch == 9)
  }

  @Test func `bits survive, also of numbers that are not normal`() throws {
    var builder = GraphBuilder(name: "bits")
    let x = builder.sample("x", TensorType(.float32, [1, 3]))
    let weight = builder.parameter("weight", TensorType(.float32, [2, 3]))
    let y = try builder.add(.dense(Dense()), [x, weight], name: "y")
    let numbers: [Float] = [.pi, -0.0, .leastNonzeroMagnitude, .infinity, -.greatestFiniteMagnitude, 1 / 3]
    let bytes = try writeTrainedONNX(builder.build(outputs: y)) { $0 == weight ? numbers : nil }
    let model = try readONNX(bytes: bytes, name: "bits", batch: 1)
    let contents = try #require(model.contents(of: model.graph.nodes[0].inputs[1]))
    #expect(try contents.values().map { Float($0).bitPattern } == numbers.map(\.bitPattern))
  }

  @Test func `an imported file is written with its constants`() throws {
    var builder = GraphBuilder(name: "constants")
    let x = builder.sample("x", TensorType(.float32, [2, 3]))
    let order = builder.parameter("order", TensorType(.int64, [2]), role: .constant(values: [2, 0]))
    let gathered = try builder.add(.gather(Gather(axis: 1)), [x, order], name: "gathered")[0]
    let y = try builder.dense(gathered, 2, name: "fc")
    let graph = builder.build(outputs: [y])
    let first = try readONNX(
      bytes: writeTrainedONNX(graph) { values(graph[$0]) }, name: "constants", batch: 2)
    let bytes = try writeTrainedONNX(
      first.graph, weights: { id in first.graph[id].role == .parameter ? values(first.graph[id]) : nil },
      constants: { id in try? first.contents(of: id)?.values() })
    let second = try readONNX(bytes: bytes, name: "constants", batch: 2)
    #expect(comparable(second.graph) == comparable(graph))
    #expect(second.contents(of: second.graph.nodes[1].inputs[1]) != nil)
  }

  @Test func `missing and wrong values are named`() throws {
    let graph = try BuiltInNetwork.graph(named: "lenet", batch: 1)
    let missing = #expect(throws: InputError.self) { try writeTrainedONNX(graph) { _ in nil } }
    #expect(missing?.diagnostics.first?.message == "a tensor of the trained network has no values")
    #expect(missing?.diagnostics.first?.location?.part?.hasPrefix("tensor ") == true)
    let wrong = #expect(throws: InputError.self) { try writeTrainedONNX(graph) { _ in [1] } }
    #expect(wrong?.diagnostics.first?.message.contains("has 1 values") == true)
  }
}
