internal import Diagnostics
internal import Glibc

/// Where a tensor's values lie outside the model's file.
struct ExternalLocation {
  /// The path relative to the model's folder; it never leaves it.
  let path: String
  /// The first byte.
  let offset: Int
  /// The number of bytes.
  let length: Int

  /// Checks the entries of `external_data` of a tensor of `size` bytes.
  init(
    _ entries: [(key: String, value: String)], size: Int, at byteOffset: Int, part: String?
  ) throws(ImportFault) {
    func fault(_ message: String, _ hint: String) -> ImportFault {
      ImportFault(message, at: byteOffset, part: part, hint: hint)
    }
    func number(_ key: String, otherwise: Int) throws(ImportFault) -> Int {
      guard let text = entries.last(where: { $0.key == key })?.value else { return otherwise }
      guard let value = Int(text), (0...ModelLimits.tensorBytes).contains(value) else {
        throw fault("external data has the \(key) \(shortened(text))", damagedHint)
      }
      return value
    }
    guard let path = entries.last(where: { $0.key == "location" })?.value, !path.isEmpty else {
      throw fault("external data has no location", damagedHint)
    }
    let components = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
    let isInside =
      components.allSatisfy { !$0.isEmpty && !$0.elementsEqual("..".utf8) && !$0.contains(0) }
    guard isInside, !path.utf8.contains(UInt8(ascii: "\\")) else {
      throw fault(
        "external data lies at \(shortened(path)), outside the model's folder",
        "keep the data beside the model and its location relative, without ..")
    }
    offset = try number("offset", otherwise: 0)
    length = try number("length", otherwise: size)
    guard length == size else {
      throw fault("external data has \(length) bytes, but its type needs \(size)", damagedHint)
    }
    self.path = path
  }

  /// Refuses a location that a symbolic link leads elsewhere, or a file that is too short.
  ///
  /// A file that is not there is no fault yet, because planning needs only the types.
  func check(in folder: String, at byteOffset: Int, part: String?) throws(ImportFault) {
    guard let size = try size(in: folder, at: byteOffset, part: part) else { return }
    guard offset <= size, length <= size - offset else {
      throw ImportFault(
        "external data ends at byte \(offset + length), but \(shortened(path)) has \(size) bytes",
        at: byteOffset,
        part: part, hint: damagedHint)
    }
  }

  /// Returns the bytes, each file opened without following links.
  func read(in folder: String, at byteOffset: Int, part: String?) throws(ImportFault) -> [UInt8] {
    try check(in: folder, at: byteOffset, part: part)
    let descriptor = open("\(folder)/\(path)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
    guard descriptor >= 0 else {
      throw ImportFault(
        "external data \(shortened(path)) cannot be read: \(String(cString: strerror(errno)))",
        at: byteOffset, part: part, hint: "put the file beside the model", kind: .inputOutput)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: length)
    var filled = 0
    while filled < length {
      let count = bytes.withUnsafeMutableBytes { buffer in
        pread(descriptor, buffer.baseAddress.map { $0 + filled }, length - filled, offset + filled)
      }
      guard count > 0 else {
        throw ImportFault(
          "external data \(shortened(path)) ends early", at: byteOffset, part: part, hint: damagedHint)
      }
      filled += count
    }
    return bytes
  }

  /// The size of the file, nil where it is not there.
  private func size(in folder: String, at byteOffset: Int, part: String?) throws(ImportFault) -> Int? {
    var current = folder
    var status = stat()
    let components = path.split(separator: "/")
    for (index, component) in components.enumerated() {
      current += "/\(component)"
      guard lstat(current, &status) == 0 else { return nil }
      let isLast = index == components.count - 1
      guard status.st_mode & S_IFMT == (isLast ? S_IFREG : S_IFDIR) else {
        throw ImportFault(
          "external data \(shortened(path)) is a link or no regular file", at: byteOffset, part: part,
          hint: "replace the link by the file itself")
      }
    }
    return Int(status.st_size)
  }
}
