import Glibc

/// The memory of this process, as the system counts it.
public enum ProcessMemory {
  /// The bytes that are in memory, without pages of files and what the process shares.
  public static func privateBytes() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var kibibytes = 0
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), file) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      guard text.hasPrefix("RssAnon:") else { continue }
      kibibytes =
        text.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first
        .flatMap { Int($0) } ?? 0
    }
    return kibibytes << 10
  }

  /// Gives the system back what was freed, which C's allocator would keep for later.
  ///
  /// What the process grows by afterwards is what it then needs.
  public static func giveBackFreed() {
    // The function is the GNU library's alone, and no header that Swift reads declares it.
    guard let symbol = dlsym(nil, "malloc_trim") else { return }
    typealias Trim = @convention(c) (Int) -> Int32
    _ = unsafeBitCast(symbol, to: Trim.self)(0)
  }
}
