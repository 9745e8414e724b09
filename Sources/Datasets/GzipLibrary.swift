internal import Diagnostics
internal import Glibc

/// The part of zlib that reads gzip files, looked up when it is needed.
///
/// Every Linux distribution has the library, but the development package that a link would need is missing
/// from many machines.
struct GzipLibrary {
  private typealias Open = @convention(c) (UnsafePointer<CChar>, UnsafePointer<CChar>) -> OpaquePointer?
  private typealias Read = @convention(c) (OpaquePointer, UnsafeMutableRawPointer, UInt32) -> Int32
  private typealias Close = @convention(c) (OpaquePointer) -> Int32

  private let openFunction: Open
  private let readFunction: Read
  private let closeFunction: Close
  private let path: String

  /// Looks the library up.
  ///
  /// - Throws: `InputError` that says how to do without, where it is missing.
  init(for path: String, library: String = "libz.so.1") throws(InputError) {
    // The library is never closed again: other users of the process may hold it.
    guard let handle = dlopen(library, RTLD_NOW | RTLD_LOCAL), let open = dlsym(handle, "gzopen"),
      let read = dlsym(handle, "gzread"), let close = dlsym(handle, "gzclose")
    else {
      throw InputError(
        .inputOutput, "the file is compressed, and the system has no \(library) to unpack it",
        at: SourceLocation(file: path), hint: "unpack it with gunzip, or install zlib1g")
    }
    openFunction = unsafeBitCast(open, to: Open.self)
    readFunction = unsafeBitCast(read, to: Read.self)
    closeFunction = unsafeBitCast(close, to: Close.self)
    self.path = path
  }

  /// A file that is being read.
  struct Reader {
    fileprivate let library: GzipLibrary
    fileprivate let handle: OpaquePointer

    /// Reads at most `count` bytes and returns how many; nil where the file is damaged.
    func read(_ destination: UnsafeMutableRawPointer, _ count: Int) -> Int? {
      let read = library.readFunction(handle, destination, UInt32(count))
      return read < 0 ? nil : Int(read)
    }

    /// Closes the file and returns whether it had an orderly end.
    @discardableResult func close() -> Bool { library.closeFunction(handle) == 0 }
  }

  /// Opens the file.
  func open(_ path: String) throws(InputError) -> Reader {
    guard let handle = openFunction(path, "rb") else {
      throw InputError(.inputOutput, "cannot be opened", at: SourceLocation(file: path))
    }
    return Reader(library: self, handle: handle)
  }
}
