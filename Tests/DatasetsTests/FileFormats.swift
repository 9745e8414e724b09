/// Files of the formats, written from their specifications.
enum FileFormats {
  /// An IDX file of bytes.
  static func idx(_ shape: [Int], _ numbers: [UInt8], kind: UInt8 = 0x08) -> [UInt8] {
    [0, 0, kind, UInt8(shape.count)] + shape.flatMap { bigEndian(UInt32($0)) } + numbers
  }

  /// An array as NumPy saves it.
  static func npy(
    _ description: String, _ shape: [Int], _ numbers: [UInt8], version: UInt8 = 1, fortran: Bool = false
  ) -> [UInt8] {
    let extents = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    let order = fortran ? "True" : "False"
    var header = Array("{'descr': '\(description)', 'fortran_order': \(order), 'shape': (\(extents)), }".utf8)
    let start = version == 1 ? 10 : 12
    while (start + header.count + 1) % 64 != 0 { header.append(0x20) }
    header.append(0x0A)
    let length = UInt32(header.count)
    let size = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) }
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + size + header + numbers
  }

  /// The bytes of numbers in little-endian order.
  static func littleEndian(_ numbers: [Float]) -> [UInt8] {
    numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) } }
  }

  /// The bytes of numbers in little-endian order.
  static func littleEndian(_ numbers: [Int64]) -> [UInt8] {
    numbers.flatMap { number in (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
  }

  static func bigEndian(_ number: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
  }

  /// A tar archive in the ustar format.
  static func tar(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
    members.flatMap { block($0.name, $0.content) } + [UInt8](repeating: 0, count: 1024)
  }

  /// A member of an archive with its padding.
  static func block(
    _ name: String, _ content: [UInt8], kind: Character = "0", prefix: String = ""
  ) -> [UInt8] {
    var header = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() { header[offset + index] = byte }
    }
    func octal(_ number: Int, _ digits: Int) -> String {
      let text = String(number, radix: 8)
      return String(repeating: "0", count: digits - text.count) + text
    }
    put(name, at: 0)
    put("0000644", at: 100)
    put(octal(content.count, 11), at: 124)
    put("00000000000", at: 136)
    put("        ", at: 148)
    put(String(kind), at: 156)
    put("ustar", at: 257)
    put("00", at: 263)
    put(prefix, at: 345)
    put(octal(header.reduce(0) { $0 + Int($1) }, 6), at: 148)
    header[154] = 0
    let padding = [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    return header + content + padding
  }

  /// A record of a pax header.
  static func paxRecord(_ key: String, _ value: String) -> [UInt8] {
    let rest = " \(key)=\(value)\n".utf8.count
    var length = rest + 1
    while String(length).utf8.count + rest != length { length += 1 }
    return Array("\(length) \(key)=\(value)\n".utf8)
  }
}
