internal import Graphs

/// Writes the fields of one protobuf message.
struct ProtoWriter {
  fileprivate(set) var bytes: [UInt8] = []

  /// Writes an integer of 64 bits.
  mutating func integer(_ field: Int, _ value: Int) {
    varint(UInt64(field) << 3)
    varint(UInt64(bitPattern: Int64(value)))
  }

  /// Writes a float of 32 bits.
  mutating func real(_ field: Int, _ value: Double) {
    varint(UInt64(field) << 3 | 5)
    appendLittleEndian(UInt64(Float(value).bitPattern), 4)
  }

  /// Writes text.
  mutating func text(_ field: Int, _ value: String) { data(field, Array(value.utf8)) }

  /// Writes bytes.
  mutating func data(_ field: Int, _ value: [UInt8]) {
    varint(UInt64(field) << 3 | 2)
    varint(UInt64(value.count))
    bytes += value
  }

  /// Appends fields that were written before.
  mutating func append(_ other: ProtoWriter) { bytes += other.bytes }

  /// Writes a message.
  mutating func message(_ field: Int, _ fill: (inout ProtoWriter) -> Void) {
    var inner = ProtoWriter()
    fill(&inner)
    data(field, inner.bytes)
  }

  /// Writes a packed list of integers.
  mutating func integers(_ field: Int, _ values: [Int]) {
    var packed = ProtoWriter()
    for value in values { packed.varint(UInt64(bitPattern: Int64(value))) }
    data(field, packed.bytes)
  }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends the low `count` bytes of `bits`.
  mutating func appendLittleEndian(_ bits: UInt64, _ count: Int) {
    for index in 0..<count { bytes.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * index))) }
  }

  /// Writes a `TensorProto` with raw data.
  mutating func tensor(_ field: Int, _ name: String, _ type: TensorType, _ values: [Double]) {
    precondition(
      values.count == type.elementCount, "\(values.count) values for \(type.elementCount) elements of \(name)"
    )
    var raw = ProtoWriter()
    raw.bytes.reserveCapacity(values.count * type.elementType.byteCount)
    for value in values { raw.appendLittleEndian(type.elementType.bits(value), type.elementType.byteCount) }
    tensor(field, name, type, raw: raw.bytes)
  }

  /// Writes a `TensorProto` with raw data.
  mutating func tensor(_ field: Int, _ name: String, _ type: TensorType, _ values: [Float]) {
    guard type.elementType == .float32 else { return tensor(field, name, type, values.map(Double.init)) }
    precondition(
      values.count == type.elementCount, "\(values.count) values for \(type.elementCount) elements of \(name)"
    )
    var raw: [UInt8] = []
    raw.reserveCapacity(4 * values.count)
    // Numbers lie little-endian in memory on every machine that this runs on.
    values.withUnsafeBytes { raw.append(contentsOf: $0) }
    tensor(field, name, type, raw: raw)
  }

  private mutating func tensor(_ field: Int, _ name: String, _ type: TensorType, raw: [UInt8]) {
    message(field) { tensor in
      for extent in type.shape { tensor.integer(1, extent) }
      tensor.integer(2, type.elementType.onnxCode)
      if !name.isEmpty { tensor.text(8, name) }
      tensor.data(9, raw)
    }
  }
}

extension ElementType {
  /// Returns the bits that hold a value in this type; integers are cut and bounded.
  func bits(_ value: Double) -> UInt64 {
    switch self {
    case .float32: UInt64(Float(value).bitPattern)
    case .float64: value.bitPattern
    case .bfloat16: UInt64(roundedUpper(Float(value).bitPattern))
    case .float16: UInt64(halfBits(value))
    case .uint64: value.isNaN ? 0 : value >= 0x1p64 ? .max : UInt64(max(value, 0))
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .bool:
      UInt64(bitPattern: value.isNaN ? 0 : value >= 0x1p63 ? .max : Int64(max(value, -0x1p63)))
    }
  }
}

/// Returns the upper half of a float's bits, rounded to the nearest, ties to even.
private func roundedUpper(_ bits: UInt32) -> UInt32 {
  // An infinity or a NaN keeps its exponent only if nothing is added to it.
  if bits & 0x7F80_0000 == 0x7F80_0000 { return bits >> 16 | (bits & 0xFFFF == 0 ? 0 : 1) }
  return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16
}

/// Returns the IEEE half that is nearest to a value, ties to even.
private func halfBits(_ value: Double) -> UInt16 {
  let sign: UInt16 = value.sign == .minus ? 0x8000 : 0
  let magnitude = abs(value)
  if value.isNaN { return 0x7E00 }
  // Halfway between the greatest half, 65504, and what would be the next.
  if magnitude >= 65520 { return sign | 0x7C00 }
  if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
  let exponent = Int(magnitude.exponent)
  let fraction = UInt16(((magnitude.significand - 1) * 1024).rounded(.toNearestOrEven))
  // A fraction that rounds up to 1024 carries into the exponent by itself.
  return sign | (UInt16(exponent + 15) << 10 + fraction)
}
