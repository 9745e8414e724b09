import Diagnostics
import Graphs
import ONNXImport
import Testing

@Suite struct WriteONNXTests {
  static let networks = BuiltInNetwork.names.filter { !$0.hasPrefix("hypar/") || $0.hasSuffix("-graph") }

  /// What must survive writing and reading: each node with its operator and types, in order.
  private func comparable(_ graph: Graph) -> [String] {
    graph.nodes.map { node in
      "\(node.name): \(node.operator) \(graph.inputTypes(of: node)) \(graph.outputTypes(of: node))"
    }
  }

  @Test(arguments: networks) func everyBuiltInNetworkSurvivesWritingAndReading(_ name: String) throws {
    let graph = try BuiltInNetwork.graph(named: name, batch: 4)
    let bytes = try writeONNX(graph)
    let model = try readONNX(bytes: bytes, name: name)
    #expect(comparable(model.graph) == comparable(graph))
    for role in [TensorRole.parameter, .state, .frozenParameter, .sample] {
      #expect(elements(model.graph, role) == elements(graph, role))
    }
    #expect(multiplyAccumulates(model.graph) == multiplyAccumulates(graph))
    // A light file has a shape for each weight and no weights.
    #expect(bytes.count < 400 * (graph.nodes.count + graph.tensors.count))
  }

  @Test func aFixedBatchIsReboundWhenTheFileIsRead() throws {
    let small = try BuiltInNetwork.graph(named: "resnet18", batch: 2)
    let large = try BuiltInNetwork.graph(named: "resnet18", batch: 64)
    let model = try readONNX(bytes: writeONNX(small), name: "resnet18", batch: 64)
    #expect(comparable(model.graph) == comparable(large))
  }

  /// A network that uses every operator that can be written, whether or not that makes sense.
  private func everything(gelu: Bool) throws -> Graph {
    var builder = GraphBuilder(name: "everything")
    let images = builder.sample("images", TensorType(.float32, [2, 4, 8, 8]))
    func parameter(_ name: String, _ shape: [Int], role: TensorRole = .parameter) -> TensorID {
      builder.parameter(name, TensorType(.float32, shape), role: role)
    }
    func add(_ name: String, _ operation: Operator, _ inputs: TensorID...) throws -> TensorID {
      try builder.add(operation, inputs, name: name)[0]
    }
    var x = try add(
      "conv",
      .convolution(
        Convolution(
          strides: [1, 2], padding: [Padding(1), Padding(begin: 0, end: 3)], dilations: [1, 2], groups: 2)),
      images, parameter("conv.w", [8, 2, 3, 3]), parameter("conv.b", [8]))
    x = try add(
      "norm", .batchNormalization(BatchNormalization(epsilon: 0.5, momentum: 0.25)), x,
      parameter("norm.w", [8]),
      parameter("norm.b", [8]), parameter("norm.m", [8], role: .state), parameter("norm.v", [8], role: .state)
    )
    let functions: [Activation.Function] = [
      .relu, .leakyRelu(alpha: 0.25), .sigmoid, .tanh, .clip(minimum: -0.5, maximum: 4),
      .hardSigmoid(alpha: 0.25, beta: 0.5), .hardSwish, .elu(alpha: 0.5), .exponential, .logarithm,
      .squareRoot,
      .negate, .absolute, .reciprocal, .errorFunction, .softplus,
    ]
    for function in functions + (gelu ? [.gelu] : []) {
      let operation = Activation(function)
      x = try add(operation.kind, .activation(operation), x)
    }
    x = try add("lrn", .localResponseNormalization(LocalResponseNormalization(size: 3, alpha: 0.5)), x)
    x = try add("max", .pooling(Pooling(.maximum, kernel: 3, stride: 2, padding: 1, ceilMode: true)), x)
    x = try add("average", .pooling(Pooling(.average(countsPadding: true), kernel: 2, stride: 1)), x)
    x = try add("pad", .pad(Pad([Padding(0), Padding(1), Padding(0), Padding(begin: 2, end: 1)])), x)
    x = try add("reflect", .pad(Pad([Padding(0), Padding(1), Padding(0), Padding(0)], mode: .reflect)), x)
    let parts = try builder.add(.split(Split(axis: 1, sizes: [5, 7])), [x], name: "split")
    let first = try add("slice", .slice(Slice(starts: [0], ends: [4], axes: [1], steps: [2])), parts[0])
    x = try add("concat", .concatenation(Concatenation(axis: 1)), parts[1], first)
    for function in Elementwise.Function.allCases {
      x = try add(function.rawValue, .elementwise(Elementwise(function)), x, x)
    }
    x = try add(
      "scaled", .elementwise(Elementwise(.multiply, right: .parameter)), x, parameter("s", [9, 1, 1]))
    x = try add("third", .scaleByConstant(ScaleByConstant(factor: 0.375)), x)
    x = try add("drop", .dropout(Dropout(ratio: 0.25)), x)
    let top = try add("top", .globalPooling(GlobalPooling(.maximum)), x)
    let mean = try add("mean", .globalPooling(GlobalPooling(.average)), x)
    let both = try add("both", .elementwise(Elementwise(.add)), top, mean)
    let summed = try add("summed", .reduction(Reduction(.sum, axes: [2], keepsDimensions: true)), x)
    let reduced = try add("reduced", .reduction(Reduction(.mean, axes: [3], keepsDimensions: false)), summed)
    let flat = try add("flat", .reshape(try Reshape(from: [2, 9, 1, 1], to: [2, 9])), both)
    var y = try add(
      "dense", .dense(Dense(transposeWeight: false, alpha: 0.5, beta: 2)), flat,
      parameter("dense.w", [9, 6]),
      parameter("dense.b", [6]))
    y = try add("layer", .layerNormalization(LayerNormalization(axis: 1)), y, parameter("layer.w", [6]))
    y = try add(
      "product", .matrixMultiplication(MatrixMultiplication(right: .parameter)), y, parameter("m", [6, 5]))
    let turned = try add("turned", .transpose(Transpose([1, 0])), y)
    let square = try add("square", .matrixMultiplication(MatrixMultiplication(right: .activation)), y, turned)
    let log = try add("log", .softmax(Softmax(axis: 1, isLogarithmic: true)), square)
    let words = builder.sample("words", TensorType(.int64, [2, 3]))
    let table = parameter("table", [11, 4])
    let rows = try add("rows", .embedding(Embedding()), words, table)
    let order = builder.parameter(
      "order", TensorType(.int64, [2]), role: .constant(values: [2, 0]))
    let chosen = try add("chosen", .gather(Gather(axis: 1)), rows, order)
    return builder.build(outputs: [reduced, log, chosen])
  }

  @Test(arguments: [false, true]) func everyOperatorSurvivesWritingAndReading(gelu: Bool) throws {
    let graph = try everything(gelu: gelu)
    let bytes = try writeONNX(graph, batch: .symbolic("samples"))
    let model = try readONNX(bytes: bytes, name: "everything", batch: 2)
    #expect(comparable(model.graph) == comparable(graph))
    #expect(model.opset == (gelu ? 20 : 17))
    #expect(model.graph.outputs.map { model.graph[$0].name } == graph.outputs.map { graph[$0].name })
    #expect(throws: InputError.self) { try readONNX(bytes: bytes, name: "everything") }
  }

  @Test(arguments: [ElementType.float32, .float64, .float16, .bfloat16])
  func realWeightsSurviveWritingAndReading(_ type: ElementType) throws {
    var builder = GraphBuilder(name: "weights")
    let x = builder.sample("x", TensorType(type, [1, 3]))
    let weight = builder.parameter("weight", TensorType(type, [2, 3]))
    let y = try builder.add(.dense(Dense()), [x, weight], name: "y")
    // Exact in every one of the types, the least normal half among them.
    let values = [0, -1.5, 256, 0x1p-14, -0.0078125, 1.9921875]
    let bytes = try writeONNX(builder.build(outputs: y)) { $0 == weight ? values : nil }
    let model = try readONNX(bytes: bytes, name: "weights")
    let node = model.graph.nodes[0]
    let contents = try #require(model.contents(of: node.inputs[1]))
    #expect(try contents.values() == values)
    #expect(contents.uniformValue == nil)
  }

  // Nearest half to 1/3 is 0x3555 = 1365/4096; 65519 rounds down to the greatest, 65504; 2^-24 is the least.
  @Test func halvesAreRoundedToTheNearest() throws {
    var builder = GraphBuilder(name: "halves")
    let x = builder.sample("x", TensorType(.float16, [1, 4]))
    let weight = builder.parameter("weight", TensorType(.float16, [1, 4]))
    let y = try builder.add(.dense(Dense()), [x, weight], name: "y")
    let bytes = try writeONNX(builder.build(outputs: y)) {
      $0 == weight ? [1 / 3, 65519, 1e9, 0x1p-24] : nil
    }
    let model = try readONNX(bytes: bytes, name: "halves")
    let contents = try #require(model.contents(of: model.graph.nodes[0].inputs[1]))
    #expect(try contents.values() == [1365.0 / 4096, 65504, .infinity, 0x1p-24])
  }

  @Test func whatONNXDoesNotHaveIsNamed() throws {
    let table = try BuiltInNetwork.graph(named: "hypar/lenet-c", batch: 4)
    let error = #expect(throws: InputError.self) { try writeONNX(table) }
    #expect(error?.diagnostics.first?.kind == .badModel)
    #expect(error?.diagnostics.first?.message.contains("cannot be written as ONNX") == true)
  }
}
