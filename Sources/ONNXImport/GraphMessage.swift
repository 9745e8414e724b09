internal import Graphs

/// A dimension of a graph's input.
enum Dimension: Hashable {
  case fixed(Int)
  /// A dimension with a name, which is empty where the file gives none.
  case symbolic(String)
}

/// A `ValueInfoProto` of a graph's input or output.
struct ValueMessage {
  /// The tensor's name.
  let name: String
  /// Its element type, nil where the file gives none or it is not supported.
  let elementType: ElementType?
  /// Its dimensions, nil where the file gives no shape.
  let dimensions: [Dimension]?
  /// Where it begins in the file.
  let offset: Int

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ImportFault) {
    var reader = WireReader(bytes, range)
    var name = ""
    var type: (elementType: ElementType?, dimensions: [Dimension]?) = (nil, nil)
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try bytes.name(field, "the name of a graph's input or output")
      case 2:
        try field.require(.lengthDelimited, "type")
        type = try ValueMessage.type(bytes, field.payload)
      default: break
      }
    }
    guard !name.isEmpty else {
      throw ImportFault("a graph's input or output has no name", at: range.lowerBound, hint: damagedHint)
    }
    self.name = name
    elementType = type.elementType
    dimensions = type.dimensions
    offset = range.lowerBound
  }

  private static func type(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(ImportFault) -> (ElementType?, [Dimension]?) {
    var elementType: ElementType?
    var dimensions: [Dimension]?
    var reader = WireReader(bytes, range)
    // Only field 1, a dense tensor, is read: sequences, maps and optionals stay without a type.
    while let field = try reader.next() {
      guard field.number == 1 else { continue }
      try field.require(.lengthDelimited, "tensor_type")
      var tensor = WireReader(bytes, field.payload)
      while let field = try tensor.next() {
        switch field.number {
        case 1: elementType = ElementType(onnx: field.integer)
        case 2:
          try field.require(.lengthDelimited, "shape")
          dimensions = try shape(bytes, field.payload)
        default: break
        }
      }
    }
    return (elementType, dimensions)
  }

  private static func shape(
    _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
  ) throws(ImportFault) -> [Dimension] {
    var dimensions: [Dimension] = []
    var reader = WireReader(bytes, range)
    while let field = try reader.next() {
      guard field.number == 1 else { continue }
      try field.require(.lengthDelimited, "dim")
      guard dimensions.count < ModelLimits.rank else {
        throw ImportFault(
          "a tensor has more than the \(ModelLimits.rank) dimensions that are read", at: field.offset)
      }
      var dimension = Dimension.symbolic("")
      var entry = WireReader(bytes, field.payload)
      while let part = try entry.next() {
        switch part.number {
        case 1:
          try part.require(.varint, "dim_value")
          guard part.integer >= -1 else {
            throw ImportFault("a dimension is negative: \(part.integer)", at: part.offset, hint: damagedHint)
          }
          // Some exporters write an unknown extent as -1 or 0.
          dimension = part.integer > 0 ? .fixed(part.integer) : .symbolic("")
        case 2: dimension = .symbolic(try bytes.name(part, "the name of a dimension"))
        default: break
        }
      }
      dimensions.append(dimension)
    }
    return dimensions
  }
}

/// A `GraphProto` as a view: the nodes and initializers are ranges of the file until they are needed.
struct GraphMessage {
  /// The graph's name.
  let name: String
  /// The nodes' messages.
  let nodes: [Range<Int>]
  /// The initializers' messages.
  let initializers: [Range<Int>]
  /// The inputs, initializers among them in files before IR version 4.
  let inputs: [ValueMessage]
  /// The outputs.
  let outputs: [ValueMessage]

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ImportFault) {
    var reader = WireReader(bytes, range)
    var name = ""
    var nodes: [Range<Int>] = []
    var initializers: [Range<Int>] = []
    var inputs: [ValueMessage] = []
    var outputs: [ValueMessage] = []
    while let field = try reader.next() {
      switch field.number {
      case 1:
        try field.require(.lengthDelimited, "node")
        guard nodes.count < ModelLimits.nodes else {
          throw ImportFault("the graph has more than \(ModelLimits.nodes) nodes", at: field.offset)
        }
        nodes.append(field.payload)
      case 2: name = try bytes.name(field, "the name of the graph")
      case 5:
        try field.require(.lengthDelimited, "initializer")
        guard initializers.count < ModelLimits.initializers else {
          throw ImportFault(
            "the graph has more than \(ModelLimits.initializers) initializers", at: field.offset)
        }
        initializers.append(field.payload)
      case 11, 12:
        try field.require(.lengthDelimited, "input or output")
        let value = try ValueMessage(bytes, field.payload)
        if field.number == 11 { inputs.append(value) } else { outputs.append(value) }
      case 15:
        throw ImportFault(
          "the graph has a sparse initializer, which is not supported", at: field.offset,
          hint: "export the weights as dense tensors")
      default: break
      }
    }
    self.name = name
    self.nodes = nodes
    self.initializers = initializers
    self.inputs = inputs
    self.outputs = outputs
  }
}
