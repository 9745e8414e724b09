import Diagnostics
import Glibc
import Graphs
import ONNXImport
import TestSupport
import Testing

/// A bad model and a part of the line that must say why.
struct Hostile: Sendable, CustomStringConvertible {
  let description: String
  let bytes: [UInt8]
  let says: String
  init(_ description: String, _ bytes: [UInt8], says: String) {
    self.description = description
    self.bytes = bytes
    self.says = says
  }
  /// A model around one node.
  init(
    _ description: String, node: [UInt8], initializers: [[UInt8]] = [], inputs: [[UInt8]]? = nil,
    opset: Int = 13, says: String
  ) {
    let graph = Proto.graph(
      nodes: [node], initializers: initializers, inputs: inputs ?? [Proto.value("x", [2, 4])])
    self.init(description, Proto.model(graph, opset: Proto.operatorSet(opset)), says: says)
  }
}

private let relu = Proto.node("Relu", ["x"], ["y"])
private let images = [Proto.value("x", [1, 3, 8, 8])]
private let kernel = Proto.raw("w", [4, 3, 3, 3], bytes: 432)

/// Graphs inside attributes of nodes of graphs, `depth` of them.
private func nested(_ depth: Int) -> [UInt8] {
  var graph = Proto.graph(nodes: [relu])
  for _ in 0..<depth {
    let attribute = Wire.text(1, "body") + Wire.data(6, graph) + Wire.integer(20, 5)
    graph = Proto.graph(nodes: [Proto.node("Loop", ["x"], ["y"], attributes: [attribute])])
  }
  return graph
}

private func external(_ entries: [(String, String)]) -> [UInt8] {
  Proto.model(Proto.graph(nodes: [relu], initializers: [Proto.external("w", [4], entries)]))
}

private let wire: [Hostile] = [
  Hostile("nothing", [], says: "no graph"),
  Hostile("one byte", [0x08], says: "ends inside a number"),
  Hostile("field number 0", [0x00, 0x01], says: "impossible number"),
  Hostile("a group", [0x0B, 0x01], says: "wire type 3"),
  Hostile("wire type 7", [0x0F, 0x01], says: "wire type 7"),
  Hostile(
    "a number of eleven bytes", [0x08] + [UInt8](repeating: 0xFF, count: 11), says: "longer than 64 bits"),
  Hostile("an endless number", [0x08] + [UInt8](repeating: 0x80, count: 400), says: "longer than 64 bits"),
  Hostile("a length beyond the end", [0x3A, 0x7F, 0x00], says: "does not fit"),
  Hostile(
    "a length of 2^64 - 1", [0x3A] + [UInt8](repeating: 0xFF, count: 9) + [0x01], says: "does not fit"),
  Hostile("the graph as a number", Wire.integer(7, 1) + Proto.operatorSet(13), says: "wire type 0 where 2"),
  Hostile("text instead of a model", Array("not a model at all\n".utf8), says: ""),
  Hostile("zeros", [UInt8](repeating: 0, count: 64), says: "impossible number"),
  Hostile("no operator set", Wire.data(7, Proto.graph(nodes: [relu])), says: "does not say the version"),
  Hostile(
    "operator set 6", Proto.model(Proto.graph(nodes: [relu]), opset: Proto.operatorSet(6)),
    says: "version 6"),
  Hostile(
    "operator set 22", Proto.model(Proto.graph(nodes: [relu]), opset: Proto.operatorSet(22)),
    says: "version 22"),
  Hostile(
    "operator set -1", Proto.model(Proto.graph(nodes: [relu]), opset: Proto.operatorSet(-1)),
    says: "version -1"),
  Hostile(
    "two graphs", Proto.model(Proto.graph(nodes: [relu]), more: Wire.data(7, Proto.graph(nodes: [relu]))),
    says: "two graphs"),
  Hostile("40 nested graphs", Proto.model(nested(40)), says: "nested deeper than 100"),
  Hostile("3000 nested graphs", Proto.model(nested(3000)), says: "nested deeper than 100"),
  Hostile(
    "a name that is not UTF-8", Proto.model(Proto.graph(nodes: [relu]), more: Wire.data(2, [0xFF, 0xFE])),
    says: "not UTF-8"),
  Hostile(
    "a name of 70 000 bytes",
    node: Proto.node("Relu", ["x"], [String(repeating: "y", count: 70_000)]), says: "70000 bytes"),
  Hostile(
    "a node without an operator", node: Wire.text(1, "x") + Wire.text(2, "y"), says: "names no operator"),
  Hostile("a node without an output", node: Wire.text(1, "x") + Wire.text(4, "Relu"), says: "has no output"),
  Hostile(
    "an attribute twice",
    node: Proto.node(
      "Softmax", ["x"], ["y"], attributes: [Proto.integer("axis", 1), Proto.integer("axis", 0)]),
    says: "appears twice"),
  Hostile(
    "an attribute without a name",
    node: Proto.node("Softmax", ["x"], ["y"], attributes: [Wire.integer(3, 1)]), says: "no name"),
  Hostile(
    "an attribute of an unknown type",
    node: Proto.node(
      "Softmax", ["x"], ["y"], attributes: [Wire.text(1, "axis") + Wire.integer(20, 99)]),
    says: "unknown type 99"),
  Hostile(
    "an attribute of the wrong type",
    node: Proto.node("Softmax", ["x"], ["y"], attributes: [Proto.text("axis", "one")]),
    says: "axis is not an integer"),
]

private let tensors: [Hostile] = [
  Hostile(
    "raw data too short", node: relu, initializers: [Proto.raw("w", [4], bytes: 15)], says: "has 15 bytes"),
  Hostile(
    "raw data too long", node: relu, initializers: [Proto.raw("w", [4], bytes: 17)], says: "has 17 bytes"),
  Hostile(
    "a terabyte without data", node: relu, initializers: [Proto.raw("w", [1 << 38], bytes: 8)],
    says: "has 8 bytes"),
  Hostile(
    "a negative dimension", node: relu, initializers: [Proto.raw("w", [-4], bytes: 16)],
    says: "negative: -4"),
  Hostile(
    "an overflowing product", node: relu,
    initializers: [Proto.raw("w", [1 << 32, 1 << 32, 1 << 32], bytes: 0)], says: "2^48"),
  Hostile(
    "a product that overflows to zero and a zero", node: relu,
    initializers: [Proto.raw("w", [1 << 62, 1 << 62, 0], bytes: 0)], says: "2^48"),
  Hostile(
    "thirty-three dimensions", node: relu,
    initializers: [Proto.raw("w", [Int](repeating: 1, count: 33), bytes: 4)], says: "more than 32 entries"),
  Hostile(
    "too few typed values", node: relu, initializers: [Proto.floats("w", [4], [1, 2, 3])],
    says: "3 values are stored"),
  Hostile(
    "packed floats of three bytes", node: relu,
    initializers: [Wire.integer(1, 1) + Wire.integer(2, 1) + Wire.data(4, [0, 0, 0]) + Wire.text(8, "w")],
    says: "packed numbers"),
  Hostile(
    "values in the wrong field", node: relu,
    initializers: [
      Wire.integer(1, 2) + Wire.integer(2, 7) + Wire.float(4, 1) + Wire.float(4, 2) + Wire.text(8, "w")
    ], says: "0 values are stored"),
  Hostile(
    "texts", node: relu, initializers: [Proto.raw("w", [1], type: 8, bytes: 4)],
    says: "STRING is not supported"),
  Hostile(
    "an unknown element type", node: relu, initializers: [Proto.raw("w", [1], type: 77, bytes: 4)],
    says: "number 77"),
  Hostile(
    "an initializer without a name", node: relu, initializers: [Proto.raw("", [1], bytes: 4)], says: "no name"
  ),
  Hostile(
    "an initializer twice", node: relu,
    initializers: [Proto.raw("w", [1], bytes: 4), Proto.raw("w", [1], bytes: 4)], says: "defined twice"),
  Hostile(
    "a tensor in segments", node: relu,
    initializers: [Proto.raw("w", [1], bytes: 4) + Wire.data(3, [])], says: "segments"),
  Hostile("external data at ..", external([("location", "../secret")]), says: "outside the model's folder"),
  Hostile("external data at a/../../b", external([("location", "a/../../b")]), says: "outside"),
  Hostile("external data at an absolute path", external([("location", "/etc/passwd")]), says: "outside"),
  Hostile("external data behind a NUL", external([("location", "a\u{0}b")]), says: "outside"),
  Hostile("external data with a backslash", external([("location", "..\\secret")]), says: "outside"),
  Hostile("external data without a location", external([("offset", "0")]), says: "no location"),
  Hostile("external data at offset -1", external([("location", "w"), ("offset", "-1")]), says: "offset -1"),
  Hostile(
    "external data of another length", external([("location", "w"), ("length", "9")]), says: "9 bytes"),
]

private let graphs: [Hostile] = [
  Hostile(
    "a cycle",
    Proto.model(Proto.graph(nodes: [Proto.node("Relu", ["a"], ["y"]), Proto.node("Relu", ["y"], ["a"])])),
    says: "cycle"),
  Hostile("a node that reads itself", node: Proto.node("Relu", ["y"], ["y"]), says: "cycle"),
  Hostile(
    "a name that nothing defines", node: Proto.node("Relu", ["z"], ["y"]), says: "which nothing defines"),
  Hostile(
    "a result that nothing defines", node: Proto.node("Relu", ["x"], ["z"]), says: "which nothing defines"),
  Hostile(
    "two nodes of one result",
    Proto.model(Proto.graph(nodes: [relu, relu])), says: "defined twice"),
  Hostile("a node that defines an input", node: Proto.node("Relu", ["x"], ["x"]), says: "defined twice"),
  Hostile("no result", Proto.model(Proto.graph(nodes: [relu], outputs: [])), says: "no output"),
  Hostile("no sample", node: relu, inputs: [], says: "which nothing defines"),
  Hostile(
    "constants alone", node: Proto.node("Neg", ["w"], ["y"]), initializers: [Proto.raw("w", [4], bytes: 16)],
    inputs: [], says: "no input with a shape"),
  Hostile("a sample without a type", node: relu, inputs: [Wire.text(1, "x")], says: "no input with a shape"),
  Hostile("a scalar sample", node: relu, inputs: [Proto.value("x", [])], says: "no input with a shape"),
  Hostile(
    "samples of texts", node: relu, inputs: [Proto.value("x", [2, 2], type: 8)], says: "no element type"),
  Hostile("a negative extent", node: relu, inputs: [Proto.value("x", [2, -7])], says: "negative: -7"),
  Hostile(
    "an input of 2^60 elements", node: relu, inputs: [Proto.value("x", [1 << 30, 1 << 30])], says: "2^48"),
  Hostile("an unbound dimension", node: relu, inputs: [Proto.value("x", [2, nil])], says: "dimension 1"),
  Hostile(
    "an unbound batch", node: relu, inputs: [Proto.value("x", [nil, 4])],
    says: "batch dimension is symbolic"),
  Hostile("a missing operand", node: Proto.node("Add", ["x"], ["y"]), says: "has 1 inputs"),
  Hostile(
    "shapes that do not broadcast", node: Proto.node("Add", ["x", "w"], ["y"]),
    initializers: [Proto.raw("w", [3], bytes: 12)], says: "do not broadcast"),
  Hostile(
    "a dense layer of the wrong width", node: Proto.node("Gemm", ["x", "w"], ["y"]),
    initializers: [Proto.raw("w", [5, 6], bytes: 120)], says: "do not fit"),
  Hostile(
    "weights of integers", node: Proto.node("Gemm", ["x", "w"], ["y"]),
    initializers: [Proto.raw("w", [4, 6], type: 6, bytes: 96)], says: "is of int32"),
  Hostile(
    "a kernel wider than the image", node: Proto.node("Conv", ["x", "w"], ["y"]),
    initializers: [Proto.raw("w", [1, 3, 9, 9], bytes: 972)], inputs: images, says: "wider"),
  Hostile(
    "a stride of 0",
    node: Proto.node("Conv", ["x", "w"], ["y"], attributes: [Proto.integers("strides", [0, 1])]),
    initializers: [kernel], inputs: images, says: "strides"),
  Hostile(
    "a padding of 2^62",
    node: Proto.node("Conv", ["x", "w"], ["y"], attributes: [Proto.integers("pads", [1 << 62, 0, 0, 0])]),
    initializers: [kernel], inputs: images, says: "pads"),
  Hostile(
    "no groups", node: Proto.node("Conv", ["x", "w"], ["y"], attributes: [Proto.integer("group", 0)]),
    initializers: [kernel], inputs: images, says: "0 groups"),
  Hostile(
    "a transposition that is none",
    node: Proto.node("Transpose", ["x"], ["y"], attributes: [Proto.integers("perm", [0, 0])]),
    says: "permutation"),
  Hostile(
    "a reshape to other elements", node: Proto.node("Reshape", ["x", "s"], ["y"]),
    initializers: [Proto.longs("s", [2], [3, 5])], says: "numbers of elements differ"),
  Hostile(
    "a reshape with two open extents", node: Proto.node("Reshape", ["x", "s"], ["y"]),
    initializers: [Proto.longs("s", [2], [-1, -1])], says: "two extents"),
  Hostile(
    "a reshape that overflows", node: Proto.node("Reshape", ["x", "s"], ["y"]),
    initializers: [Proto.longs("s", [3], [1 << 40, 1 << 40, -1])], says: "too many elements"),
  Hostile(
    "a reshape to Int.min", node: Proto.node("Reshape", ["x", "s"], ["y"]),
    initializers: [Proto.longs("s", [1], [.min])], says: "negative"),
  Hostile(
    "an axis far away", node: Proto.node("Softmax", ["x"], ["y"], attributes: [Proto.integer("axis", .min)]),
    says: "axis"),
  Hostile(
    "a slice by 0", node: Proto.node("Slice", ["x", "a", "b", "a", "a"], ["y"]),
    initializers: [Proto.longs("a", [1], [0]), Proto.longs("b", [1], [1])], says: "do not fit"),
  Hostile(
    "a split into too much",
    node: Proto.node("Split", ["x", "s"], ["y", "z"], attributes: [Proto.integer("axis", 1)]),
    initializers: [Proto.longs("s", [2], [.max, 2])], says: "do not add up"),
  Hostile(
    "a filled shape of 2^60 elements", node: Proto.node("ConstantOfShape", ["s"], ["y"]),
    initializers: [Proto.longs("s", [2], [1 << 30, 1 << 30])], says: "2^48"),
  Hostile(
    "a range of endless numbers", node: Proto.node("Range", ["a", "b", "c"], ["y"]),
    initializers: [
      Proto.longs("a", [], [0]), Proto.longs("b", [], [.max]), Proto.longs("c", [], [1]),
    ], says: "are allowed"),
  Hostile(
    "a division of integers by zero", node: Proto.node("Div", ["a", "a"], ["y"]),
    initializers: [Proto.longs("a", [1], [0])], says: "divides by zero"),
  Hostile(
    "gathering outside", node: Proto.node("Gather", ["a", "b"], ["y"]),
    initializers: [Proto.longs("a", [2], [1, 2]), Proto.longs("b", [1], [9])], says: "outside"),
  Hostile(
    "very many empty rows",
    node: Proto.node("Gather", ["a", "b"], ["y"], attributes: [Proto.integer("axis", 1)]),
    initializers: [Proto.raw("a", [1 << 40, 0], bytes: 0), Proto.longs("b", [0], [])], says: "is empty"),
  Hostile(
    "a broadcast to 2^40 elements", node: Proto.node("Expand", ["a", "b"], ["y"]),
    initializers: [Proto.longs("a", [1], [1]), Proto.longs("b", [1], [1 << 40])], says: "are allowed"),
  Hostile(
    "statistics that somebody reads",
    Proto.model(
      Proto.graph(nodes: [
        Proto.node("Dropout", ["x"], ["y", "mask"]), Proto.node("Relu", ["mask"], ["z"]),
      ])), says: "is used"),
]

@Suite struct HostileModelTests {
  @Test(arguments: wire + tensors + graphs)
  func isRefusedInOneLineThatSaysWhy(_ hostile: Hostile) throws {
    let error = try #require(throws: InputError.self) {
      try readONNX(bytes: hostile.bytes, name: "bad.onnx")
    }
    #expect(error.diagnostics.count == 1)
    let diagnostic = try #require(error.diagnostics.first)
    #expect(diagnostic.kind == .badModel)
    #expect(diagnostic.location?.file == "bad.onnx")
    #expect(diagnostic.message.contains(hostile.says), "\(diagnostic.message)")
    #expect(!diagnostic.message.contains("\n") && diagnostic.message.count < 1000)
    #expect(diagnostic.location?.byteOffset != nil || diagnostic.location?.part != nil, "\(diagnostic)")
  }

  @Test func theSoundModelOfTheseTestsIsRead() throws {
    let model = try readONNX(bytes: Proto.relu(), name: "relu.onnx")
    #expect(model.graph.nodes.count == 1)
  }

  // Every beginning of a file is either refused or, where only trailing fields are missing, read.
  @Test func everyPrefixIsRefusedOrRead() throws {
    let whole = try Examples.lenet()
    var refused = 0
    for count in 0..<2048 {
      do { _ = try readONNX(bytes: Array(whole.prefix(count)), name: "prefix", batch: 2) } catch {
        refused += 1
      }
    }
    #expect(refused == 2048, "a file that ends inside its graph was read")
  }

  @Test(arguments: [UInt64(1), 2, 3, 4]) func mutationsNeverTrap(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let sound = try Examples.soundModels()
    var read = 0
    for _ in 0..<1250 {
      var bytes = sound[Int(generator.next() % UInt64(sound.count))]
      for _ in 0...(generator.next() % 4) {
        let place = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 4 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes[place] ^= 1 << UInt8(generator.next() % 8)
        case 2: bytes.remove(at: place)
        default: bytes.insert([0, 0x7F, 0x80, 0xFF][Int(generator.next() % 4)], at: place)
        }
      }
      do {
        let model = try readONNX(bytes: bytes, name: "mutation", batch: 1 + Int(generator.next() % 5))
        read += 1
        // What was accepted must bear being counted, priced and written.
        _ = multiplyAccumulates(model.graph)
        _ = model.graph.tensors.reduce(0) { $0 + $1.type.elementCount }
      } catch { #expect(!error.diagnostics.isEmpty) }
    }
    #expect(read > 0, "seed \(seed): no mutation was read, so nothing behind the wire was tried")
  }
}
