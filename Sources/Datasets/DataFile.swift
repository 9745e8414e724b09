internal import Diagnostics
internal import Glibc

/// The bytes of a data file: mapped, or in memory where the file is compressed or was made of text.
///
/// Bytes stay where they are and as they are until the object ends. A file that another process cuts short
/// while it is mapped ends the process with SIGBUS, as with any mapping.
final class DataFile: @unchecked Sendable {
  // Unchecked, because the pointer is to memory that is never written after `init`.
  /// The path as the user wrote it.
  let path: String
  let bytes: UnsafeRawBufferPointer
  private let isMapped: Bool

  /// The most bytes that a compressed file may hold.
  static let largestContent = 1 << 36

  /// Takes memory that was allocated with `malloc`.
  private init(path: String, owning memory: UnsafeMutableRawBufferPointer) {
    self.path = path
    bytes = UnsafeRawBufferPointer(memory)
    isMapped = false
  }

  /// Copies an array.
  init<Element: BitwiseCopyable>(path: String, copying elements: [Element]) {
    self.path = path
    let count = elements.count * MemoryLayout<Element>.stride
    let memory = UnsafeMutableRawBufferPointer(start: malloc(max(1, count)), count: count)
    elements.withUnsafeBytes { memory.copyMemory(from: $0) }
    bytes = UnsafeRawBufferPointer(memory)
    isMapped = false
  }

  private init(path: String, mapping bytes: UnsafeRawBufferPointer) {
    self.path = path
    self.bytes = bytes
    isMapped = true
  }

  deinit {
    let start = UnsafeMutableRawPointer(mutating: bytes.baseAddress)
    if isMapped { munmap(start, bytes.count) } else { free(start) }
  }

  /// Opens a file, and unpacks it where it is compressed with gzip.
  ///
  /// - Throws: `InputError` where the file is missing, empty, no regular file or damaged.
  static func open(_ path: String) throws(InputError) -> DataFile {
    // Without O_NONBLOCK the opening of a pipe would wait for a writer for ever.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw openFault(path, errno) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw openFault(path, errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw dataFault(path, "is not a regular file", hint: "copy the data to a file first")
    }
    let size = Int(status.st_size)
    guard size > 0 else { throw dataFault(path, "is empty", hint: "download the data again") }
    guard let start = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw InputError(
        .inputOutput, "cannot be mapped: \(String(cString: strerror(errno)))",
        at: SourceLocation(file: path))
    }
    let file = DataFile(path: path, mapping: UnsafeRawBufferPointer(start: start, count: size))
    guard size >= 2, file.bytes[0] == 0x1F, file.bytes[1] == 0x8B else { return file }
    return DataFile(path: path, owning: try unpacked(path))
  }

  private static func openFault(_ path: String, _ code: Int32) -> InputError {
    code == ENOENT || code == ENOTDIR
      ? InputError(.missingFile, "there is no such file", at: SourceLocation(file: path))
      : InputError(
        .inputOutput, "cannot be read: \(String(cString: strerror(code)))", at: SourceLocation(file: path))
  }

  /// The contents of a gzip file, in memory from `malloc`.
  private static func unpacked(_ path: String) throws(InputError) -> UnsafeMutableRawBufferPointer {
    let library = try GzipLibrary(for: path)
    let reader = try library.open(path)
    var capacity = 1 << 20
    var memory = malloc(capacity)
    var count = 0
    func fault(_ error: InputError) -> InputError {
      free(memory)
      reader.close()
      return error
    }
    while true {
      if count == capacity {
        guard capacity < largestContent else {
          throw fault(dataFault(path, "holds more than \(largestContent) bytes when it is unpacked"))
        }
        capacity *= 2
        let grown = realloc(memory, capacity)
        guard grown != nil else {
          throw fault(
            InputError(
              .inputOutput, "there is no memory to unpack the file", at: SourceLocation(file: path)))
        }
        memory = grown
      }
      guard let start = memory else { throw fault(dataFault(path, "there is no memory to unpack it")) }
      guard let read = reader.read(start + count, min(capacity - count, 1 << 26)) else {
        throw fault(damaged(path))
      }
      count += read
      if read == 0 { break }
    }
    guard reader.close() else {
      free(memory)
      throw damaged(path)
    }
    return UnsafeMutableRawBufferPointer(start: memory, count: count)
  }

  private static func damaged(_ path: String) -> InputError {
    dataFault(
      path, "the compressed data are damaged or cut short", hint: "download the file again")
  }
}

/// A fault of a data file.
func dataFault(
  _ path: String, _ message: String, at byteOffset: Int? = nil, part: String? = nil, hint: String? = nil
) -> InputError {
  InputError(
    .badModel, message, at: SourceLocation(file: path, byteOffset: byteOffset, part: part), hint: hint)
}

extension UnsafeRawBufferPointer {
  /// The big-endian number of 32 bits at a place, nil outside the bytes.
  func bigEndian32(at offset: Int) -> Int? {
    guard offset >= 0, offset <= count - 4 else { return nil }
    return Int(UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self)))
  }
}

/// The product of extents, nil where it is beyond what a file can hold.
func boundedProduct(_ extents: [Int]) -> Int? {
  var product = 1
  for extent in extents {
    let (next, overflow) = product.multipliedReportingOverflow(by: extent)
    guard extent >= 0, !overflow, next <= 1 << 48 else { return nil }
    product = next
  }
  return product
}
