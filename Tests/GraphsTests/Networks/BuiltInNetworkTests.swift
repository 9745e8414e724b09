import Diagnostics
import Testing
import Units

@testable import Graphs

/// What the tests count by themselves, from the tensors and the operators' own figures.
struct GraphCount {
  var parameters = 0
  var forward = 0.0

  /// Counts the nodes up to and including the one of the given name, or all.
  init(_ graph: Graph, through last: String? = nil) throws {
    var counted = Set<TensorID>()
    for node in graph.nodes {
      let work = node.operator.rules.work(
        .forward, inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node))
      forward += work.multiplyAccumulates
      for input in node.inputs where graph[input].role == .parameter && counted.insert(input).inserted {
        parameters += graph[input].type.elementCount
      }
      if node.name == last { return }
    }
    try #require(last == nil, "no node \(last ?? "") in \(graph.name)")
  }
}

struct BuiltInNetworkTests {
  /// Parameters: torchvision's documentation of each model's weights (`num_params`), which counts BN's scale
  /// and shift; AlexNet's from Caffe's `bvlc_alexnet` (60 965 224, groups included); LeNet's from Caffe's
  /// example (520 + 25 050 + 400 500 + 5 010); MobileNet's is 4.2 M in its paper, here with 21 888 of BN.
  ///
  /// Giga multiply-accumulates: torchvision's `GFLOPS` column (which counts multiply-accumulates), to its two
  /// decimals; AlexNet 724 M is the sum over its layers with groups; MobileNet's 569 M stands in its paper,
  /// table 4; LeNet: 25·20·24² + 500·50·8² + 800·500 + 500·10 = 2.293 M.
  static let published: [(name: String, parameters: Int, giga: Double, tolerance: Double)] = [
    ("lenet", 431_080, 0.002293, 1e-12),
    ("alexnet", 60_965_224, 0.724, 0.0005),
    ("vgg11", 132_863_336, 7.61, 0.005),
    ("vgg13", 133_047_848, 11.31, 0.005),
    ("vgg16", 138_357_544, 15.47, 0.005),
    ("vgg19", 143_667_240, 19.63, 0.005),
    ("vgg11-bn", 132_868_840, 7.61, 0.005),
    ("vgg13-bn", 133_053_736, 11.31, 0.005),
    ("vgg16-bn", 138_365_992, 15.47, 0.005),
    ("vgg19-bn", 143_678_248, 19.63, 0.005),
    ("resnet18", 11_689_512, 1.81, 0.005),
    ("resnet34", 21_797_672, 3.66, 0.005),
    ("resnet50", 25_557_032, 4.09, 0.005),
    ("resnet101", 44_549_160, 7.80, 0.005),
    ("resnet152", 60_192_808, 11.51, 0.005),
    ("densenet121", 7_978_856, 2.83, 0.005),
    ("mobilenet-v1", 4_231_976, 0.569, 0.0005),
    ("mobilenet-v2", 3_504_872, 0.30, 0.005),
  ]

  @Test(arguments: published)
  func hasThePublishedParametersAndWork(name: String, parameters: Int, giga: Double, tolerance: Double) throws
  {
    let count = try GraphCount(BuiltInNetwork.graph(named: name, batch: 1))
    #expect(count.parameters == parameters)
    #expect(abs(count.forward / 1e9 - giga) <= tolerance, "\(count.forward)")
  }

  @Test func everyNetworkButHyParsHasItsPublishedFiguresTested() {
    #expect(BuiltInNetwork.names.filter { !$0.hasPrefix("hypar/") } == Self.published.map(\.name))
  }

  /// Multiply-accumulates, activations over input and parameters before a cut, as printed to a few digits in
  /// a study of near-storage training cuts that counted the same networks layer by layer on its own.
  static let cuts: [(name: String, node: String, percent: Double, ratio: Double, millions: Double)] = [
    ("alexnet", "pool1", 14.6, 0.45, 0.035),
    ("alexnet", "pool2", 45.5, 0.28, 0.342),
    ("alexnet", "pool5", 91.9, 0.06, 2.33),
    ("vgg16", "features.4", 12.5, 5.33, 0.039),
    ("vgg16", "features.9", 30.5, 2.67, 0.26),
    ("vgg16", "features.16", 60.3, 1.33, 1.74),
    ("vgg16", "features.23", 90.2, 0.67, 7.6),
    ("vgg16", "features.30", 99.2, 0.17, 14.7),
    ("resnet18", "maxpool", 6.5, 1.33, 0.010),
    ("resnet18", "layer1.1.relu2", 32.0, 1.33, 0.16),
    ("resnet18", "layer2.1.relu2", 54.7, 0.67, 0.68),
    ("resnet18", "layer3.1.relu2", 77.3, 0.33, 2.8),
    ("resnet18", "layer4.1.relu2", 100, 0.17, 11.2),
    ("resnet50", "maxpool", 2.9, 1.33, 0.010),
    ("resnet50", "layer1.2.relu3", 19.2, 5.33, 0.23),
    ("resnet50", "layer2.3.relu3", 44.4, 2.67, 1.45),
    ("resnet50", "layer3.5.relu3", 80.2, 1.33, 8.5),
    ("resnet50", "layer4.2.relu3", 99.9, 0.67, 23.5),
    ("resnet50", "avgpool", 99.9, 0.014, 23.5),
    ("mobilenet-v1", "separable1.pointwise.relu", 7.1, 5.33, 0.003),
    ("mobilenet-v1", "separable2.pointwise.relu", 11.9, 2.67, 0.013),
    ("mobilenet-v1", "separable4.pointwise.relu", 26.2, 1.33, 0.065),
    ("mobilenet-v1", "separable6.pointwise.relu", 40.2, 0.67, 0.27),
    ("mobilenet-v1", "separable11.pointwise.relu", 86.1, 0.67, 1.6),
    ("mobilenet-v1", "avgpool", 99.8, 0.007, 3.2),
  ]

  @Test(arguments: cuts)
  func cutsWhereTheStudyCuts(
    name: String, node: String, percent: Double, ratio: Double, millions: Double
  ) throws {
    let graph = try BuiltInNetwork.graph(named: name, batch: 1)
    let whole = try GraphCount(graph)
    let front = try GraphCount(graph, through: node)
    let cut = try #require(graph.nodes.first { $0.name == node })
    let images = graph[graph.inputs[0]].type.elementCount
    let elements = graph.outputTypes(of: cut)[0].elementCount
    #expect(abs(100 * front.forward / whole.forward - percent) <= 0.051)
    #expect(abs(Double(elements) / Double(images) - ratio) <= 0.0051)
    // The parameters are printed with two or three digits, some cut off instead of rounded.
    #expect(abs(Double(front.parameters) / 1e6 - millions) <= max(0.0006, 0.025 * millions))
  }

  @Test(arguments: BuiltInNetwork.names)
  func isWellFormed(name: String) throws {
    let graph = try BuiltInNetwork.graph(named: name, batch: 2)
    #expect(graph.name == name)
    #expect(graph.batch == 2)
    #expect(graph.invariantViolations() == [])
    let consumers = graph.consumers()
    for (index, tensor) in graph.tensors.enumerated() where !graph.outputs.contains(TensorID(index)) {
      #expect(!consumers[index].isEmpty, "nothing reads \(tensor.name)")
    }
    #expect(graph.outputs.count == 1)
  }

  @Test(arguments: ["lenet", "resnet18", "densenet121", "mobilenet-v2", "hypar/alexnet", "hypar/sconv-graph"])
  func workGrowsWithTheBatchAndParametersDoNot(name: String) throws {
    let one = try GraphCount(BuiltInNetwork.graph(named: name, batch: 1))
    let many = try GraphCount(BuiltInNetwork.graph(named: name, batch: 48))
    #expect(many.forward == 48 * one.forward)
    #expect(many.parameters == one.parameters)
  }

  @Test func namesAreUniqueAndInTheOrderOfTheList() {
    #expect(Set(BuiltInNetwork.names).count == BuiltInNetwork.names.count)
    #expect(BuiltInNetwork.names.prefix(3) == ["lenet", "alexnet", "vgg11"])
    #expect(BuiltInNetwork.names.count == 18 + 2 * 10)
  }

  @Test func aMisspeltNameIsAnsweredWithTheNearest() {
    let error = #expect(throws: InputError.self) { try BuiltInNetwork.graph(named: "resnet5O", batch: 1) }
    #expect(error?.diagnostics.first?.kind == .missingFile)
    #expect(error?.diagnostics.first?.hint == "did you mean “resnet50”?")
  }

  @Test(arguments: [0, -1, Int.min, Int.max, BuiltInNetwork.largestBatch + 1])
  func aBatchOutOfBoundsIsAnError(batch: Int) {
    let error = #expect(throws: InputError.self) { try BuiltInNetwork.graph(named: "vgg16", batch: batch) }
    #expect(error?.diagnostics.first?.kind == .usage)
  }

  @Test(arguments: BuiltInNetwork.names)
  func theLargestBatchKeepsEveryTensorBelowItsBound(name: String) throws {
    let graph = try BuiltInNetwork.graph(named: name, batch: BuiltInNetwork.largestBatch)
    #expect(graph.tensors.allSatisfy { $0.type.size.count <= 1 << 48 })
  }
}
