public import Diagnostics
internal import Documents
internal import Graphs
internal import Units

/// A run's state and tensors as one file holds them.
///
/// ## The file
///
/// Eight bytes `PARTITA` and 1; the length of the head in 64 bits, little-endian; the head, a JSON text with
/// the state and each tensor's name, element type, shape, offset and length, filled with spaces to a multiple
/// of 64; the tensors' bytes, row-major and little-endian, each at a multiple of 64 after the head; the
/// SHA-256 of all of this.
public struct Checkpoint: Hashable, Sendable {
  /// What is known of the run.
  public let state: RunState
  /// Weights, running statistics and states of the optimizer.
  public let tensors: StoredTensors
  /// The file.
  public let path: String

  static let schema = "partita.checkpoint/1"
  static let mark = Array("PARTITA".utf8) + [1]
  static let alignment = 64
  private static let digestSize = 32

  /// Reads a file and checks it.
  ///
  /// - Throws: `InputError` where the file is missing or damaged in any bit.
  public init(reading path: String) throws(InputError) {
    let file = try readWhole(path)
    func damaged(_ message: String) -> InputError {
      InputError(
        .badModel, "the checkpoint is damaged: \(message)", at: SourceLocation(file: path),
        hint: "remove it; the one before it is kept")
    }
    let start = Self.mark.count + 8
    guard file.count >= start + Self.digestSize, file.starts(with: Self.mark) else {
      throw damaged("it does not begin as one, or is cut short at \(file.count) bytes")
    }
    let end = file.count - Self.digestSize
    let digest = file.withUnsafeBytes { bytes in
      var hash = SHA256()
      hash.update(UnsafeRawBufferPointer(rebasing: bytes[..<end]))
      return hash.finished()
    }
    guard digest.bytes.elementsEqual(file[end...]) else { throw damaged("its content has another SHA-256") }
    let stated = file[Self.mark.count..<start].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard stated <= UInt64(end - start) else { throw damaged("its head does not end") }
    let headEnd = start + Int(stated)
    let head = try JSONElement(parsing: Array(file[start..<headEnd]), file: path)
    let fields = try head.fields(required: RunState.keys + ["tensors"])
    state = try RunState(fields)
    var entries: [StoredTensors.Entry] = []
    for element in try fields["tensors"].array() {
      entries.append(try Self.entry(element, from: headEnd, to: end))
    }
    tensors = StoredTensors(file: file, entries: entries)
    self.path = path
  }

  private static func entry(
    _ element: JSONElement, from start: Int, to end: Int
  ) throws(InputError) -> StoredTensors.Entry {
    let fields = try element.fields(required: ["name", "type", "shape", "offset", "bytes"])
    var shape: [Int] = []
    for extent in try fields["shape"].array() { shape.append(try extent.integer(in: 0...1 << 48)) }
    let elementType = try fields["type"].choice(ElementType.self)
    let offset = try fields["offset"].integer(in: 0...end - start)
    let length = try fields["bytes"].integer(in: 0...end - start - offset)
    guard let size = byteCount(elementType, shape), size == length else {
      throw fields["bytes"].fault("\(length) bytes do not hold the shape \(shape)")
    }
    let first = start + offset
    return StoredTensors.Entry(
      name: try fields["name"].string(), type: TensorType(elementType, shape), range: first..<first + length)
  }

  /// Writes a file as a whole or not at all.
  static func write(
    _ state: RunState, _ tensors: [TensorView], to path: String,
    at faultPoint: @escaping (FaultPoint) throws(InputError) -> Void
  ) throws(InputError) {
    var offset = 0
    var places: [JSONValue] = []
    var offsets: [Int] = []
    for tensor in tensors {
      offsets.append(offset)
      places.append([
        "name": .string(tensor.name), "type": .string(tensor.type.elementType.rawValue),
        "shape": .array(tensor.type.shape.map(JSONValue.integer)), "offset": .integer(offset),
        "bytes": .integer(tensor.bytes.count),
      ])
      offset = aligned(offset + tensor.bytes.count)
    }
    let members = state.members + [JSONValue.Member("tensors", .array(places))]
    var head = Array(JSONValue.object(members).compact.utf8)
    let start = mark.count + 8
    head += [UInt8](repeating: 0x20, count: aligned(start + head.count) - start - head.count)
    let length = (0..<8).map { UInt8(truncatingIfNeeded: head.count >> (8 * $0)) }
    let size = start + head.count + offset + digestSize
    try writeAtomically(to: path, size: size, at: faultPoint) {
      (writer: inout FileWriter) throws(InputError) in
      try writer.write(mark + length + head)
      for tensor in tensors {
        try writer.write(tensor.bytes)
        let padding = aligned(tensor.bytes.count) - tensor.bytes.count
        try writer.write([UInt8](repeating: 0, count: padding))
      }
      try writer.write(writer.hash.finished().bytes)
    }
  }

  private static func aligned(_ count: Int) -> Int { (count + alignment - 1) / alignment * alignment }
}

/// The bytes of a tensor, nil where they are more than a file may hold.
func byteCount(_ type: ElementType, _ shape: [Int]) -> Int? {
  var count = type.size.count
  for extent in shape {
    let (product, overflow) = count.multipliedReportingOverflow(by: extent)
    guard extent >= 0, !overflow, product <= 1 << 48 else { return nil }
    count = product
  }
  return count
}
