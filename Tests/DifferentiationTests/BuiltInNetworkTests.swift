import Differentiation
import Graphs
import Testing
import Units

/// What holds of every training step, whatever the network.
@Test(arguments: BuiltInNetwork.all)
func everyBuiltInNetworkHasAWellFormedStep(_ network: BuiltInNetwork) throws {
  let training = try differentiate(network.graph(batch: 2), optimizer: .momentum())
  #expect(training.graph.invariantViolations().isEmpty)
  var written = Set<TrainingGraph.Value>()
  for (index, tensor) in training.graph.tensors.enumerated() where tensor.role != .activation {
    written.insert(.forward(TensorID(index)))
  }
  for parameter in training.trainedParameters { written.insert(.optimizerState(parameter, 0)) }
  var isInOrder = true
  for operation in training.operations {
    isInOrder = isInOrder && operation.reads.allSatisfy(written.contains)
    for case .error(let tensor) in operation.writes {
      isInOrder = isInOrder && !written.contains(.error(tensor))
    }
    written.formUnion(operation.writes)
  }
  #expect(isInOrder)
  let parameters = training.graph.tensors.filter { $0.role == .parameter }
  #expect(training.trainedParameters.count == parameters.count)
  // The peak is at least what stays, and at most everything at once.
  let profile = training.memoryProfile { training.type(of: $0).size }
  let all = training.lifetimes().reduce(Bytes.zero) { $0 + training.type(of: $1.value).size }
  #expect(profile.peak >= training.trainedParameterCount * Bytes(8) && profile.peak <= all)
}

// 25 557 032 parameters and 4 089 184 256 multiply-accumulates a sample at 224 × 224 (torchvision's model
// card: 25 557 032 and 4.09 G). The first convolution, 64 · 112 · 112 · 3 · 7 · 7 products, has no error
// pass.
@Test func resNet50HasItsPublishedCounts() throws {
  let training = try differentiate(try BuiltInNetwork.graph(named: "resnet50", batch: 2))
  #expect(training.trainedParameterCount == 25_557_032)
  #expect(training.multiplyAccumulates(.forward) == 2 * 4_089_184_256)
  #expect(training.multiplyAccumulates(.weightGradient) == 2 * 4_089_184_256)
  #expect(training.multiplyAccumulates(.error) == 2 * (4_089_184_256 - 118_013_952))
}

// Of layer tables each layer has an error pass, the first one too, as their CSV says.
@Test func hyParTablesChargeTheFirstLayerAnErrorPass() throws {
  let tables = BuiltInNetwork.all.filter { $0.name.hasPrefix("hypar/") && !$0.name.hasSuffix("-graph") }
  #expect(tables.count == 10)
  for network in tables {
    let training = try differentiate(network.graph(batch: 1))
    let layers = training.graph.nodes.compactMap { node in
      if case .tabulated(let layer) = node.operator { layer } else { nil as Tabulated? }
    }
    let expected = layers.reduce(0) { $0 + $1.errorMultiplyAccumulates }
    #expect(training.multiplyAccumulates(.error) == expected, "\(network.name)")
    #expect(layers.first.map { $0.errorMultiplyAccumulates > 0 } == true, "\(network.name)")
  }
}
