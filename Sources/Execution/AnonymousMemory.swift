import Glibc

/// Memory behind which no file stands.
///
/// The process takes it page by page as it is touched, and it goes back to the system when nobody holds it
/// any more.
final class AnonymousMemory: @unchecked Sendable {
  /// Where it begins, at a page.
  let start: UnsafeMutableRawPointer
  /// The bytes that are reserved.
  let byteCount: Int
  /// The bytes from which on memory is laid in huge pages, where the system has them.
  private static let leastHugeSize = 16 << 20

  /// Reserves zeros; nil where the system refuses them.
  init?(byteCount: Int) {
    guard
      let start = mmap(
        nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      start != MAP_FAILED
    else { return nil }
    // Passes over large tensors meet fewer borders of pages. Small memories would only fill up.
    if byteCount >= Self.leastHugeSize { madvise(start, byteCount, MADV_HUGEPAGE) }
    self.start = start
    self.byteCount = byteCount
  }

  deinit { munmap(start, byteCount) }
}
