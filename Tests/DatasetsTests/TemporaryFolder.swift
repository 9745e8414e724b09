import Glibc
import Testing

/// A folder of a test's own that is removed at the end.
final class TemporaryFolder {
  let path: String

  init() throws {
    let template = strdup("/tmp/partita-datasets-\(String(repeating: "X", count: 6))")
    defer { free(template) }
    let made = try #require(template.flatMap { mkdtemp($0) })
    path = String(cString: made)
  }

  deinit { TemporaryFolder.remove(path) }

  /// Writes a file and returns its path.
  @discardableResult func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let parts = name.split(separator: "/").dropLast()
    if !parts.isEmpty { mkdir("\(path)/\(parts.joined(separator: "/"))", 0o777) }
    let file = try #require(fopen("\(path)/\(name)", "wb"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return "\(path)/\(name)"
  }

  private static func remove(_ path: String) {
    if let stream = opendir(path) {
      while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        if name != ".", name != ".." { remove("\(path)/\(name)") }
      }
      closedir(stream)
    }
    Glibc.remove(path)
  }
}
