import Diagnostics
import Differentiation
import Graphs
import Testing

private func classifier(
  _ shape: [Int], _ body: (inout GraphBuilder, TensorID) throws -> [TensorID]
) throws -> Graph {
  var builder = GraphBuilder(name: "classifier")
  let x = builder.sample("x", TensorType(.float32, shape))
  let outputs = try body(&builder, x)
  return builder.build(outputs: outputs)
}

/// The kinds of the nodes in order.
private func kinds(_ training: TrainingGraph) -> [String] { training.graph.nodes.map(\.operator.kind) }

@Test func logitsGetALossWithLabels() throws {
  let training = try differentiate(smallChain())
  #expect(kinds(training) == ["dense", "relu", "dense", "softmax-cross-entropy"])
  #expect(training.graph[training.loss].type.shape == [])
  let labels = training.graph[try #require(training.graph.inputs.last)]
  #expect(labels.role == .label && labels.type == TensorType(.int64, [2]))
  #expect(training.graph.invariantViolations().isEmpty)
  #expect(training.graph.outputs == [training.loss])
}

@Test func softmaxAtTheEndBecomesPartOfTheLoss() throws {
  let training = try differentiate(smallConvolutionalNetwork())
  #expect(!kinds(training).contains("softmax"))
  #expect(training.notes.contains("The softmax softmax became part of the loss."))
  #expect(training.graph.invariantViolations().isEmpty)
}

@Test func softmaxBehindAReshapeIsFound() throws {
  let graph = try classifier([2, 3, 4, 4]) { builder, x in
    let y = try builder.convolution(x, channels: 5, kernel: 1, name: "conv")
    let z = try builder.softmax(try builder.globalAveragePool(y, name: "pool"), name: "softmax")
    return [try builder.flatten(z, name: "flatten")]
  }
  let training = try differentiate(graph)
  #expect(kinds(training) == ["convolution", "global-average-pooling", "reshape", "softmax-cross-entropy"])
  #expect(training.graph.invariantViolations().isEmpty)
}

@Test func extentsOfOneBehindTheClassesAreDropped() throws {
  let graph = try classifier([2, 3, 4, 4]) { builder, x in
    [
      try builder.globalAveragePool(
        try builder.convolution(x, channels: 5, kernel: 1, name: "conv"), name: "pool")
    ]
  }
  let training = try differentiate(graph)
  #expect(kinds(training) == ["convolution", "global-average-pooling", "reshape", "softmax-cross-entropy"])
  #expect(training.graph[try #require(training.graph.inputs.last)].type.shape == [2])
}

// Classes of three dimensions stand where the softmax says: here last, with a label for each of seven places.
@Test func classesOfASequenceAreBroughtForward() throws {
  let graph = try classifier([2, 7, 4]) { builder, x in
    let weight = builder.parameter("weight", TensorType(.float32, [4, 5]))
    let y = try builder.add(
      .matrixMultiplication(MatrixMultiplication(right: .parameter)), [x, weight], name: "projection")[0]
    return [try builder.softmax(y, axis: 2, name: "softmax")]
  }
  let training = try differentiate(graph)
  #expect(kinds(training) == ["matrix-multiplication", "transpose", "softmax-cross-entropy"])
  #expect(training.graph[try #require(training.graph.inputs.last)].type.shape == [2, 7])
  #expect(training.graph.invariantViolations().isEmpty)
}

@Test func ownLossStays() throws {
  let graph = try classifier([2, 3]) { builder, x in
    let labels = builder.label("labels", TensorType(.int64, [2]))
    return [try builder.softmaxCrossEntropy(try builder.dense(x, 4, name: "fc"), labels: labels)]
  }
  let training = try differentiate(graph)
  #expect(training.graph == graph)
  #expect(training.notes.isEmpty)
}

@Test func auxiliaryHeadsAreDroppedAndNoted() throws {
  let graph = try classifier([2, 3]) { builder, x in
    let hidden = try builder.dense(x, 4, name: "fc1")
    let head = try builder.relu(try builder.dense(hidden, 2, name: "auxiliary"), name: "auxiliary-relu")
    return [try builder.dense(hidden, 2, name: "fc2"), head]
  }
  let training = try differentiate(graph)
  #expect(kinds(training) == ["dense", "dense", "softmax-cross-entropy"])
  #expect(training.notes.contains("Other outputs are not trained: auxiliary-relu."))
  #expect(training.notes.contains("Dropped, as the loss does not depend on them: auxiliary, auxiliary-relu."))
  #expect(!training.graph.tensors.contains { $0.name == "auxiliary.weight" })
  #expect(training.graph.invariantViolations().isEmpty)
}

@Test func namesOfTheLossAvoidThoseOfTheNetwork() throws {
  let graph = try classifier([2, 3]) { builder, x in
    [try builder.dense(try builder.dense(x, 4, name: "loss"), 4, name: "labels")]
  }
  #expect(try differentiate(graph).graph.invariantViolations().isEmpty)
}

@Test func networkWithoutLogitsIsAnError() throws {
  let graph = try classifier([2, 3]) { builder, x in
    [try builder.add(.reduction(Reduction(.sum, axes: [0, 1], keepsDimensions: false)), [x], name: "sum")[0]]
  }
  let error = try #require(throws: InputError.self) { try differentiate(graph) }
  #expect(error.diagnostics[0].kind == .badModel)
}
