/// The bytes of protobuf messages, written by hand so that they may be wrong.
enum Wire {
  static func varint(_ value: UInt64) -> [UInt8] {
    var rest = value
    var bytes: [UInt8] = []
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }
  static func integer(_ field: Int, _ value: Int) -> [UInt8] {
    varint(UInt64(field) << 3) + varint(UInt64(bitPattern: Int64(value)))
  }
  static func data(_ field: Int, _ bytes: [UInt8]) -> [UInt8] {
    varint(UInt64(field) << 3 | 2) + varint(UInt64(bytes.count)) + bytes
  }
  static func text(_ field: Int, _ text: String) -> [UInt8] { data(field, Array(text.utf8)) }
  static func float(_ field: Int, _ value: Float) -> [UInt8] {
    varint(UInt64(field) << 3 | 5) + (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }
}

/// Parts of ONNX models, each with what a test may want to spoil.
enum Proto {
  static func model(_ graph: [UInt8], opset: [UInt8] = operatorSet(13), more: [UInt8] = []) -> [UInt8] {
    Wire.integer(1, 8) + Wire.data(7, graph) + opset + more
  }
  static func operatorSet(_ version: Int, domain: String = "") -> [UInt8] {
    Wire.data(8, Wire.text(1, domain) + Wire.integer(2, version))
  }
  static func graph(
    nodes: [[UInt8]], initializers: [[UInt8]] = [], inputs: [[UInt8]] = [value("x", [2, 4])],
    outputs: [[UInt8]] = [value("y", [2, 4])]
  ) -> [UInt8] {
    nodes.flatMap { Wire.data(1, $0) } + Wire.text(2, "graph") + initializers.flatMap { Wire.data(5, $0) }
      + inputs.flatMap { Wire.data(11, $0) } + outputs.flatMap { Wire.data(12, $0) }
  }
  static func node(
    _ kind: String, _ inputs: [String], _ outputs: [String], name: String = "n", domain: String? = nil,
    attributes: [[UInt8]] = []
  ) -> [UInt8] {
    inputs.flatMap { Wire.text(1, $0) } + outputs.flatMap { Wire.text(2, $0) } + Wire.text(3, name)
      + Wire.text(4, kind) + attributes.flatMap { Wire.data(5, $0) } + (domain.map { Wire.text(7, $0) } ?? [])
  }
  static func integer(_ name: String, _ value: Int) -> [UInt8] {
    Wire.text(1, name) + Wire.integer(3, value) + Wire.integer(20, 2)
  }
  static func integers(_ name: String, _ values: [Int]) -> [UInt8] {
    Wire.text(1, name) + values.flatMap { Wire.integer(8, $0) } + Wire.integer(20, 7)
  }
  static func text(_ name: String, _ value: String) -> [UInt8] {
    Wire.text(1, name) + Wire.text(4, value) + Wire.integer(20, 3)
  }
  static func tensor(_ name: String, _ value: [UInt8]) -> [UInt8] {
    Wire.text(1, name) + Wire.data(5, value) + Wire.integer(20, 4)
  }
  static func floats(_ name: String, _ shape: [Int], _ values: [Float]) -> [UInt8] {
    shape.flatMap { Wire.integer(1, $0) } + Wire.integer(2, 1) + values.flatMap { Wire.float(4, $0) }
      + Wire.text(8, name)
  }
  static func longs(_ name: String, _ shape: [Int], _ values: [Int]) -> [UInt8] {
    shape.flatMap { Wire.integer(1, $0) } + Wire.integer(2, 7)
      + Wire.data(7, values.flatMap { Wire.varint(UInt64(bitPattern: Int64($0))) }) + Wire.text(8, name)
  }
  static func raw(_ name: String, _ shape: [Int], type: Int = 1, bytes: Int) -> [UInt8] {
    shape.flatMap { Wire.integer(1, $0) } + Wire.integer(2, type) + Wire.text(8, name)
      + Wire.data(9, [UInt8](repeating: 0, count: bytes))
  }
  static func external(_ name: String, _ shape: [Int], _ entries: [(String, String)]) -> [UInt8] {
    shape.flatMap { Wire.integer(1, $0) } + Wire.integer(2, 1) + Wire.text(8, name)
      + entries.flatMap { Wire.data(13, Wire.text(1, $0.0) + Wire.text(2, $0.1)) } + Wire.integer(14, 1)
  }
  /// A graph's input or output of float32; nil is a dimension without a number or a name.
  static func value(_ name: String, _ shape: [Int?], type: Int = 1) -> [UInt8] {
    let dimensions = shape.flatMap { Wire.data(1, $0.map { Wire.integer(1, $0) } ?? []) }
    return Wire.text(1, name) + Wire.data(2, Wire.data(1, Wire.integer(1, type) + Wire.data(2, dimensions)))
  }
  static func symbolic(_ name: String, _ dimension: String, _ shape: [Int]) -> [UInt8] {
    let dimensions =
      Wire.data(1, Wire.text(2, dimension)) + shape.flatMap { Wire.data(1, Wire.integer(1, $0)) }
    return Wire.text(1, name) + Wire.data(2, Wire.data(1, Wire.integer(1, 1) + Wire.data(2, dimensions)))
  }
  /// A model of one Relu, which is sound.
  static func relu() -> [UInt8] { model(graph(nodes: [node("Relu", ["x"], ["y"])])) }
}
