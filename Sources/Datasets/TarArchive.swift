internal import Diagnostics

/// A file in an archive.
struct TarMember: Hashable, Sendable {
  let name: String
  /// Its bytes in the archive.
  let range: Range<Int>
}

/// Returns the regular files of a tar archive, in its order.
///
/// Names are those of ustar, of pax headers, or of the long names of GNU tar. Links, folders and devices are
/// passed over.
///
/// > Source: POSIX.1-2017, `pax`, "ustar Interchange Format" and "pax Header Block".
func readTar(_ file: DataFile) throws(InputError) -> [TarMember] {
  let bytes = file.bytes
  var members: [TarMember] = []
  var position = 0
  var begin = 0
  var longName: String?
  var longSize: Int?
  while position < bytes.count {
    guard position <= bytes.count - 512 else { throw truncated(file, at: position) }
    let header = UnsafeRawBufferPointer(rebasing: bytes[position..<position + 512])
    if header.allSatisfy({ $0 == 0 }) { return members }
    guard isSound(header), let stated = number(header[124..<136]) else {
      throw dataFault(
        file.path, "is no tar archive, or damaged: the header at byte \(position) has a wrong checksum",
        at: position, hint: "write the archive again, without compression")
    }
    let kind = header[156]
    let size = kind == UInt8(ascii: "0") || kind == 0 ? longSize ?? stated : stated
    let start = position + 512
    guard size >= 0, size <= bytes.count - start else { throw truncated(file, at: position) }
    let content = bytes[start..<start + size]
    switch kind {
    case UInt8(ascii: "x"): (longName, longSize) = extended(content, name: longName, size: longSize)
    case UInt8(ascii: "L"): longName = String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
    case UInt8(ascii: "0"), 0:
      members.append(TarMember(name: longName ?? name(header), range: start..<start + size))
      (longName, longSize) = (nil, nil)
    case UInt8(ascii: "g"): break
    default: (longName, longSize) = (nil, nil)
    }
    // The size is at most that of the file, so the rounding does not overflow.
    begin = position
    position = start + (size + 511) / 512 * 512
  }
  // The two empty blocks at the end may be missing, but not a part of a member.
  guard position == bytes.count else { throw truncated(file, at: begin) }
  return members
}

private func truncated(_ file: DataFile, at offset: Int) -> InputError {
  dataFault(
    file.path, "the archive is cut short: the member at byte \(offset) does not end before the file does",
    at: offset, hint: "copy the archive again")
}

/// Whether the header's checksum is the sum of its bytes with the checksum's own taken as spaces.
private func isSound(_ header: UnsafeRawBufferPointer) -> Bool {
  let sum = header.indices.reduce(0) { $0 + ((148..<156).contains($1) ? 0x20 : Int(header[$1])) }
  return number(header[148..<156]) == sum
}

/// A number in octal digits, or in base 256 where the first bit is set.
private func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
  guard let first = field.first else { return nil }
  if first & 0x80 != 0 {
    var value = Int(first & 0x3F)
    for byte in field.dropFirst() {
      guard value < 1 << 48 else { return nil }
      value = value << 8 | Int(byte)
    }
    return value
  }
  let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
  return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8)
}

private func name(_ header: UnsafeRawBufferPointer) -> String {
  func text(_ range: Range<Int>) -> String {
    String(decoding: header[range].prefix { $0 != 0 }, as: UTF8.self)
  }
  let isUstar = header[257..<262].elementsEqual("ustar".utf8)
  let prefix = isUstar ? text(345..<500) : ""
  return prefix.isEmpty ? text(0..<100) : "\(prefix)/\(text(0..<100))"
}

/// The name and size in records `LENGTH KEY=VALUE\n`.
private func extended(
  _ content: Slice<UnsafeRawBufferPointer>, name: String?, size: Int?
) -> (name: String?, size: Int?) {
  var (name, size) = (name, size)
  var rest = content
  while let space = rest.firstIndex(of: 0x20),
    let length = Int(String(decoding: rest[rest.startIndex..<space].prefix(20), as: UTF8.self)),
    length > space - rest.startIndex, length <= rest.count
  {
    let record = rest[(space + 1)..<(rest.startIndex + length)]
    if let equals = record.firstIndex(of: UInt8(ascii: "=")) {
      let key = String(decoding: record[record.startIndex..<equals], as: UTF8.self)
      let value = String(decoding: record[(equals + 1)...].prefix { $0 != 0x0A }, as: UTF8.self)
      if key == "path" { name = value }
      if key == "size" { size = Int(value) }
    }
    rest = rest[(rest.startIndex + length)...]
  }
  return (name, size)
}
