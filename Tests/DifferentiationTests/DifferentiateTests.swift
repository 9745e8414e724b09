import Diagnostics
import Differentiation
import Graphs
import Testing

@Test func operationsStandInProgramOrder() throws {
  let training = try differentiate(smallChain())
  // Each gradient follows the error of its own layer; the first layer has no error.
  #expect(
    program(training) == [
      "forward fc1", "forward relu", "forward fc2", "forward loss", "error loss", "error fc2",
      "weight-gradient fc2", "error relu", "weight-gradient fc1", "update fc2.weight", "update fc1.weight",
    ])
}

// fc1: 2 · 3 · 4 = 24, fc2: 2 · 4 · 2 = 16.
@Test func denseMultiplyAccumulatesAreCounted() throws {
  let training = try differentiate(smallChain())
  #expect(training.multiplyAccumulates(.forward) == 40)
  #expect(training.multiplyAccumulates(.error) == 16)
  #expect(training.multiplyAccumulates(.weightGradient) == 40)
  #expect(training.multiplyAccumulates(.update) == 0)
  #expect(training.trainedParameterCount == 20)
}

// fc1 and relu leave 2 · 4 elements each, fc2 2 · 2 and the loss one: 21, with as many errors; two devices
// share these. 20 parameters have 20 gradients everywhere.
@Test func activationsAndParametersArePassedOver() throws {
  let training = try differentiate(smallChain())
  #expect(training.passedElements(devices: 1) == 42 + 40)
  #expect(training.passedElements(devices: 2) == 21 + 40)
}

// Batch 4. conv1: 5 · 8 · 8 places, 3 · 3 · 3 products each; conv2: 6 · 2 · 2 places, 5 · 9 products; fc: 24
// · 10. Only conv1 has no error. Parameters: 5 · 27 + 5, 2 · 5, 6 · 45, 24 · 10 + 10; running statistics do
// not count.
@Test func convolutionalMultiplyAccumulatesAreCounted() throws {
  let training = try differentiate(smallConvolutionalNetwork())
  let (conv1, conv2, fc) = (4.0 * 320 * 27, 4.0 * 24 * 45, 4.0 * 24 * 10)
  #expect(training.multiplyAccumulates(.forward) == conv1 + conv2 + fc)
  #expect(training.multiplyAccumulates(.error) == conv2 + fc)
  #expect(training.multiplyAccumulates(.weightGradient) == conv1 + conv2 + fc)
  #expect(training.trainedParameterCount == 140 + 10 + 270 + 250)
}

@Test func batchNormalizationMakesErrorAndGradientsAtOnce() throws {
  let training = try differentiate(smallConvolutionalNetwork())
  let operations = training.operations.filter { $0.node.map { training.graph[$0].name } == "bn1" }
  #expect(operations.map(\.phase) == [.forward, .error])
  #expect(operations[1].rule?.inputs == [0, 1, 2])
  #expect(operations[1].writes.count == 3)
}

@Test func mixedOperationWithoutAnErrorIsAWeightGradientWithItsOwnWork() throws {
  var builder = GraphBuilder(name: "normalised samples")
  let x = builder.sample("x", TensorType(.float32, [4, 3]))
  let y = try builder.dense(try builder.batchNormalization(x, name: "bn"), 2, name: "fc")
  let training = try differentiate(builder.build(outputs: [y]))
  let operation = try #require(training.operations.last { $0.node.map { training.graph[$0].name } == "bn" })
  #expect(operation.phase == .weightGradient)
  #expect(operation.rule?.phase == .error)
  #expect(operation.rule?.inputs == [1, 2])
  // Five passes over 12 elements, whichever phase the operation belongs to.
  #expect(training.work(of: operation).activationElements == 60)
}

@Test func everyErrorIsWrittenOnceWhereATensorIsReadTwice() throws {
  var builder = GraphBuilder(name: "residual")
  let x = builder.sample("x", TensorType(.float32, [2, 4]))
  let stem = try builder.dense(x, 4, name: "stem")
  let y = try builder.add(try builder.dense(stem, 4, name: "branch"), stem, name: "sum")
  let training = try differentiate(builder.build(outputs: [y]))
  let errors = training.operations.flatMap(\.writes).filter { if case .error = $0 { true } else { false } }
  #expect(errors.count == Set(errors).count)
  #expect(program(training).contains("error stem.fork1"))
}

@Test func tiedParameterHasOneUpdateAndItsGradientIsAddedTo() throws {
  var builder = GraphBuilder(name: "tied")
  let x = builder.sample("x", TensorType(.float32, [2, 4]))
  let weight = builder.parameter("weight", TensorType(.float32, [4, 4]))
  let hidden = try builder.add(.dense(Dense()), [x, weight], name: "first")[0]
  let y = try builder.add(.dense(Dense()), [hidden, weight], name: "second")[0]
  let training = try differentiate(builder.build(outputs: [y]))
  #expect(training.trainedParameters == [weight])
  let gradients = training.operations.filter { $0.writes.contains(.gradient(weight)) }
  #expect(gradients.map { $0.reads.contains(.gradient(weight)) } == [false, true])
}

@Test func masterCopiesAreStatesAfterTheOptimizersOwn() throws {
  let training = try differentiate(
    smallChain(), optimizer: .momentum(), options: DifferentiationOptions(masterCopies: .float32))
  let update = try #require(training.operations.last)
  let parameter = try #require(update.parameter)
  #expect(
    update.reads == [.gradient(parameter), .optimizerState(parameter, 0), .optimizerState(parameter, 1)])
  #expect(
    update.writes == [.forward(parameter), .optimizerState(parameter, 0), .optimizerState(parameter, 1)])
}

@Test func frozenPrefixHasNoBackwardOperation() throws {
  let training = try differentiate(smallConvolutionalNetwork(), frozen: .through(node: "pool1"))
  let backward = program(training).filter { $0.hasPrefix("error") || $0.hasPrefix("weight") }
  #expect(
    backward == [
      "error loss", "error fc", "weight-gradient fc", "error dropout", "error flatten",
      "weight-gradient conv2",
    ])
  // Nothing that only a frozen layer would read backward is written: the pooling leaves no indices.
  let forward = training.operations.filter { $0.phase == .forward }
  let auxiliaries = forward.filter { operation in
    operation.writes.contains { if case .auxiliary = $0 { true } else { false } }
  }
  #expect(auxiliaries.compactMap { $0.node.map { training.graph[$0].name } } == ["dropout", "loss"])
  // Its batch normalisation keeps its running statistics.
  #expect(
    training.graph.nodes.contains { node in
      if case .batchNormalization(let rules) = node.operator { rules.mode == .frozen } else { false }
    })
  #expect(training.multiplyAccumulates(.error) == 4.0 * 24 * 10)
}

@Test func frozenParametersHaveNoUpdate() throws {
  var builder = GraphBuilder(name: "frozen bias")
  let x = builder.sample("x", TensorType(.float32, [2, 3]))
  let weight = builder.parameter("weight", TensorType(.float32, [4, 3]))
  let bias = builder.parameter("bias", TensorType(.float32, [4]), role: .frozenParameter)
  let y = try builder.add(.dense(Dense()), [x, weight, bias], name: "fc")[0]
  let training = try differentiate(builder.build(outputs: [y]))
  #expect(training.trainedParameters == [weight])
  #expect(training.operations.contains { $0.rule?.inputs == [1] })
}

@Test func unknownFrozenNodeIsNamedWithTheNearest() throws {
  let error = try #require(throws: InputError.self) {
    try differentiate(smallChain(), frozen: .through(node: "relo"))
  }
  #expect(error.diagnostics[0].hint == "did you mean relu?")
}

@Test func freezingEverythingIsAnError() throws {
  let error = try #require(throws: InputError.self) {
    try differentiate(smallChain(), frozen: .through(node: "fc2"))
  }
  #expect(error.diagnostics[0].message == "nothing of chain would be trained")
}

/// A table of two layers whose first charges the given error pass.
private func table(firstError: Double) throws -> Graph {
  func layer(_ inputs: Int, _ outputs: Int, error: Double) -> Tabulated {
    let products = Double(inputs * outputs)
    return Tabulated(
      .dense, inputElements: inputs, outputElements: outputs, weightElements: inputs * outputs,
      forwardMultiplyAccumulates: products, errorMultiplyAccumulates: error,
      weightGradientMultiplyAccumulates: products)
  }
  var builder = GraphBuilder(name: "table")
  let x = builder.sample("x", TensorType(.float32, [2, 3]))
  let hidden = try builder.tabulated(x, layer(3, 4, error: firstError), name: "fc1")
  let y = try builder.tabulated(hidden, layer(4, 5, error: 20), name: "fc2")
  let loss = try builder.tabulatedLoss(y)
  return builder.build(outputs: [loss])
}

// fc1: 12 a sample, fc2: 20 a sample, two samples.
@Test func layerTableSaysWhetherTheFirstLayerHasAnError() throws {
  let charged = try differentiate(try table(firstError: 12))
  #expect(charged.multiplyAccumulates(.error) == 64)
  #expect(program(charged).contains("error fc1"))
  let free = try differentiate(try table(firstError: 0))
  #expect(free.multiplyAccumulates(.error) == 40)
  #expect(!program(free).contains("error fc1"))
  // A table ends in its own loss, and nothing is attached.
  #expect(charged.notes.isEmpty && charged.graph.nodes.count == 3)
}

@Test func parameterWithoutInfluenceIsNoted() throws {
  var builder = GraphBuilder(name: "indices")
  let x = builder.sample("x", TensorType(.float32, [2, 3]))
  let indices = builder.parameter("indices", TensorType(.float32, [2]))
  let y = try builder.add(
    .gather(Gather(axis: 1)), [try builder.dense(x, 4, name: "fc"), indices], name: "gather")
  let training = try differentiate(builder.build(outputs: y))
  #expect(training.notes.contains("The loss does not depend on the parameter indices; it is not updated."))
  #expect(training.trainedParameters.map { training.graph[$0].name } == ["fc.bias", "fc.weight"].reversed())
}
