internal import Diagnostics

/// Reads an array that NumPy saved: format version 1 to 3, numbers in C order.
///
/// - Parameters:
///   - file: The file.
///   - range: The bytes of the array, where it is a part of the file.
///
/// > Source: NumPy documentation, `numpy.lib.format`, "Format Version 1.0" to "3.0".
func readNPY(_ file: DataFile, range: Range<Int>? = nil) throws(InputError) -> NumberArray {
  let range = range ?? 0..<file.bytes.count
  let bytes = UnsafeRawBufferPointer(rebasing: file.bytes[range])
  func fault(_ message: String, hint: String? = nil) -> InputError {
    dataFault(file.path, message, at: range.lowerBound, hint: hint)
  }
  guard bytes.count >= 10, bytes.prefix(6).elementsEqual([0x93] + Array("NUMPY".utf8)) else {
    throw fault("is no array of NumPy", hint: "write it with numpy.save")
  }
  let headerStart: Int
  let headerLength: Int
  switch bytes[6] {
  case 1:
    headerStart = 10
    headerLength = Int(bytes[8]) | Int(bytes[9]) << 8
  case 2, 3:
    guard bytes.count >= 12 else { throw fault("the header is cut short") }
    headerStart = 12
    headerLength = (0..<4).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
  default: throw fault("the version \(bytes[6]) of the format of NumPy is not known")
  }
  guard headerLength <= min(1 << 20, bytes.count - headerStart) else {
    throw fault("the header is cut short", hint: "write the file again")
  }
  let text = bytes[headerStart..<headerStart + headerLength]
  guard let header = NPYHeader(text) else {
    throw fault("the header is not that of an array", hint: "write it with numpy.save")
  }
  guard !header.isFortranOrder || header.shape.count <= 1 else {
    throw fault("the array is in Fortran order", hint: "save numpy.ascontiguousarray(array)")
  }
  guard let coding = header.coding else {
    throw fault(
      "numbers of the kind '\(header.description)' are not read",
      hint: "save integers of 1 to 8 bytes or float32 or float64; float16 as array.astype('float32')")
  }
  return try NumberArray(
    file: file, start: range.lowerBound + headerStart + headerLength, shape: header.shape, coding: coding,
    end: range.upperBound)
}

/// The fields of an array's header, which is a dictionary in Python's notation.
private struct NPYHeader {
  let description: String
  let isFortranOrder: Bool
  let shape: [Int]

  init?(_ text: Slice<UnsafeRawBufferPointer>) {
    var scanner = Scanner(bytes: text)
    var description: String?
    var isFortranOrder: Bool?
    var shape: [Int]?
    guard scanner.take("{") else { return nil }
    while !scanner.take("}") {
      guard let key = scanner.string(), scanner.take(":") else { return nil }
      switch key {
      case "descr":
        guard let text = scanner.string() else { return nil }
        description = text
      case "fortran_order":
        if scanner.take("True") {
          isFortranOrder = true
        } else if scanner.take("False") {
          isFortranOrder = false
        }
      case "shape": shape = scanner.tuple()
      default: return nil
      }
      if !scanner.take(",") {
        guard scanner.take("}") else { return nil }
        break
      }
    }
    guard let description, let isFortranOrder, let shape else { return nil }
    self.description = description
    self.isFortranOrder = isFortranOrder
    self.shape = shape
  }

  /// How the numbers are read, nil where they are of another kind.
  var coding: ElementCoding? {
    guard let order = description.first, "<|>=".contains(order) else { return nil }
    let kind: ElementCoding.Kind
    switch description.dropFirst() {
    case "u1", "b1": kind = .uint8
    case "i1": kind = .int8
    case "i2": kind = .int16
    case "u2": kind = .uint16
    case "i4": kind = .int32
    case "u4": kind = .uint32
    case "i8": kind = .int64
    case "f4": kind = .float32
    case "f8": kind = .float64
    default: return nil
    }
    return ElementCoding(kind, isBigEndian: order == ">")
  }
}

/// Reads Python's literals.
private struct Scanner {
  let bytes: Slice<UnsafeRawBufferPointer>
  private var position: Int

  init(bytes: Slice<UnsafeRawBufferPointer>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  private mutating func skipSpace() {
    while position < bytes.endIndex, bytes[position] == 0x20 || bytes[position] == 0x0A { position += 1 }
  }

  /// Skips a word if it is next.
  mutating func take(_ word: String) -> Bool {
    skipSpace()
    guard bytes[position...].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  /// A string in quotes without escapes.
  mutating func string() -> String? {
    skipSpace()
    guard position < bytes.endIndex else { return nil }
    let quote = bytes[position]
    guard quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else { return nil }
    let rest = bytes[(position + 1)...]
    guard let end = rest.firstIndex(of: quote), end - position <= 64 else { return nil }
    defer { position = end + 1 }
    return String(validating: bytes[position + 1..<end], as: UTF8.self)
  }

  /// Extents in parentheses.
  mutating func tuple() -> [Int]? {
    guard take("(") else { return nil }
    var extents: [Int] = []
    while !take(")") {
      skipSpace()
      let digits = bytes[position...].prefix { $0 >= 0x30 && $0 <= 0x39 }
      guard let extent = Int(String(decoding: digits, as: UTF8.self)), extents.count < 32 else { return nil }
      extents.append(extent)
      position += digits.count
      if !take(",") { return take(")") ? extents : nil }
    }
    return extents
  }
}
