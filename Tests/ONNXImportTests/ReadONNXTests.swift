import Diagnostics
import Glibc
import Graphs
import ONNXImport
import Testing

@Suite struct ReadONNXTests {
  private func read(
    _ nodes: [[UInt8]], initializers: [[UInt8]] = [], inputs: [[UInt8]] = [Proto.value("x", [1, 3, 8, 8])],
    outputs: [String] = ["y"], opset: Int = 13, batch: Int? = nil, dimensions: [String: Int] = [:]
  ) throws -> Graph {
    let graph = Proto.graph(
      nodes: nodes, initializers: initializers, inputs: inputs, outputs: outputs.map { Proto.value($0, []) })
    let bytes = Proto.model(graph, opset: Proto.operatorSet(opset))
    return try readONNX(bytes: bytes, name: "test", batch: batch, dimensions: dimensions).graph
  }

  private func shape(_ graph: Graph, _ output: Int = 0) -> [Int] { graph[graph.outputs[output]].type.shape }

  private func role(_ graph: Graph, _ name: String) -> TensorRole? {
    graph.tensors.first { $0.name == name }?.role
  }

  // 8·1·25+8 + 16·8·25+16 + 64·400+64 + 10·64+10 = 29 738 parameters; for each sample
  // 28²·8·25 + 10²·16·200 + 25 600 + 640 multiply-accumulates.
  @Test func lenetWithASymbolicBatchIsRead() throws {
    let model = try readONNX(path: Examples.path("lenet.onnx"), batch: 5)
    #expect(model.graph.batch == 5)
    #expect(model.opset == 17 && model.producer == "make_lenet.py" && model.notes.isEmpty)
    #expect(elements(model.graph, .parameter) == 29_738)
    let each: Double = 784 * 200 + 100 * 3200 + 25_600 + 640
    #expect(multiplyAccumulates(model.graph) == 5 * each)
    #expect(
      model.graph.nodes.map(\.name) == [
        "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flat", "fc1", "relu3", "logits",
      ])
    #expect(shape(model.graph) == [5, 10])
    let bias = try #require(model.graph.tensors.firstIndex { $0.name == "conv1.bias" })
    let values = try #require(model.contents(of: TensorID(bias))).values()
    // Drawn with a standard deviation of sqrt(2 / 10⁶).
    #expect(values.count == 8 && values.allSatisfy { abs($0) < 0.01 && $0 != 0 })
  }

  @Test func everyUnsupportedOperatorIsNamedAtOnce() throws {
    let nodes = [
      Proto.node("Einsum", ["x"], ["a"], name: "first"), Proto.node("Relu", ["a"], ["b"], name: "sound"),
      Proto.node("LSTM", ["b"], ["c"], name: "second"), Proto.node("Einsum", ["c"], ["d"], name: "third"),
      Proto.node("Where", ["d", "d", "d"], ["e"], name: "choice"),
      Proto.node("Fancy", ["e"], ["y"], name: "", domain: "com.example"),
    ]
    let error = try #require(throws: InputError.self) { try read(nodes) }
    #expect(
      error.diagnostics.map(\.message) == [
        "4 operators are not supported: Einsum (first, third); LSTM (second); Where (choice); "
          + "com.example::Fancy (y)"
      ])
    try withFile(Proto.model(Proto.graph(nodes: nodes))) { (path: String) throws in
      let found = try unsupportedOperators(path: path)
      #expect(found.map(\.kind) == ["Einsum", "LSTM", "Where", "com.example::Fancy"])
      #expect(found.map(\.nodes) == [["first", "third"], ["second"], ["choice"], ["y"]])
    }
  }

  // MARK: Files

  private func withFile(_ bytes: [UInt8], _ name: String = "model.onnx", _ body: (String) throws -> Void)
    throws
  {
    var template = Array("/tmp/partita-onnx-XXXXXX".utf8CString)
    let folder = try #require(mkdtemp(&template).map { String(cString: $0) })
    defer {
      unlink("\(folder)/\(name)")
      for extra in ["weights", "link", "pipe"] { unlink("\(folder)/\(extra)") }
      rmdir(folder)
    }
    try write(bytes, "\(folder)/\(name)")
    try body("\(folder)/\(name)")
  }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    let file = try #require(fopen(path, "wb"))
    fwrite(bytes, 1, bytes.count, file)
    fclose(file)
  }

  private func kind(of path: String) throws -> DiagnosticKind? {
    try #require(throws: InputError.self) { try readONNX(path: path) }.diagnostics.first?.kind
  }

  @Test func whatIsNoFileIsSaidToBeNone() throws {
    try withFile([]) { (path: String) throws in
      #expect(try kind(of: path) == .badModel)
      let folder = String(path.dropLast("/model.onnx".count))
      #expect(try kind(of: folder) == .inputOutput)
      #expect(try kind(of: "\(folder)/absent.onnx") == .missingFile)
      #expect(try kind(of: "\(path)/below.onnx") == .missingFile)
      #expect(mkfifo("\(folder)/pipe", 0o600) == 0)
      #expect(try kind(of: "\(folder)/pipe") == .inputOutput)
    }
  }

  @Test func externalDataIsReadOnlyWhenAskedForAndNeverThroughALink() throws {
    let weight = Proto.external("w", [3, 1], [("location", "weights"), ("offset", "4"), ("length", "12")])
    let graph = Proto.graph(
      nodes: [Proto.node("MatMul", ["x", "w"], ["y"])], initializers: [weight],
      inputs: [Proto.value("x", [2, 3])])
    try withFile(Proto.model(graph)) { (path: String) throws in
      let folder = String(path.dropLast("/model.onnx".count))
      let absent = try readONNX(path: path)
      let id = absent.graph.nodes[0].inputs[1]
      #expect(absent.graph[id].type.shape == [3, 1])
      #expect(throws: InputError.self) { try absent.contents(of: id)?.values() }
      let floats: [Float] = [9, 1.5, -2, 0.25]
      let data = floats.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) }
      }
      try write(data, "\(folder)/weights")
      let values = try readONNX(path: path).contents(of: id)?.values()
      #expect(values == [1.5, -2, 0.25])
      try write(Array(data.dropLast()), "\(folder)/weights")
      #expect(throws: InputError.self) { try readONNX(path: path) }
      try write(data, "\(folder)/link")
      unlink("\(folder)/weights")
      #expect(symlink("\(folder)/link", "\(folder)/weights") == 0)
      #expect(throws: InputError.self) { try readONNX(path: path) }
    }
  }

  // MARK: The batch

  @Test(arguments: [[1, 192], [-1, 192], [0, 192], [1, -1], [0, -1]])
  func aReshapeMadeForOneSampleFollowsTheBatch(_ target: [Int]) throws {
    let graph = try read(
      [Proto.node("Reshape", ["x", "s"], ["y"])], initializers: [Proto.longs("s", [2], target)], batch: 6)
    #expect(shape(graph) == [6, 192])
  }

  @Test func aTraceOfOneSampleWithASymbolicBatchFollowsTheBatch() throws {
    let graph = try read(
      [Proto.node("Reshape", ["x", "s"], ["y"])], initializers: [Proto.longs("s", [2], [1, 192])],
      inputs: [Proto.symbolic("x", "N", [3, 8, 8])], batch: 6)
    #expect(shape(graph) == [6, 192])
  }

  // The first sample alone is taken: of three samples one would be left, so the batch is lost.
  @Test func aBatchThatIsHiddenIsAnErrorAndNoGuess() throws {
    let slice = Proto.node("Slice", ["x", "zero", "one", "zero"], ["y"])
    let constants = [Proto.longs("zero", [1], [0]), Proto.longs("one", [1], [1])]
    let error = try #require(throws: InputError.self) {
      try read([slice], initializers: constants, inputs: [Proto.value("x", [1, 4])], batch: 3)
    }
    #expect(error.diagnostics.first?.message.contains("batch 1 of the file cannot become 3") == true)
    #expect(try shape(read([slice], initializers: constants, inputs: [Proto.value("x", [1, 4])])) == [1, 4])
  }

  @Test func otherSymbolicDimensionsAreBoundByName() throws {
    let input = Proto.symbolic("x", "N", [3])
    let sequence = Proto.symbolic("z", "N", [3])
    let graph = try read(
      [Proto.node("Add", ["x", "z"], ["y"])], inputs: [input, sequence], dimensions: ["N": 7])
    #expect(shape(graph) == [7, 3])
  }

  // MARK: Parameters

  @Test func operandsAreTrainedWhereTheyAreWeights() throws {
    let graph = try read(
      [
        Proto.node("Mul", ["x", "scale"], ["a"]), Proto.node("Add", ["shift", "a"], ["b"]),
        Proto.node("Mul", ["b", "half"], ["c"]), Proto.node("Sub", ["c", "mean"], ["d"]),
        Proto.node("Div", ["d", "two"], ["y"]),
      ],
      initializers: [
        Proto.raw("scale", [3, 1, 1], bytes: 12), Proto.raw("shift", [3, 1, 1], bytes: 12),
        Proto.floats("half", [], [0.5]), Proto.raw("mean", [3, 1, 1], bytes: 12),
        Proto.floats("two", [1], [2]),
      ])
    #expect(role(graph, "scale") == .parameter)
    #expect(role(graph, "shift") == .parameter)
    #expect(role(graph, "mean") == .constant(values: [0, 0, 0]))
    #expect(graph.nodes.map(\.operator.rules.kind) == ["multiply", "add", "scale", "subtract", "scale"])
    #expect(graph.nodes[2].operator == .scaleByConstant(ScaleByConstant(factor: 0.5)))
    #expect(graph.nodes[4].operator == .scaleByConstant(ScaleByConstant(factor: 0.5)))
    // A sum is written with its activation first.
    #expect(graph[graph.nodes[1].inputs[1]].name == "shift")
  }

  @Test func oneWeightUsedTwiceIsOneParameter() throws {
    let graph = try read(
      [Proto.node("MatMul", ["x", "w"], ["a"]), Proto.node("MatMul", ["a", "w"], ["y"])],
      initializers: [Proto.raw("w", [8, 8], bytes: 256)])
    #expect(elements(graph, .parameter) == 64)
    #expect(graph.nodes[0].inputs[1] == graph.nodes[1].inputs[1])
  }

  // Two sentences of three words of a table of five rows; the scores are a product with its transpose.
  @Test func aTableThatScoresItsOwnRowsIsOneParameter() throws {
    let graph = try read(
      [
        Proto.node("Gather", ["table", "x"], ["e"], name: "embedding"),
        Proto.node("Transpose", ["table"], ["turned"], attributes: [Proto.integers("perm", [1, 0])]),
        Proto.node("MatMul", ["e", "turned"], ["y"], name: "scores"),
      ], initializers: [Proto.floats("table", [5, 2], (0..<10).map(Float.init))],
      inputs: [Proto.value("x", [2, 3], type: 7)])
    #expect(elements(graph, .parameter) == 10)
    #expect(graph.nodes.map(\.operator.rules.kind) == ["embedding", "reshape", "dense", "reshape"])
    #expect(shape(graph) == [2, 3, 5])
  }

  // The product that reads it transposed comes first, so that there is no parameter yet that it could share.
  @Test func aWeightInTwoFormsIsNoted() throws {
    let nodes = [
      Proto.node("Transpose", ["w"], ["turned"], attributes: [Proto.integers("perm", [1, 0])]),
      Proto.node("MatMul", ["x", "turned"], ["a"]), Proto.node("MatMul", ["a", "w"], ["y"]),
    ]
    let graph = Proto.graph(
      nodes: nodes, initializers: [Proto.floats("w", [3, 3], (0..<9).map(Float.init))],
      inputs: [Proto.value("x", [2, 3])], outputs: [Proto.value("y", [])])
    let notes = try readONNX(
      bytes: Proto.model(graph, opset: Proto.operatorSet(13)), name: "test", batch: nil, dimensions: [:]
    ).notes
    #expect(notes == ["The weight w is read in several forms, which are trained apart."])
  }

  // [[1, 2, 3], [4, 5, 6]] transposed.
  @Test func aTransposedWeightIsReadTransposed() throws {
    let bytes = Proto.model(
      Proto.graph(
        nodes: [Proto.node("Transpose", ["w"], ["t"]), Proto.node("MatMul", ["x", "t"], ["y"])],
        initializers: [Proto.floats("w", [2, 3], [1, 2, 3, 4, 5, 6])], inputs: [Proto.value("x", [4, 3])]))
    let model = try readONNX(bytes: bytes, name: "test")
    let contents = try #require(model.contents(of: model.graph.nodes[0].inputs[1]))
    #expect(contents.type.shape == [3, 2])
    #expect(try contents.values() == [1, 4, 2, 5, 3, 6])
  }

  @Test func aScaleBehindABatchNormalizationTakesTheTraining() throws {
    let names = ["g", "b", "m", "v"]
    var initializers = names.map { Proto.raw($0, [3], bytes: 12) }
    initializers += [Proto.raw("s", [3, 1, 1], bytes: 12), Proto.raw("t", [3, 1, 1], bytes: 12)]
    let norm = Proto.node("BatchNormalization", ["x"] + names, ["n"])
    let scaled = try read(
      [norm, Proto.node("Mul", ["n", "s"], ["a"]), Proto.node("Add", ["a", "t"], ["y"])],
      initializers: initializers)
    #expect(elements(scaled, .frozenParameter) == 6)
    #expect(elements(scaled, .parameter) == 6)
    #expect(elements(scaled, .state) == 6)
    let forked = try read(
      [norm, Proto.node("Mul", ["n", "s"], ["a"]), Proto.node("Add", ["a", "n"], ["y"])],
      initializers: initializers)
    #expect(elements(forked, .frozenParameter) == 0)
  }

  // MARK: Operators

  // SAME gives ⌈8 ∕ 3⌉ = 3 places, which need (3 − 1)·3 + 5 − 8 = 3 more elements, the odd one at the end or
  // the beginning; VALID gives ⌊(8 − 5) ∕ 3⌋ + 1 = 2.
  @Test(arguments: [("SAME_UPPER", 1, 2, 3), ("SAME_LOWER", 2, 1, 3), ("VALID", 0, 0, 2)])
  func automaticPaddingIsWorkedOut(_ mode: String, _ begin: Int, _ end: Int, _ places: Int) throws {
    let graph = try read(
      [
        Proto.node(
          "Conv", ["x", "w"], ["y"],
          attributes: [Proto.text("auto_pad", mode), Proto.integers("strides", [3, 3])])
      ], initializers: [Proto.raw("w", [2, 3, 5, 5], bytes: 600)])
    guard case .convolution(let rules) = graph.nodes[0].operator else {
      Issue.record("no convolution")
      return
    }
    #expect(rules.padding == [Padding(begin: begin, end: end), Padding(begin: begin, end: end)])
    #expect(shape(graph) == [1, 2, places, places])
  }

  // Before version 13 everything from axis 1 on is one row: 3·8·8 = 192 numbers.
  @Test func anOldSoftmaxRunsOverAllThatFollows() throws {
    let node = [Proto.node("Softmax", ["x"], ["y"])]
    let old = try read(node, opset: 11)
    #expect(old.nodes.map(\.operator.rules.kind) == ["reshape", "softmax", "reshape"])
    #expect(old.outputTypes(of: old.nodes[1])[0].shape == [1, 192])
    #expect(shape(old) == [1, 3, 8, 8])
    let new = try read(node, opset: 13)
    #expect(new.nodes.map(\.operator) == [.softmax(Softmax(axis: 3))])
    let flat = try read(node, inputs: [Proto.value("x", [1, 1000, 1, 1])], opset: 9)
    #expect(flat.nodes.map(\.operator) == [.softmax(Softmax(axis: 1))])
  }

  @Test func sumsOfManyBecomeChains() throws {
    let graph = try read([Proto.node("Sum", ["x", "x", "x", "x"], ["y"])])
    #expect(graph.nodes.map(\.operator) == .init(repeating: .elementwise(Elementwise(.add)), count: 3))
  }

  @Test func whatDoesNothingIsNoNode() throws {
    let graph = try read([
      Proto.node("Identity", ["x"], ["a"]),
      Proto.node("Cast", ["a"], ["b"], attributes: [Proto.integer("to", 1)]),
      Proto.node("Relu", ["b"], ["y"]),
    ])
    #expect(graph.nodes.map(\.operator) == [.activation(Activation(.relu))])
    #expect(throws: InputError.self) {
      try read([Proto.node("Cast", ["x"], ["y"], attributes: [Proto.integer("to", 10)])])
    }
  }

  // The shape of x is [1, 3, 8, 8]; its last two extents multiplied give 64, before them -1.
  @Test func shapesAreComputedWhileReading() throws {
    let graph = try read(
      [
        Proto.node("Shape", ["x"], ["s"]),
        Proto.node("Slice", ["s", "two", "four"], ["part"]),
        Proto.node("ReduceProd", ["part"], ["pixels"], attributes: [Proto.integer("keepdims", 1)]),
        Proto.node("Concat", ["rest", "pixels"], ["target"], attributes: [Proto.integer("axis", 0)]),
        Proto.node("Reshape", ["x", "target"], ["y"]),
      ],
      initializers: [
        Proto.longs("two", [1], [2]), Proto.longs("four", [1], [4]), Proto.longs("rest", [1], [-1]),
      ], batch: 2)
    #expect(shape(graph) == [6, 64])
    #expect(graph.nodes.count == 1)
  }

  // 2⁴⁰ numbers of 0.5 halved: one number, however large the tensor is.
  @Test func aFilledTensorIsNeverMade() throws {
    let value = Proto.tensor("value", Proto.floats("", [1], [0.5]))
    let bytes = Proto.model(
      Proto.graph(
        nodes: [
          Proto.node("ConstantOfShape", ["s"], ["w"], attributes: [value]),
          Proto.node("Mul", ["w", "half"], ["v"]), Proto.node("MatMul", ["x", "v"], ["y"]),
        ],
        initializers: [Proto.longs("s", [2], [4, 1 << 38]), Proto.floats("half", [], [0.5])],
        inputs: [Proto.value("x", [1, 4])]))
    let model = try readONNX(bytes: bytes, name: "huge")
    let contents = try #require(model.contents(of: model.graph.nodes[0].inputs[1]))
    #expect(contents.uniformValue == 0.25)
    #expect(contents.type.elementCount == 1 << 40)
  }

  @Test func aParametricReluIsWrittenOutInOperatorsWithGradients() throws {
    let graph = try read(
      [Proto.node("PRelu", ["x", "slope"], ["y"])], initializers: [Proto.raw("slope", [3, 1, 1], bytes: 12)])
    #expect(graph.nodes.map(\.operator.rules.kind) == ["relu", "negate", "relu", "multiply", "subtract"])
    #expect(role(graph, "slope") == .parameter)
    #expect(shape(graph) == [1, 3, 8, 8])
  }

  @Test func tablesAreEmbeddingsAndSingleIndicesAreSlices() throws {
    let words = try read(
      [Proto.node("Gather", ["table", "x"], ["y"])],
      initializers: [Proto.raw("table", [50, 16], bytes: 3200)],
      inputs: [Proto.value("x", [2, 7], type: 7)])
    #expect(words.nodes.map(\.operator) == [.embedding(Embedding())])
    #expect(shape(words) == [2, 7, 16])
    let first = try read(
      [Proto.node("Gather", ["x", "last"], ["y"], attributes: [Proto.integer("axis", 1)])],
      initializers: [Proto.longs("last", [], [-1])])
    #expect(first.nodes.map(\.operator.rules.kind) == ["slice", "reshape"])
    #expect(shape(first) == [1, 8, 8])
  }
}
