/// One field of a protobuf message.
struct WireField {
  /// How the value is encoded.
  enum Encoding: UInt8 {
    case varint = 0
    case fixed64 = 1
    case lengthDelimited = 2
    case fixed32 = 5
  }
  /// The field's number in its message.
  let number: Int
  /// The encoding that the file uses for it.
  let encoding: Encoding
  /// Where the field begins in the file.
  let offset: Int
  /// The value of a varint or of a fixed field, zero-extended.
  let bits: UInt64
  /// The bytes of a length-delimited value in the file.
  let payload: Range<Int>

  /// The value as a signed integer of 64 bits, as protobuf's `int64` has it.
  var integer: Int { Int(truncatingIfNeeded: bits) }

  /// Throws where the file encodes the field otherwise than its message defines.
  func require(_ expected: Encoding, _ name: String) throws(ImportFault) {
    guard encoding == expected else {
      throw ImportFault(
        "field \(name) has the wire type \(encoding.rawValue) where \(expected.rawValue) belongs",
        at: offset, hint: damagedHint)
    }
  }
}

let damagedHint = "the file is damaged or not an ONNX model; download or export it again"

/// Walks over the fields of one protobuf message without copying anything.
///
/// Every step is checked against the end of the enclosing message, so that truncated or hostile bytes
/// give an ``ImportFault`` with the offset at which they were seen.
struct WireReader {
  private let bytes: UnsafeRawBufferPointer
  private(set) var position: Int
  private let end: Int

  /// Reads the message that fills `range` of the file.
  init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
    self.bytes = bytes
    position = range.lowerBound
    end = range.upperBound
  }

  /// Whether the message has ended.
  var isAtEnd: Bool { position >= end }

  /// Returns the next field, or nil at the end of the message.
  mutating func next() throws(ImportFault) -> WireField? {
    guard position < end else { return nil }
    let offset = position
    let tag = try varint()
    let number = tag >> 3
    guard (1...0x1FFF_FFFF).contains(number) else {
      throw ImportFault("a field has the impossible number \(number)", at: offset, hint: damagedHint)
    }
    guard let encoding = WireField.Encoding(rawValue: UInt8(tag & 7)) else {
      throw ImportFault(
        "a field has the wire type \(tag & 7), which ONNX does not use", at: offset, hint: damagedHint)
    }
    var bits: UInt64 = 0
    var payload = position..<position
    switch encoding {
    case .varint: bits = try varint()
    case .fixed64: bits = try fixed(8)
    case .fixed32: bits = try fixed(4)
    case .lengthDelimited:
      let length = try varint()
      guard length <= UInt64(end - position) else {
        throw ImportFault(
          "a field of \(length) bytes does not fit into the \(end - position) bytes that are left",
          at: offset, hint: "the file is truncated or damaged; download or export it again")
      }
      payload = position..<(position + Int(length))
      position += Int(length)
    }
    return WireField(
      number: Int(number), encoding: encoding, offset: offset, bits: bits, payload: payload)
  }

  /// Returns the next varint of a packed field.
  mutating func varint() throws(ImportFault) -> UInt64 {
    let offset = position
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while position < end {
      let byte = bytes[position]
      position += 1
      // The tenth byte may only hold the last of 64 bits.
      guard shift < 63 || byte <= 1 else { break }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
      guard shift <= 63 else { break }
    }
    throw ImportFault(
      position >= end ? "the file ends inside a number" : "a number is longer than 64 bits",
      at: offset, hint: damagedHint)
  }

  /// Returns the next little-endian number of `count` bytes.
  mutating func fixed(_ count: Int) throws(ImportFault) -> UInt64 {
    guard end - position >= count else {
      throw ImportFault("the file ends inside a number", at: position, hint: damagedHint)
    }
    var value: UInt64 = 0
    for index in 0..<count { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += count
    return value
  }
}

extension UnsafeRawBufferPointer {
  /// Returns the text of a field, checked to be UTF-8 of at most ``ModelLimits/nameBytes``.
  func name(_ field: WireField, _ what: String) throws(ImportFault) -> String {
    try field.require(.lengthDelimited, what)
    guard field.payload.count <= ModelLimits.nameBytes else {
      throw ImportFault(
        "\(what) has \(field.payload.count) bytes, more than the \(ModelLimits.nameBytes) that are read",
        at: field.offset, hint: "shorten the names before exporting")
    }
    guard let text = String(validating: self[field.payload], as: UTF8.self) else {
      throw ImportFault("\(what) is not UTF-8", at: field.offset, hint: damagedHint)
    }
    return text
  }
}
