import Diagnostics
import Graphs
import ONNXImport
import Testing

/// What a network must have.
struct Expected: Sendable, CustomStringConvertible {
  let name: String
  let parameters: Int
  let frozen: Int
  let state: Int
  let multiplyAccumulates: Double
  var description: String { name }
}

/// The counts of each network.
///
/// From scripts/count_onnx.py, which counts with the package onnx 1.23.2 (its shape inference) and no code of
/// ours. Published and equal: AlexNet (grouped) 60 965 224, DenseNet-121 7 978 856, GoogLeNet 6 998 552,
/// ResNet-50 25 557 032 and 4.09 G, SqueezeNet 1.1 1 235 496,
/// VGG-19 143 667 240 and 19.6 G multiply-accumulates.
private let networks = [
  Expected(
    name: "bvlc_alexnet", parameters: 60_965_224, frozen: 0, state: 0, multiplyAccumulates: 654_560_384),
  Expected(
    name: "densenet121", parameters: 7_978_856, frozen: 83_648, state: 83_648,
    multiplyAccumulates: 2_834_161_664),
  Expected(
    name: "inception_v1", parameters: 6_998_552, frozen: 0, state: 0, multiplyAccumulates: 1_431_556_352),
  Expected(
    name: "inception_v2", parameters: 11_194_984, frozen: 19_904, state: 19_904,
    multiplyAccumulates: 2_018_851_840),
  Expected(
    name: "resnet50", parameters: 25_557_032, frozen: 0, state: 53_120, multiplyAccumulates: 4_089_184_256),
  Expected(
    name: "shufflenet", parameters: 1_393_320, frozen: 0, state: 26_832, multiplyAccumulates: 124_664_528),
  Expected(
    name: "squeezenet", parameters: 1_235_496, frozen: 0, state: 0, multiplyAccumulates: 349_151_936),
  Expected(
    name: "vgg19", parameters: 143_667_240, frozen: 0, state: 0, multiplyAccumulates: 19_632_062_464),
  Expected(
    name: "zfnet512", parameters: 87_250_536, frozen: 0, state: 0, multiplyAccumulates: 1_481_727_008),
]

/// The elements of all tensors in a role.
func elements(_ graph: Graph, _ role: TensorRole) -> Int {
  graph.tensors.filter { $0.role == role }.reduce(0) { $0 + $1.type.elementCount }
}

/// The multiply-accumulates of the forward phase.
func multiplyAccumulates(_ graph: Graph) -> Double {
  graph.nodes.reduce(0) { sum, node in
    let types = (graph.inputTypes(of: node), graph.outputTypes(of: node))
    return sum + node.operator.rules.work(.forward, inputs: types.0, outputs: types.1).multiplyAccumulates
  }
}

@Suite struct LightModelTests {
  @Test(arguments: networks) func importsWithThePublishedCounts(_ expected: Expected) throws {
    let path = "\(try LightModels.folder())/light_\(expected.name).onnx"
    let model = try readONNX(path: path)
    #expect(model.graph.batch == 1)
    #expect(elements(model.graph, .parameter) == expected.parameters)
    #expect(elements(model.graph, .frozenParameter) == expected.frozen)
    #expect(elements(model.graph, .state) == expected.state)
    #expect(multiplyAccumulates(model.graph) == expected.multiplyAccumulates)
    #expect(try unsupportedOperators(path: path).isEmpty)
  }

  // The files fix the batch to 1; parameters stay and everything computed for a sample grows by the batch.
  @Test(arguments: networks) func rebindsTheFixedBatch(_ expected: Expected) throws {
    let path = "\(try LightModels.folder())/light_\(expected.name).onnx"
    let one = try readONNX(path: path).graph
    let graph = try readONNX(path: path, batch: 32).graph
    #expect(graph.batch == 32)
    #expect(elements(graph, .parameter) == expected.parameters)
    #expect(multiplyAccumulates(graph) == 32 * expected.multiplyAccumulates)
    #expect(elements(graph, .activation) == 32 * elements(one, .activation))
    #expect(graph.outputs.allSatisfy { graph[$0].type.shape[0] == 32 })
  }

  // light_resnet50 fills its weights with 0.02, as the package's generator does; AlexNet's as well.
  @Test func readsFilledWeightsWithoutMakingThem() throws {
    let model = try readONNX(path: "\(try LightModels.folder())/light_vgg19.onnx")
    let index = try #require(
      model.graph.tensors.indices.first { model.graph.tensors[$0].type.elementCount == 25_088 * 4096 })
    let contents = try #require(model.contents(of: TensorID(index)))
    #expect(contents.uniformValue == Double(Float(0.02)))
    #expect(contents.type.shape == [4096, 25_088])
  }

  // onnx.numpy_helper gives conv1/bn_mean_0[0..<3] of light_densenet121 as these float32 numbers.
  @Test func readsStoredWeights() throws {
    let model = try readONNX(path: "\(try LightModels.folder())/light_densenet121.onnx")
    let index = try #require(
      model.graph.tensors.indices.first { model.graph.tensors[$0].name == "conv1/bn_mean_0" })
    let values = try #require(model.contents(of: TensorID(index))).values()
    #expect(values.count == 64)
    #expect(values.prefix(3).map { Float($0) } == [1.1511188e-02, -4.3725236e-03, -1.3129951e-03])
    let computed = model.contents(of: model.graph.outputs[0])
    #expect(computed == nil)
  }
}
