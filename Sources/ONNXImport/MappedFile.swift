internal import Diagnostics
internal import Glibc

/// The bytes of a model: a file mapped into memory, or an array; both stay where they are until the end.
///
/// Whoever reads through ``bytes`` keeps the object alive (`withExtendedLifetime`). A file that another
/// process truncates while it is mapped ends the process with SIGBUS, as with any mapping.
final class MappedFile: @unchecked Sendable {
  // Unchecked, because the pointer is to memory that is never written after `init`.
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// Copies an array.
  init(copying array: [UInt8]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, array.count), alignment: 8)
    copy.copyBytes(from: array)
    bytes = UnsafeRawBufferPointer(start: copy.baseAddress, count: array.count)
    isMapped = false
  }

  /// Maps a regular file, which is opened once and closed again at once.
  init(path: String) throws(ImportFault) {
    // Without O_NONBLOCK the opening of a pipe would wait for a writer for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw MappedFile.openFault(errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw MappedFile.openFault(errno) }
    switch status.st_mode & S_IFMT {
    case S_IFREG: break
    case S_IFDIR:
      throw ImportFault(
        "is a directory, not an ONNX file", hint: "name the .onnx file itself", kind: .inputOutput)
    default:
      throw ImportFault(
        "is not a regular file, so it cannot be mapped", hint: "copy it to a file first",
        kind: .inputOutput)
    }
    guard status.st_size > 0 else {
      throw ImportFault("is empty", at: 0, hint: "download or export the model again")
    }
    let size = Int(status.st_size)
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw ImportFault("cannot be mapped: \(String(cString: strerror(errno)))", kind: .inputOutput)
    }
    bytes = UnsafeRawBufferPointer(start: start, count: size)
    isMapped = true
  }

  deinit {
    if isMapped {
      munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    } else {
      UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.deallocate()
    }
  }

  private static func openFault(_ code: Int32) -> ImportFault {
    switch code {
    case ENOENT, ENOTDIR:
      ImportFault(
        "no such file", hint: "check the path; 'partita models' lists the built-in networks",
        kind: .missingFile)
    default: ImportFault("cannot be read: \(String(cString: strerror(code)))", kind: .inputOutput)
    }
  }
}
