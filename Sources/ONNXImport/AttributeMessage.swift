/// The value of an `AttributeProto`.
enum AttributeValue {
  case real(Double)
  case integer(Int)
  case text(String)
  case tensor(TensorMessage)
  case reals([Double])
  case integers([Int])
  /// A graph, a list of texts or something else that no supported operator reads.
  case other(String)
}

/// An `AttributeProto`.
struct AttributeMessage {
  /// The most numbers in one attribute; larger constants are tensors.
  static let longestList = 64 * 1024
  /// The attribute's name.
  let name: String
  /// Its value.
  let value: AttributeValue
  /// Where it begins in the file.
  let offset: Int

  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ImportFault) {
    var reader = WireReader(bytes, range)
    var name = ""
    var type: Int?
    var real: Double?
    var integer: Int?
    var text: String?
    var tensor: TensorMessage?
    var reals: [Double] = []
    var integers: [Int] = []
    var other: String?
    while let field = try reader.next() {
      switch field.number {
      case 1: name = try bytes.name(field, "the name of an attribute")
      case 2:
        try field.require(.fixed32, "f")
        real = shortestDecimal(Double(Float(bitPattern: UInt32(truncatingIfNeeded: field.bits))))
      case 3:
        try field.require(.varint, "i")
        integer = field.integer
      case 4: text = try bytes.name(field, "a text attribute")
      case 5:
        try field.require(.lengthDelimited, "t")
        tensor = try TensorMessage(bytes, field.payload)
      case 6, 11: other = "a graph"
      case 7: try appendReals(bytes, field, to: &reals)
      case 8:
        try appendIntegers(bytes, field, "ints", limit: AttributeMessage.longestList, to: &integers)
      case 9: other = "a list of texts"
      case 10: other = "a list of tensors"
      case 14, 15, 22, 23: other = "a type or a sparse tensor"
      case 20:
        try field.require(.varint, "type")
        type = field.integer
      case 21:
        throw ImportFault(
          "an attribute refers to one of a function", at: field.offset,
          hint: "export the model with its functions inlined")
      default: break
      }
    }
    guard !name.isEmpty else {
      throw ImportFault("an attribute has no name", at: range.lowerBound, hint: damagedHint)
    }
    self.name = name
    offset = range.lowerBound
    switch type ?? 0 {
    case 1: value = .real(real ?? 0)
    case 2: value = .integer(integer ?? 0)
    case 3: value = .text(text ?? "")
    case 4:
      guard let tensor else {
        throw ImportFault(
          "the attribute has no tensor", at: range.lowerBound, part: "attribute \(name)", hint: damagedHint)
      }
      value = .tensor(tensor)
    case 6: value = .reals(reals)
    case 7: value = .integers(integers)
    case 5, 8...14: value = .other(other ?? "an unknown value")
    case 0:
      // Files before IR version 2 do not say the type, so whichever field is there decides.
      if let real {
        value = .real(real)
      } else if let integer {
        value = .integer(integer)
      } else if let text {
        value = .text(text)
      } else if let tensor {
        value = .tensor(tensor)
      } else if !reals.isEmpty {
        value = .reals(reals)
      } else {
        value = other.map(AttributeValue.other) ?? .integers(integers)
      }
    default:
      throw ImportFault(
        "the attribute has the unknown type \(type ?? 0)", at: range.lowerBound, part: "attribute \(name)",
        hint: damagedHint)
    }
  }
}

private func appendReals(
  _ bytes: UnsafeRawBufferPointer, _ field: WireField, to list: inout [Double]
) throws(ImportFault) {
  func append(_ bits: UInt64) throws(ImportFault) {
    guard list.count < AttributeMessage.longestList else {
      throw ImportFault(
        "floats has more than \(AttributeMessage.longestList) entries", at: field.offset, hint: damagedHint)
    }
    list.append(Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits))))
  }
  guard field.encoding == .lengthDelimited else {
    try field.require(.fixed32, "floats")
    return try append(field.bits)
  }
  var packed = WireReader(bytes, field.payload)
  while !packed.isAtEnd { try append(try packed.fixed(4)) }
}

/// Returns the shortest decimal number that gives a float: 1e-5 was meant where 9.99999974e-6 is stored.
func shortestDecimal(_ float: Double) -> Double {
  Double(Float(float).description) ?? float
}
