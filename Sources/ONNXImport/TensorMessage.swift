internal import Graphs

/// A `TensorProto` as a view: its type, and where in the file its values lie.
struct TensorMessage {
  /// Where the values are.
  enum Storage {
    /// Little-endian bytes without padding.
    case raw(Range<Int>)
    /// In the repeated field of this number (`float_data`, `int32_data`, …).
    case typed(field: Int)
    /// In another file.
    case external(ExternalLocation)
  }
  /// The tensor's name, which may be empty for an attribute.
  let name: String
  /// The element type and shape.
  let type: TensorType
  /// Where the values are.
  let storage: Storage
  /// The bytes of the message.
  let range: Range<Int>

  /// Reads the message at `range` and checks that its values are all there.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(ImportFault) {
    var reader = WireReader(bytes, range)
    var name = ""
    var shape: [Int] = []
    var code = 0
    var raw: Range<Int>?
    var typed: [Int: Int] = [:]
    var entries: [(key: String, value: String)] = []
    var isExternal = false
    while let field = try reader.next() {
      switch field.number {
      case 1: try appendIntegers(bytes, field, "dims", limit: ModelLimits.rank, to: &shape)
      case 2:
        try field.require(.varint, "data_type")
        code = field.integer
      case 3:
        throw ImportFault(
          "a tensor is cut into segments, which is not supported", at: field.offset,
          hint: "export the model again with whole tensors")
      case 4, 10: typed[field.number, default: 0] += try fixedCount(field, field.number == 4 ? 4 : 8)
      case 5, 7, 11: typed[field.number, default: 0] += varintCount(bytes, field)
      case 6: typed[6, default: 0] += 1
      case 8: name = try bytes.name(field, "the name of a tensor")
      case 9:
        try field.require(.lengthDelimited, "raw_data")
        raw = field.payload
      case 13:
        try field.require(.lengthDelimited, "external_data")
        guard entries.count < 16 else {
          throw ImportFault(
            "external_data has more than 16 entries", at: field.offset, hint: damagedHint)
        }
        entries.append(try keyAndValue(bytes, field.payload))
      case 14:
        try field.require(.varint, "data_location")
        isExternal = field.integer == 1
      default: break
      }
    }
    let part = name.isEmpty ? nil : "tensor \(name)"
    func fault(_ message: String, hint: String = damagedHint) -> ImportFault {
      ImportFault(message, at: range.lowerBound, part: part, hint: hint)
    }
    guard let elementType = ElementType(onnx: code) else {
      throw fault(
        "the element type \(elementTypeName(code)) is not supported",
        hint: "supported: \(ElementType.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let count = try checkedElementCount(shape, elementType, at: range.lowerBound, part: part)
    self.name = name
    self.type = TensorType(elementType, shape)
    self.range = range
    if isExternal {
      storage = .external(
        try ExternalLocation(entries, size: count * elementType.byteCount, at: range.lowerBound, part: part))
    } else if let raw {
      let expected = count * elementType.byteCount
      guard raw.count == expected else {
        throw fault(
          "raw_data has \(raw.count) bytes, but \(shape) of \(elementType.rawValue) has \(expected)")
      }
      storage = .raw(raw)
    } else {
      let field = elementType.typedField
      let found = typed[field, default: 0]
      guard found == count else {
        throw fault("\(found) values are stored, but \(shape) has \(count) elements")
      }
      storage = .typed(field: field)
    }
  }
}

/// Returns the number of elements of a shape, checked against every limit.
@discardableResult
func checkedElementCount(
  _ shape: [Int], _ elementType: ElementType, at offset: Int?, part: String?
) throws(ImportFault) -> Int {
  guard shape.count <= ModelLimits.rank else {
    throw ImportFault(
      "a tensor has \(shape.count) dimensions, more than the \(ModelLimits.rank) that are read",
      at: offset, part: part)
  }
  if let extent = shape.first(where: { $0 < 0 }) {
    throw ImportFault("a dimension is negative: \(extent)", at: offset, part: part, hint: damagedHint)
  }
  // The product without its zeros is bounded too, because a part of a shape is often multiplied alone.
  var count = 1
  for extent in shape where extent > 0 {
    let (product, overflow) = count.multipliedReportingOverflow(by: extent)
    guard !overflow, product <= ModelLimits.tensorBytes / elementType.byteCount else {
      throw ImportFault(
        "a tensor of shape \(shape) is larger than 2^48 bytes", at: offset, part: part,
        hint: "check the dimensions of the model")
    }
    count = product
  }
  return shape.contains(0) ? 0 : count
}

/// Appends the integers of a repeated field, packed or not.
func appendIntegers(
  _ bytes: UnsafeRawBufferPointer, _ field: WireField, _ name: String, limit: Int, to list: inout [Int]
) throws(ImportFault) {
  func append(_ value: Int) throws(ImportFault) {
    guard list.count < limit else {
      throw ImportFault("\(name) has more than \(limit) entries", at: field.offset, hint: damagedHint)
    }
    list.append(value)
  }
  if field.encoding == .lengthDelimited {
    var packed = WireReader(bytes, field.payload)
    while !packed.isAtEnd { try append(Int(truncatingIfNeeded: try packed.varint())) }
  } else {
    try field.require(.varint, name)
    try append(field.integer)
  }
}

/// Returns the key and the value of a `StringStringEntryProto`.
private func keyAndValue(
  _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
) throws(ImportFault) -> (key: String, value: String) {
  var reader = WireReader(bytes, range)
  var entry = (key: "", value: "")
  while let field = try reader.next() {
    switch field.number {
    case 1: entry.key = try bytes.name(field, "a key of external_data")
    case 2: entry.value = try bytes.name(field, "a value of external_data")
    default: break
    }
  }
  return entry
}

private func fixedCount(_ field: WireField, _ size: Int) throws(ImportFault) -> Int {
  guard field.encoding == .lengthDelimited else { return 1 }
  guard field.payload.count % size == 0 else {
    throw ImportFault(
      "packed numbers of \(size) bytes fill \(field.payload.count) bytes", at: field.offset, hint: damagedHint
    )
  }
  return field.payload.count / size
}

/// The numbers of a packed varint field: as many as it has bytes without a continuation bit.
private func varintCount(_ bytes: UnsafeRawBufferPointer, _ field: WireField) -> Int {
  guard field.encoding == .lengthDelimited else { return 1 }
  var count = 0
  for index in field.payload where bytes[index] < 0x80 { count += 1 }
  return count
}
