internal import Graphs

extension ElementType {
  /// The element type of a code of `TensorProto.DataType`, nil where it is not supported.
  init?(onnx code: Int) {
    guard let match = ElementType.allCases.first(where: { $0.onnxCode == code }) else { return nil }
    self = match
  }

  /// The code of `TensorProto.DataType`.
  var onnxCode: Int {
    switch self {
    case .float32: 1
    case .uint8: 2
    case .int8: 3
    case .uint16: 4
    case .int16: 5
    case .int32: 6
    case .int64: 7
    case .bool: 9
    case .float16: 10
    case .float64: 11
    case .uint32: 12
    case .uint64: 13
    case .bfloat16: 16
    }
  }

  /// The repeated field of `TensorProto` that holds values which are not raw.
  var typedField: Int {
    switch self {
    case .float32: 4
    case .float64: 10
    case .int64: 7
    case .uint32, .uint64: 11
    case .float16, .bfloat16, .int8, .uint8, .int16, .uint16, .int32, .bool: 5
    }
  }

  /// The bytes of one element.
  var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Returns the value that little-endian `bits` of this type mean.
  func value(_ bits: UInt64) -> Double {
    switch self {
    case .float32: Double(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .float64: Double(bitPattern: bits)
    case .float16: halfPrecision(UInt16(truncatingIfNeeded: bits))
    case .bfloat16: Double(Float(bitPattern: UInt32(UInt16(truncatingIfNeeded: bits)) << 16))
    case .int8: Double(Int8(truncatingIfNeeded: bits))
    case .uint8, .bool: Double(UInt8(truncatingIfNeeded: bits))
    case .int16: Double(Int16(truncatingIfNeeded: bits))
    case .uint16: Double(UInt16(truncatingIfNeeded: bits))
    case .int32: Double(Int32(truncatingIfNeeded: bits))
    case .uint32: Double(UInt32(truncatingIfNeeded: bits))
    case .int64: Double(Int64(truncatingIfNeeded: bits))
    case .uint64: Double(bits)
    }
  }
}

/// Returns the value of an IEEE half: sign, five bits of exponent, ten of fraction.
private func halfPrecision(_ bits: UInt16) -> Double {
  let sign: Double = bits & 0x8000 == 0 ? 1 : -1
  let exponent = Int(bits >> 10 & 0x1F)
  let fraction = Double(bits & 0x3FF)
  switch exponent {
  case 0: return sign * fraction * 0x1p-24
  case 31: return fraction == 0 ? sign * .infinity : .nan
  default: return sign * (1024 + fraction) * Double(sign: .plus, exponent: exponent - 25, significand: 1)
  }
}

/// Returns the name that ONNX gives a code of `TensorProto.DataType`.
func elementTypeName(_ code: Int) -> String {
  let names = [
    "UNDEFINED", "FLOAT", "UINT8", "INT8", "UINT16", "INT16", "INT32", "INT64", "STRING", "BOOL", "FLOAT16",
    "DOUBLE", "UINT32", "UINT64", "COMPLEX64", "COMPLEX128", "BFLOAT16", "FLOAT8E4M3FN", "FLOAT8E4M3FNUZ",
    "FLOAT8E5M2", "FLOAT8E5M2FNUZ", "UINT4", "INT4", "FLOAT4E2M1",
  ]
  return names.indices.contains(code) ? names[code] : "number \(code)"
}
