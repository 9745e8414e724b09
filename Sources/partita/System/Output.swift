import Diagnostics
import Execution
import Glibc

/// Whoever reads standard output has closed it.
struct ClosedPipe: Error {}

/// Ends the process.
enum Process {
  /// Ends the process with a code, after what is buffered has been written.
  static func exit(_ code: Int32) -> Never { Glibc.exit(code) }
}

/// Writes results to standard output and to files, and notices where that fails.
enum Output {
  /// Writes a result to standard output.
  static func write(_ text: String) throws {
    do throws(SystemError) {
      try write(Array(text.utf8), to: STDOUT_FILENO)
    } catch {
      if error.code == EPIPE { throw ClosedPipe() }
      throw error.fault("standard output")
    }
  }

  /// Writes a message to standard error, where a failure has nobody to be told to.
  static func writeToStandardError(_ text: String) {
    do { try write(Array(text.utf8), to: STDERR_FILENO) } catch {}
  }

  /// Writes a file as a whole or not at all.
  ///
  /// The bytes go to a temporary file in the same folder, reach the disk, and take the name only then. What
  /// is no regular file, such as a pipe, is written directly.
  static func write(_ bytes: [UInt8], toFile path: String) throws {
    do throws(SystemError) {
      if let target = try special(path) {
        defer { close(target) }
        try write(bytes, to: target)
      } else {
        try replace(resolved(path), with: bytes)
      }
    } catch {
      throw error.fault(path)
    }
  }

  private static func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
    let temporary = "\(path).\(getpid()).partial"
    Signals.removeOnInterrupt(temporary)
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else {
      let error = SystemError.last
      Signals.keepOnInterrupt()
      throw error
    }
    do throws(SystemError) {
      var isOpen = true
      defer { if isOpen { close(descriptor) } }
      try write(bytes, to: descriptor)
      guard fsync(descriptor) == 0 else { throw SystemError.last }
      isOpen = false
      guard close(descriptor) == 0 else { throw SystemError.last }
      guard rename(temporary, path) == 0 else { throw SystemError.last }
    } catch {
      unlink(temporary)
      Signals.keepOnInterrupt()
      throw error
    }
    Signals.keepOnInterrupt()
    synchronizeFolder(path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".")
  }

  /// Opens what exists and is neither a regular file nor a folder; nil where there is no such thing.
  ///
  /// Standard output counts, even where it is a file: that must not be replaced under its other writers.
  private static func special(_ path: String) throws(SystemError) -> Int32? {
    if path == "/dev/stdout" {
      let descriptor = dup(STDOUT_FILENO)
      guard descriptor >= 0 else { throw SystemError.last }
      return descriptor
    }
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return nil
    case S_IFDIR: throw SystemError(code: EISDIR)
    default:
      let descriptor = open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw SystemError.last }
      return descriptor
    }
  }

  /// The file that a link points to, so that the link stays.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32) throws(SystemError) {
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError.last
      }
      start += count
    }
  }
}

/// A failed call of the operating system.
private struct SystemError: Error {
  let code: Int32

  /// The failure of the call just made.
  static var last: SystemError { SystemError(code: errno) }

  /// The failure as a fault of the input or output that was meant.
  func fault(_ what: String) -> InputError {
    InputError(.inputOutput, String(cString: strerror(code)), at: SourceLocation(file: what))
  }
}
