/// A `NodeProto`, read when its turn comes and not kept.
struct NodeMessage {
  /// The names of the inputs; an absent optional input is empty.
  let inputs: [String]
  /// The names of the outputs; an unused optional output is empty.
  let outputs: [String]
  /// The node's name, or the name of its first output.
  let name: String
  /// The operator, with its domain in front where that is not the default one.
  let operation: String
  /// Where it begins in the file.
  let offset: Int
  private let attributes: [AttributeMessage]

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ImportFault) {
    var reader = WireReader(bytes, range)
    var inputs: [String] = []
    var outputs: [String] = []
    var name = ""
    var operation = ""
    var domain = ""
    var attributes: [AttributeMessage] = []
    while let field = try reader.next() {
      switch field.number {
      case 1: inputs.append(try bytes.name(field, "the name of a node's input"))
      case 2: outputs.append(try bytes.name(field, "the name of a node's output"))
      case 3: name = try bytes.name(field, "the name of a node")
      case 4: operation = try bytes.name(field, "the operator of a node")
      case 5:
        try field.require(.lengthDelimited, "attribute")
        let attribute = try AttributeMessage(bytes, field.payload)
        guard !attributes.contains(where: { $0.name == attribute.name }) else {
          throw ImportFault(
            "the attribute \(shortened(attribute.name)) appears twice", at: field.offset,
            part: "node \(name)", hint: damagedHint)
        }
        guard attributes.count < 256 else {
          throw ImportFault("a node has more than 256 attributes", at: field.offset, hint: damagedHint)
        }
        attributes.append(attribute)
      case 7: domain = try bytes.name(field, "the domain of a node")
      default: break
      }
    }
    guard !operation.isEmpty else {
      throw ImportFault("a node names no operator", at: range.lowerBound, hint: damagedHint)
    }
    guard let firstOutput = outputs.first(where: { !$0.isEmpty }) else {
      throw ImportFault(
        "a node of \(shortened(operation)) has no output", at: range.lowerBound, hint: damagedHint)
    }
    self.inputs = inputs
    self.outputs = outputs
    self.name = name.isEmpty ? firstOutput : name
    self.operation = domain.isEmpty || domain == "ai.onnx" ? operation : "\(domain)::\(operation)"
    self.attributes = attributes
    offset = range.lowerBound
  }

  /// The value of an attribute, nil where it is absent.
  func attribute(_ name: String) -> AttributeValue? {
    attributes.first { $0.name == name }?.value
  }

  /// The value of an integer attribute.
  func integer(_ name: String) throws(ImportFault) -> Int? {
    guard let value = attribute(name) else { return nil }
    guard case .integer(let integer) = value else { throw wrongType(name, "an integer") }
    return integer
  }

  /// The value of a real attribute.
  func real(_ name: String) throws(ImportFault) -> Double? {
    guard let value = attribute(name) else { return nil }
    guard case .real(let real) = value else { throw wrongType(name, "a float") }
    return real
  }

  /// The value of a text attribute.
  func text(_ name: String) throws(ImportFault) -> String? {
    guard let value = attribute(name) else { return nil }
    guard case .text(let text) = value else { throw wrongType(name, "a string") }
    return text
  }

  /// The value of a list of integers.
  func integers(_ name: String) throws(ImportFault) -> [Int]? {
    guard let value = attribute(name) else { return nil }
    guard case .integers(let integers) = value else { throw wrongType(name, "a list of integers") }
    return integers
  }

  /// Returns a fault of this node.
  func fault(_ message: String, hint: String? = nil, isAboutBatch: Bool = false) -> ImportFault {
    ImportFault(
      "\(shortened(operation)): \(message)", at: offset, part: "node \(name)", hint: hint,
      isAboutBatch: isAboutBatch)
  }

  private func wrongType(_ name: String, _ expected: String) -> ImportFault {
    fault("the attribute \(name) is not \(expected)", hint: damagedHint)
  }
}
