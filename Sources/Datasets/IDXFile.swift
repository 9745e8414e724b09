internal import Diagnostics

/// Reads an IDX file: two zero bytes, a code of the kind of number, the number of dimensions, their extents
/// in 32 bits, and the numbers, all big-endian.
///
/// > Source: Y. LeCun, C. Cortes, C. J. C. Burges. "The MNIST database of handwritten digits", section "The
/// > IDX file format".
func readIDX(_ file: DataFile) throws(InputError) -> NumberArray {
  let bytes = file.bytes
  guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0, let kind = kinds[bytes[2]], bytes[3] > 0 else {
    let found = (0..<min(4, bytes.count)).map { hexadecimal(bytes[$0]) }.joined(separator: " ")
    throw dataFault(
      file.path, "is no IDX file: it begins with \(found.isEmpty ? "nothing" : found)", at: 0,
      hint: "files of images begin with 00 00 08 03, files of labels with 00 00 08 01")
  }
  let dimensions = Int(bytes[3])
  var shape: [Int] = []
  for dimension in 0..<dimensions {
    guard let extent = bytes.bigEndian32(at: 4 + 4 * dimension) else {
      throw dataFault(
        file.path, "the header of \(dimensions) dimensions is cut short", at: bytes.count,
        hint: "download the file again")
    }
    shape.append(extent)
  }
  return try NumberArray(
    file: file, start: 4 + 4 * dimensions, shape: shape, coding: ElementCoding(kind, isBigEndian: true))
}

private let kinds: [UInt8: ElementCoding.Kind] = [
  0x08: .uint8, 0x09: .int8, 0x0B: .int16, 0x0C: .int32, 0x0D: .float32, 0x0E: .float64,
]

private func hexadecimal(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16)
}
