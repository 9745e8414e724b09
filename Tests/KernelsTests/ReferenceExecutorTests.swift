import Differentiation
import Graphs
import Kernels
import TestSupport
import Testing

/// A small network and its name.
struct SmallNetwork: CustomTestStringConvertible, Sendable {
  let name: String
  let graph: Graph
  var testDescription: String { name }
}

private func network(
  _ name: String, _ shape: [Int], _ body: (inout GraphBuilder, TensorID) throws -> TensorID
) -> SmallNetwork? {
  var builder = GraphBuilder(name: name)
  let x = builder.sample("x", TensorType(.float32, shape))
  guard let output = try? body(&builder, x) else { return nil }
  return SmallNetwork(name: name, graph: builder.build(outputs: [output]))
}

private let perceptron = network("perceptron", [4, 3]) { builder, x in
  let hidden = try builder.activation(try builder.dense(x, 5, name: "fc1"), .tanh, name: "tanh")
  return try builder.dense(hidden, 3, name: "fc2")
}

private let residual = network("residual block", [3, 2, 4, 4]) { builder, x in
  let stem = try builder.convolution(x, channels: 3, kernel: 3, padding: 1, name: "stem")
  var y = try builder.convolution(stem, channels: 3, kernel: 3, padding: 1, name: "conv1")
  y = try builder.relu(try builder.batchNormalization(y, name: "bn1"), name: "relu1")
  y = try builder.convolution(y, channels: 3, kernel: 3, padding: 1, bias: .present, name: "conv2")
  let sum = try builder.relu(try builder.add(y, stem, name: "sum"), name: "relu2")
  return try builder.flatten(try builder.globalAveragePool(sum, name: "pool"), name: "flatten")
}

private let dense = network("concatenation block", [2, 2, 4, 4]) { builder, x in
  let first = try builder.convolution(x, channels: 2, kernel: 1, name: "conv1")
  let second = try builder.relu(
    try builder.convolution(first, channels: 3, kernel: 3, padding: 1, name: "conv2"), name: "relu")
  let third = try builder.concatenate([first, second], name: "concat1")
  let fourth = try builder.convolution(third, channels: 2, kernel: 3, padding: 1, name: "conv3")
  // The third tensor is read twice and the first three times, so that two forks stand in a row.
  let all = try builder.concatenate([third, fourth, first], name: "concat2")
  return try builder.dense(try builder.flatten(all, name: "flatten"), 3, name: "fc")
}

private let convolutional = network("convolutions, pooling, dropout", [4, 1, 6, 6]) { builder, x in
  var y = try builder.convolution(x, channels: 3, kernel: 3, name: "conv")
  y = try builder.relu(try builder.batchNormalization(y, name: "bn"), name: "relu")
  y = try builder.maxPool(y, kernel: 2, stride: 2, name: "pool")
  y = try builder.dropout(try builder.flatten(y, name: "flatten"), ratio: 0.3, name: "dropout")
  return try builder.softmax(try builder.dense(y, 4, name: "fc"), name: "softmax")
}

private let tied = network("one parameter used twice", [3, 4]) { builder, x in
  let weight = builder.parameter("weight", TensorType(.float32, [4, 4]))
  let product = Operator.dense(Dense())
  let hidden = try builder.activation(
    try builder.add(product, [x, weight], name: "first")[0], .tanh, name: "tanh")
  return try builder.add(product, [hidden, weight], name: "second")[0]
}

private let attention = network("attention", [2, 3, 4]) { builder, x in
  func projected(_ name: String) throws -> TensorID {
    let weight = builder.parameter("\(name).weight", TensorType(.float32, [4, 4]))
    return try builder.add(
      .matrixMultiplication(MatrixMultiplication(right: .parameter)), [x, weight], name: name)[0]
  }
  let product = Operator.matrixMultiplication(MatrixMultiplication(right: .activation))
  let (query, key, value) = (try projected("query"), try projected("key"), try projected("value"))
  let turned = try builder.add(.transpose(Transpose([0, 2, 1])), [key], name: "turned")[0]
  let scores = try builder.add(product, [query, turned], name: "scores")[0]
  let scaled = try builder.add(.scaleByConstant(ScaleByConstant(factor: 0.5)), [scores], name: "scaled")[0]
  let weights = try builder.softmax(scaled, axis: 2, name: "weights")
  let mixed = try builder.add(product, [weights, value], name: "mixed")[0]
  return try builder.add(
    .reduction(Reduction(.mean, axes: [1], keepsDimensions: false)), [mixed], name: "mean")[0]
}

private let parts = network("split with an unread part, slice", [2, 6, 3]) { builder, x in
  let y = try builder.convolution1(x, channels: 6, name: "conv")
  let parts = try builder.add(.split(Split(axis: 1, sizes: [2, 1, 3])), [y], name: "split")
  let cut = try builder.add(.slice(Slice(starts: [1], ends: [3], axes: [1])), [parts[2]], name: "slice")[0]
  let product = try builder.add(.elementwise(Elementwise(.multiply)), [parts[0], cut], name: "product")[0]
  return try builder.dense(try builder.flatten(product, name: "flatten"), 3, name: "fc")
}

extension GraphBuilder {
  /// Adds a convolution over one spatial dimension with a window of one place.
  fileprivate mutating func convolution1(
    _ x: TensorID, channels: Int, name: String
  ) throws -> TensorID {
    let input = type(of: x)
    let weight = parameter("\(name).weight", TensorType(.float32, [channels, input.shape[1], 1]))
    let operation = Convolution(strides: [1], padding: [Padding(0)], dilations: [1])
    return try add(.convolution(operation), [x, weight], name: name)[0]
  }
}

let smallNetworks = [perceptron, residual, dense, convolutional, tied, attention, parts].compactMap { $0 }

/// Random samples, labels, parameters and statistics for a training graph.
func randomTensors(for graph: Graph, seed: UInt64) -> [TensorID: ReferenceTensor<Double>] {
  var random = SplitMix64(seed: seed)
  var tensors: [TensorID: ReferenceTensor<Double>] = [:]
  for (index, tensor) in graph.tensors.enumerated() {
    let filling: Filling? =
      switch tensor.role {
      case .sample, .parameter, .frozenParameter: .signed
      case .label: .whole(below: 2)
      case .state: .positive
      case .activation, .constant: nil
      }
    tensors[TensorID(index)] = filling?.tensor(tensor.type.shape, &random)
  }
  return tensors
}

@Test func allSmallNetworksWereBuilt() { #expect(smallNetworks.count == 7) }

@Test(arguments: smallNetworks)
func lossOfAWholeNetworkHasTheGradientsOfCentralDifferences(_ network: SmallNetwork) throws {
  let seed: UInt64 = 11
  let training = try differentiate(network.graph)
  let executor = try ReferenceExecutor(training, seed: 5)
  let tensors = randomTensors(for: training.graph, seed: seed)
  let result = executor.step(tensors: tensors)
  #expect(result.loss == executor.loss(tensors: tensors))
  let parameters = training.graph.tensors.indices.map { TensorID($0) }
    .filter { training.graph[$0].role == .parameter }
  #expect(Set(parameters) == Set(training.trainedParameters))
  for parameter in parameters {
    let gradient = try #require(result.gradient(parameter))
    let expected = centralDifferences(try #require(tensors[parameter])) { changed in
      var all = tensors
      all[parameter] = changed
      return executor.loss(tensors: all)
    }
    let error = relativeError(gradient.elements, expected)
    #expect(error <= 1e-6, "\(network.name), \(training.graph[parameter].name), seed \(seed): \(error)")
  }
}

@Test(arguments: smallNetworks)
func everyValueIsWrittenBeforeItIsReadAndErrorsOnce(_ network: SmallNetwork) throws {
  let training = try differentiate(network.graph, optimizer: .adam())
  var written = Set<TrainingGraph.Value>()
  for (index, tensor) in training.graph.tensors.enumerated() where tensor.role != .activation {
    written.insert(.forward(TensorID(index)))
  }
  for parameter in training.trainedParameters {
    for state in 0..<2 { written.insert(.optimizerState(parameter, state)) }
  }
  for operation in training.operations {
    for value in operation.reads { #expect(written.contains(value), "\(value) in \(network.name)") }
    for value in operation.writes {
      if case .error = value { #expect(!written.contains(value), "\(value) in \(network.name)") }
      written.insert(value)
    }
  }
}

@Test func freezingAPrefixLeavesTheOtherGradientsAsTheyWere() throws {
  let graph = try #require(dense).graph
  let whole = try differentiate(graph)
  let part = try differentiate(graph, frozen: .through(node: "relu"))
  let tensors = randomTensors(for: whole.graph, seed: 3)
  let all = try ReferenceExecutor(whole).step(tensors: tensors)
  // Roles differ, numbering does not: forks stand in the same places.
  #expect(whole.graph.tensors.map(\.name) == part.graph.tensors.map(\.name))
  let some = try ReferenceExecutor(part).step(tensors: tensors)
  #expect(all.loss == some.loss)
  for parameter in whole.trainedParameters {
    let name = whole.graph[parameter].name
    let isFrozen = name.hasPrefix("conv1") || name.hasPrefix("conv2")
    #expect(some.gradient(parameter) == (isFrozen ? nil : all.gradient(parameter)), "\(name)")
    #expect((some[parameter] == tensors[parameter]) == isFrozen, "\(name)")
  }
}

@Test func batchNormalizationMovesItsRunningStatisticsOnlyInTraining() throws {
  let graph = try #require(convolutional).graph
  let training = try differentiate(graph)
  let tensors = randomTensors(for: training.graph, seed: 3)
  let states = training.graph.tensors.indices.filter { training.graph.tensors[$0].role == .state }.map(
    TensorID.init)
  #expect(states.count == 2)
  let moved = try ReferenceExecutor(training).step(tensors: tensors)
  for state in states { #expect(moved[state] != tensors[state]) }
  let frozen = try differentiate(graph, options: DifferentiationOptions(batchNormalization: .frozen))
  let kept = try ReferenceExecutor(frozen).step(tensors: tensors)
  for state in states { #expect(kept[state] == tensors[state]) }
}

@Test func masksChangeFromStepToStepAndRepeatWithTheSeed() throws {
  let training = try differentiate(try #require(convolutional).graph)
  let tensors = randomTensors(for: training.graph, seed: 3)
  let executor = try ReferenceExecutor(training, seed: 1)
  #expect(executor.loss(1, tensors: tensors) == executor.loss(1, tensors: tensors))
  #expect(executor.loss(1, tensors: tensors) != executor.loss(2, tensors: tensors))
  #expect(
    executor.loss(1, tensors: tensors) != (try ReferenceExecutor(training, seed: 2).loss(1, tensors: tensors))
  )
}

@Test func layerTablesAreNotRun() throws {
  var builder = GraphBuilder(name: "table")
  let x = builder.sample("x", TensorType(.float32, [2, 3]))
  let layer = Tabulated(
    .dense, inputElements: 3, outputElements: 2, weightElements: 6, forwardMultiplyAccumulates: 6,
    errorMultiplyAccumulates: 6, weightGradientMultiplyAccumulates: 6)
  let loss = try builder.tabulatedLoss(try builder.tabulated(x, layer, name: "fc"))
  let training = try differentiate(builder.build(outputs: [loss]))
  #expect(throws: UnrunnableNode.self) { try ReferenceExecutor(training) }
}
