/// A `ModelProto` as a view.
struct ModelMessage {
  /// The version of the default operator set.
  let opset: Int
  /// The graph.
  let graph: GraphMessage
  /// The program that wrote the file, as far as it says so.
  let producer: String

  init(_ bytes: UnsafeRawBufferPointer) throws(ImportFault) {
    let whole = 0..<bytes.count
    var reader = WireReader(bytes, whole)
    var opset: Int?
    var graph: Range<Int>?
    var producer: [String] = []
    while let field = try reader.next() {
      switch field.number {
      case 2, 3: producer.append(shortened(try bytes.name(field, "the name of the producer")))
      case 7:
        try field.require(.lengthDelimited, "graph")
        guard graph == nil else {
          throw ImportFault("the model has two graphs", at: field.offset, hint: damagedHint)
        }
        graph = field.payload
      case 8:
        try field.require(.lengthDelimited, "opset_import")
        let (domain, version) = try ModelMessage.operatorSet(bytes, field.payload)
        guard domain.isEmpty || domain == "ai.onnx" else { continue }
        guard (ModelLimits.oldestOpset...ModelLimits.newestOpset).contains(version) else {
          throw ImportFault(
            "the operator set has the version \(version)", at: field.offset,
            hint: """
              versions \(ModelLimits.oldestOpset) to \(ModelLimits.newestOpset) are read; export again, or \
              convert with onnx.version_converter
              """)
        }
        opset = version
      default: break
      }
    }
    guard let graph else {
      throw ImportFault(
        "the file holds no graph, so it is not an ONNX model", at: 0,
        hint: "name a file written by an ONNX exporter")
    }
    guard let opset else {
      throw ImportFault(
        "the model does not say the version of its operator set", at: 0, hint: "export the model again")
    }
    try checkNesting(bytes, graph)
    self.opset = opset
    self.producer = producer.joined(separator: " ")
    self.graph = try GraphMessage(bytes, graph)
  }

  private static func operatorSet(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(ImportFault) -> (domain: String, version: Int) {
    var domain = ""
    var version = 0
    var reader = WireReader(bytes, range)
    while let field = try reader.next() {
      switch field.number {
      case 1: domain = try bytes.name(field, "the domain of an operator set")
      case 2:
        try field.require(.varint, "version")
        version = field.integer
      default: break
      }
    }
    return (domain, version)
  }
}

/// Throws where graphs lie inside attributes of nodes of graphs deeper than ``ModelLimits/nesting`` messages.
///
/// Each byte is passed over at most once for each of those levels, and a level ends at the first message
/// without an inner graph.
private func checkNesting(
  _ bytes: UnsafeRawBufferPointer, _ graph: Range<Int>
) throws(ImportFault) {
  /// The fields that lead deeper: from a graph to its nodes, to their attributes, to their graphs.
  func leadsDeeper(_ field: Int, _ level: Int) -> Bool {
    switch level % 3 {
    case 0: field == 1
    case 1: field == 5
    default: field == 6 || field == 11
    }
  }
  // The model is the first message and the graph the second.
  var pending: [(range: Range<Int>, level: Int)] = [(graph, 0)]
  while let (range, level) = pending.popLast() {
    guard level + 2 <= ModelLimits.nesting else {
      throw ImportFault(
        "messages are nested deeper than \(ModelLimits.nesting)", at: range.lowerBound, hint: damagedHint)
    }
    var reader = WireReader(bytes, range)
    while let field = try reader.next() {
      guard field.encoding == .lengthDelimited, leadsDeeper(field.number, level) else { continue }
      pending.append((field.payload, level + 1))
    }
  }
}
