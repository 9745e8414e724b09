public import Diagnostics
internal import Documents
internal import Graphs

/// Returns the bytes of a safetensors file that holds tensors.
///
/// - Parameters:
///   - tensors: The tensors, with unique names.
///   - metadata: Texts by key that the file carries along.
///
/// > Source: Hugging Face, `safetensors`, README, section "Format".
public func safetensors(
  of tensors: [TensorView], metadata: [RunState.Setting] = []
) -> [UInt8] {
  precondition(Set(tensors.map(\.name)).count == tensors.count, "two tensors of a file have one name")
  // Wide elements first, so that every tensor is aligned to its own without gaps, which readers refuse.
  let ordered = tensors.sorted { left, right in
    let (wide, narrow) = (left.type.elementType.size, right.type.elementType.size)
    return wide == narrow ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8) : wide > narrow
  }
  var members: [JSONValue.Member] = []
  if !metadata.isEmpty {
    let texts = metadata.map { JSONValue.Member($0.key, .string($0.value)) }
    members.append(JSONValue.Member("__metadata__", .object(texts)))
  }
  var offset = 0
  for tensor in ordered {
    let end = offset + tensor.bytes.count
    members.append(
      JSONValue.Member(
        tensor.name,
        [
          "dtype": .string(tensor.type.elementType.safetensorsName),
          "shape": .array(tensor.type.shape.map(JSONValue.integer)),
          "data_offsets": [.integer(offset), .integer(end)],
        ]))
    offset = end
  }
  var head = Array(JSONValue.object(members).compact.utf8)
  while head.count % 8 != 0 { head.append(0x20) }
  var file = (0..<8).map { UInt8(truncatingIfNeeded: head.count >> (8 * $0)) }
  file.reserveCapacity(8 + head.count + offset)
  file += head
  for tensor in ordered { file.append(contentsOf: tensor.bytes) }
  return file
}

/// Reads a safetensors file.
///
/// - Throws: `InputError` where the file is missing or is none: a head that is no JSON, tensors that overlap,
///   leave gaps or do not fit their shapes, or a kind of number that is not known.
public func readSafetensors(path: String) throws(InputError) -> StoredTensors {
  try parsedSafetensors(readWhole(path), name: path)
}

/// Reads the bytes of a safetensors file.
func parsedSafetensors(_ file: [UInt8], name path: String) throws(InputError) -> StoredTensors {
  func fault(_ message: String) -> InputError {
    InputError(
      .badModel, message, at: SourceLocation(file: path), hint: "write or download the file again")
  }
  guard file.count >= 8 else { throw fault("is no safetensors file: it has \(file.count) bytes") }
  let stated = file[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
  guard stated <= UInt64(file.count - 8) else {
    throw fault("is no safetensors file, or cut short: its head would have \(stated) bytes")
  }
  let start = 8 + Int(stated)
  let head = try JSONElement(parsing: Array(file[8..<start]), file: path)
  var entries: [StoredTensors.Entry] = []
  for member in try head.members() where member.key != "__metadata__" {
    entries.append(try entry(member, from: start, to: file.count))
  }
  entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
  var end = start
  for entry in entries {
    guard entry.range.lowerBound == end else {
      throw fault("the tensor \(entry.name) does not begin where the one before it ends")
    }
    end = entry.range.upperBound
  }
  guard end == file.count else { throw fault("\(file.count - end) bytes follow the last tensor") }
  return StoredTensors(file: file, entries: entries)
}

private func entry(
  _ member: JSONElement.Field, from start: Int, to end: Int
) throws(InputError) -> StoredTensors.Entry {
  let fields = try member.value.fields(required: ["dtype", "shape", "data_offsets"])
  let name = try fields["dtype"].string()
  guard let type = ElementType.allCases.first(where: { $0.safetensorsName == name }) else {
    throw fields["dtype"].fault("numbers of the kind \(name) are not read")
  }
  var shape: [Int] = []
  for extent in try fields["shape"].array() { shape.append(try extent.integer(in: 0...1 << 48)) }
  var offsets: [Int] = []
  for offset in try fields["data_offsets"].array() { offsets.append(try offset.integer(in: 0...end - start)) }
  guard offsets.count == 2, offsets[0] <= offsets[1], byteCount(type, shape) == offsets[1] - offsets[0] else {
    throw fields["data_offsets"].fault(
      "the bytes of the tensor \(member.key) do not hold the shape \(shape)")
  }
  return StoredTensors.Entry(
    name: member.key, type: TensorType(type, shape), range: start + offsets[0]..<start + offsets[1])
}

extension ElementType {
  /// The name in safetensors files.
  fileprivate var safetensorsName: String {
    switch self {
    case .float32: "F32"
    case .float64: "F64"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .int8: "I8"
    case .uint8: "U8"
    case .int16: "I16"
    case .uint16: "U16"
    case .int32: "I32"
    case .uint32: "U32"
    case .int64: "I64"
    case .uint64: "U64"
    case .bool: "BOOL"
    }
  }
}
