/// How a number lies in a data file.
struct ElementCoding: Hashable, Sendable {
  /// The kinds of numbers that data files hold.
  enum Kind: Hashable, Sendable { case uint8, int8, int16, uint16, int32, uint32, int64, float32, float64 }

  let kind: Kind
  let isBigEndian: Bool

  init(_ kind: Kind, isBigEndian: Bool = false) {
    self.kind = kind
    self.isBigEndian = isBigEndian
  }

  /// The bytes of a number.
  var size: Int {
    switch kind {
    case .uint8, .int8: 1
    case .int16, .uint16: 2
    case .int32, .uint32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// Whether a number may be infinite or none.
  var isReal: Bool { kind == .float32 || kind == .float64 }

  /// The number at a place, which need not be aligned.
  func load(_ place: UnsafeRawPointer) -> Double {
    switch kind {
    case .uint8: Double(place.load(as: UInt8.self))
    case .int8: Double(place.load(as: Int8.self))
    case .int16: Double(integer(place, Int16.self))
    case .uint16: Double(integer(place, UInt16.self))
    case .int32: Double(integer(place, Int32.self))
    case .uint32: Double(integer(place, UInt32.self))
    case .int64: Double(integer(place, Int64.self))
    case .float32: Double(Float(bitPattern: integer(place, UInt32.self)))
    case .float64: Double(bitPattern: integer(place, UInt64.self))
    }
  }

  private func integer<Integer: FixedWidthInteger & BitwiseCopyable>(
    _ place: UnsafeRawPointer, _ type: Integer.Type
  ) -> Integer {
    let bits = place.loadUnaligned(as: type)
    return isBigEndian ? Integer(bigEndian: bits) : Integer(littleEndian: bits)
  }
}
