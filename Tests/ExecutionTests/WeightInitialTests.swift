import Execution
import Graphs
import TestSupport
import Testing

struct WeightInitialTests {
  /// A dense layer of 4 inputs and 3 units, with an activation behind it or none.
  private func layer(_ function: Activation.Function?) throws -> (Graph, TensorID, TensorID) {
    var builder = GraphBuilder(name: "layer")
    let x = builder.sample("x", TensorType(.float32, [2, 4]))
    var y = try builder.dense(x, 3, name: "fc")
    if let function { y = try builder.activation(y, function, name: "act") }
    let graph = builder.build(outputs: [y])
    let dense = graph.nodes[0]
    return (graph, dense.inputs[1], dense.inputs[2])
  }

  // Made by the same formulas in Python: SplitMix64's mixing function over (7, FNV-1a of "fc.weight",
  // element), the upper 24 bits as a number of [−1, 1), times √(6/4).
  @Test func `numbers are those of another implementation`() throws {
    let (graph, weight, bias) = try layer(.relu)
    let initial = InitialWeights(graph, seed: 7)
    #expect(initial.distribution(of: weight) == .uniform(bound: 1.5.squareRoot()))
    #expect(
      Array(initial.values(of: weight)[..<3]) == [
        -0.7752214670181274, -0.2272907942533493, 0.8855230212211609,
      ])
    #expect(initial.values(of: bias) == [0, 0, 0])
  }

  // Without a rectifier: √(6 ∕ (4 + 3)).
  @Test(arguments: [nil, Activation.Function.tanh, .sigmoid])
  func `the bound follows from what comes behind`(function: Activation.Function?) throws {
    let (graph, weight, _) = try layer(function)
    #expect(
      InitialWeights(graph, seed: 7).distribution(of: weight) == .uniform(bound: (6.0 / 7).squareRoot()))
  }

  @Test func `any part can be drawn alone`() throws {
    let (graph, weight, _) = try layer(.relu)
    let initial = InitialWeights(graph, seed: 3)
    let whole = initial.values(of: weight)
    var part = [Float](repeating: 9, count: 5)
    part.withUnsafeMutableBufferPointer { buffer in
      if let start = buffer.baseAddress { initial.fill(weight, elements: 4..<9, to: start) }
    }
    #expect(part == Array(whole[4..<9]))
    #expect(InitialWeights(graph, seed: 4).values(of: weight) != whole)
  }

  // The mean of n numbers of ±b has the deviation b ∕ √(3n); the variance b²∕3 that of b² √(4 ∕ (45 n)).
  @Test func `numbers have the mean and variance of their distribution`() throws {
    let graph = try BuiltInNetwork.graph(named: "resnet18", batch: 1)
    let initial = InitialWeights(graph, seed: 1)
    for (index, tensor) in graph.tensors.enumerated() where tensor.role == .parameter {
      guard case .uniform(let bound) = initial.distribution(of: TensorID(index)) else { continue }
      let part = min(20_000, tensor.type.elementCount)
      let values = [Float](unsafeUninitializedCapacity: part) { buffer, initialized in
        if let start = buffer.baseAddress {
          initial.fill(TensorID(index), elements: 0..<part, to: start)
        }
        initialized = part
      }
      let count = Double(values.count)
      let mean = values.reduce(0.0) { $0 + Double($1) } / count
      let variance = values.reduce(0.0) { $0 + Double($1) * Double($1) } / count
      #expect(abs(mean) < 5 * bound / (3 * count).squareRoot(), "\(tensor.name)")
      #expect(
        abs(variance - bound * bound / 3) < 5 * bound * bound * (4 / (45 * count)).squareRoot(),
        "\(tensor.name)")
      #expect(values.allSatisfy { abs(Double($0)) <= bound }, "\(tensor.name)")
    }
  }

  // He's bound where a rectifier follows over normalisation and additions: √(6 ∕ (3 · 7 · 7)) of the first
  // layer of ResNet-18; its last layer has 512 inputs and 1000 units and none behind it.
  @Test func `roles in a network are told apart`() throws {
    let graph = try BuiltInNetwork.graph(named: "resnet18", batch: 2)
    let initial = InitialWeights(graph, seed: 1)
    var found: [String: InitialDistribution] = [:]
    for (index, tensor) in graph.tensors.enumerated() {
      found[tensor.name] = initial.distribution(of: TensorID(index))
    }
    for node in graph.nodes {
      let names = node.inputs.map { graph[$0].name }
      switch node.operator {
      case .batchNormalization:
        #expect(names.dropFirst().map { found[$0] } == [1, 0, 0, 1].map { .constant($0) })
      case .convolution(_):
        let shape = graph[node.inputs[1]].type.shape
        let fanIn = Double(shape[1] * shape[2] * shape[3])
        #expect(found[names[1]] == .uniform(bound: (6 / fanIn).squareRoot()), "\(node.name)")
      case .dense: #expect(found[names[1]] == .uniform(bound: (6.0 / 1512).squareRoot()))
      default: break
      }
    }
    #expect(graph.nodes[0].operator.kind == "convolution")
  }

  @Test func `forks and a loss change nothing`() throws {
    let graph = try BuiltInNetwork.graph(named: "resnet18", batch: 2)
    let forked = graph.withExplicitForks()
    let (plain, other) = (InitialWeights(graph, seed: 1), InitialWeights(forked, seed: 1))
    for (index, tensor) in graph.tensors.enumerated() where tensor.role == .parameter {
      #expect(plain.distribution(of: TensorID(index)) == other.distribution(of: TensorID(index)))
    }
  }
}
