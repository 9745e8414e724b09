public import Diagnostics
internal import Documents
internal import Glibc

/// A moment of the writing of a file at which a test may stop the process.
public enum FaultPoint: String, Hashable, Sendable, CaseIterable {
  /// Nothing is written yet.
  case beforeWrite = "before-write"
  /// About half of the temporary file is written.
  case midWrite = "mid-write"
  /// The temporary file is on the disk and does not have its name yet.
  case beforeRename = "before-rename"
  /// The file has its name.
  case afterRename = "after-rename"
}

/// Writes bytes to a descriptor and hashes them.
struct FileWriter: ~Copyable {
  let descriptor: Int32
  let path: String
  /// The bytes that will be written in all.
  let size: Int
  private let atFaultPoint: (FaultPoint) throws(InputError) -> Void
  private(set) var hash = SHA256()
  private(set) var count = 0
  private var isPastMiddle = false

  init(
    descriptor: Int32, path: String, size: Int,
    atFaultPoint: @escaping (FaultPoint) throws(InputError) -> Void = { (_) throws(InputError) in }
  ) {
    self.descriptor = descriptor
    self.path = path
    self.size = size
    self.atFaultPoint = atFaultPoint
  }

  mutating func write(_ bytes: [UInt8]) throws(InputError) {
    let failure: InputError? = bytes.withUnsafeBytes { buffer in
      do throws(InputError) {
        try write(buffer)
        return nil
      } catch { return error }
    }
    if let failure { throw failure }
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    let middle = size / 2 - count
    if !isPastMiddle, middle < bytes.count {
      isPastMiddle = true
      try put(UnsafeRawBufferPointer(rebasing: bytes[..<max(0, middle)]))
      try atFaultPoint(.midWrite)
      try put(UnsafeRawBufferPointer(rebasing: bytes[max(0, middle)...]))
    } else {
      try put(bytes)
    }
  }

  private mutating func put(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    hash.update(bytes)
    var start = 0
    while start < bytes.count {
      // Linux writes at most 2 GiB at once.
      let part = min(bytes.count - start, 1 << 28)
      let written = Glibc.write(descriptor, bytes.baseAddress.map { $0 + start }, part)
      if written < 0 {
        if errno == EINTR { continue }
        throw writeFault(path, errno, size: size)
      }
      start += written
    }
    count += bytes.count
  }
}

/// Writes a file as a whole or not at all: into a temporary file beside it, which reaches the disk and takes
/// the name only then; at last the folder reaches the disk.
///
/// An error of a fault point stands for the end of the process: nothing is cleaned up after it.
func writeAtomically(
  to path: String, size: Int, at faultPoint: @escaping (FaultPoint) throws(InputError) -> Void,
  _ body: (inout FileWriter) throws(InputError) -> Void
) throws(InputError) {
  let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "./"
  let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
  let temporary = "\(folder).\(name).\(getpid())\(temporarySuffix)"
  try faultPoint(.beforeWrite)
  let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
  guard descriptor >= 0 else { throw writeFault(path, errno, size: size) }
  var isKilled = false
  func guarded(_ point: FaultPoint) throws(InputError) {
    do { try faultPoint(point) } catch {
      isKilled = true
      throw error
    }
  }
  var isOpen = true
  do throws(InputError) {
    var writer = FileWriter(descriptor: descriptor, path: path, size: size, atFaultPoint: guarded)
    try body(&writer)
    precondition(writer.count == size, "\(writer.count) bytes of \(path) were written, not \(size)")
    guard fsync(descriptor) == 0 else { throw writeFault(path, errno, size: size) }
    isOpen = false
    guard close(descriptor) == 0 else { throw writeFault(path, errno, size: size) }
    try guarded(.beforeRename)
    guard rename(temporary, path) == 0 else { throw writeFault(path, errno, size: size) }
  } catch {
    if isOpen { close(descriptor) }
    if !isKilled { unlink(temporary) }
    throw error
  }
  synchronizeFolder(folder)
  try faultPoint(.afterRename)
}

/// What the names of temporary files end in.
let temporarySuffix = ".partial"

/// Makes new names last through a loss of power; file systems that cannot are left as they are.
public func synchronizeFolder(_ folder: String) {
  let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
  guard descriptor >= 0 else { return }
  fsync(descriptor)
  close(descriptor)
}

private func writeFault(_ path: String, _ code: Int32, size: Int) -> InputError {
  let isFull = code == ENOSPC || code == EDQUOT || code == EFBIG
  return InputError(
    .inputOutput, "cannot be written: \(String(cString: strerror(code)))", at: SourceLocation(file: path),
    hint: isFull
      ? "\(size) bytes are needed beside what is there; nothing was replaced"
      : "nothing was replaced")
}

/// Returns the bytes of a file.
func readWhole(_ path: String) throws(InputError) -> [UInt8] {
  func fault(_ code: Int32) -> InputError {
    InputError(
      code == ENOENT ? .missingFile : .inputOutput,
      code == ENOENT ? "there is no such file" : "cannot be read: \(String(cString: strerror(code)))",
      at: SourceLocation(file: path))
  }
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { throw fault(errno) }
  defer { close(descriptor) }
  var status = stat()
  guard fstat(descriptor, &status) == 0 else { throw fault(errno) }
  guard status.st_mode & S_IFMT == S_IFREG else { throw fault(EISDIR) }
  let size = Int(status.st_size)
  var code: Int32 = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let part = read(descriptor, buffer.baseAddress.map { $0 + count }, min(size - count, 1 << 28))
      if part < 0, errno == EINTR { continue }
      if part < 0 { code = errno }
      if part <= 0 { return }
      count += part
    }
  }
  guard code == 0 else { throw fault(code) }
  return bytes
}

/// Writes a file as a whole or not at all; what is no regular file, such as `/dev/null`, is written directly.
///
/// - Throws: `InputError` where it cannot be written; what was there before stays.
public func writeWhole(_ bytes: [UInt8], to path: String) throws(InputError) {
  var status = stat()
  if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
    let descriptor = open(path, O_WRONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw writeFault(path, errno, size: bytes.count) }
    defer { close(descriptor) }
    var writer = FileWriter(
      descriptor: descriptor, path: path, size: bytes.count, atFaultPoint: { (_) throws(InputError) in })
    try writer.write(bytes)
    return
  }
  try writeAtomically(to: path, size: bytes.count, at: { (_) throws(InputError) in }) {
    (writer) throws(InputError) in try writer.write(bytes)
  }
}
