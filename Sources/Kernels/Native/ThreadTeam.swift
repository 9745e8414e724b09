import COneDNN

/// The threads that share the loops of a kernel.
///
/// They are those of OpenMP, with which oneDNN computes as well, so that the two never keep each other
/// waiting for a core. Where OpenMP is not found, loops run on the caller's thread.
struct ThreadTeam: @unchecked Sendable {
  // Unchecked: functions that any thread may call.
  private let threads: onednn_threads
  /// The greatest number of threads.
  let count: Int

  /// The least number of elements that are worth a thread: a few microseconds' work.
  private static let leastElements = 8192

  /// Creates a team of at most `count` threads.
  init(_ threads: onednn_threads, count: Int) {
    self.threads = threads
    let isComplete = threads.run != nil && threads.get_number != nil && threads.get_team_size != nil
    self.count = isComplete ? max(1, count) : 1
  }

  /// Creates a team of at most `count` threads where oneDNN does not bring OpenMP.
  init(count: Int) {
    var threads = onednn_threads()
    if count > 1 { onednn_open_threads(&threads) }
    self.init(threads, count: count)
  }

  /// Calls the body for ranges that together are `0..<items`, at the same time.
  ///
  /// The body must write for each item what depends on this item alone: then nothing depends on the number of
  /// threads.
  ///
  /// - Parameters:
  ///   - items: How many items there are.
  ///   - elements: How many elements one item reads or writes.
  ///   - step: What the beginning of every range is a multiple of.
  ///   - body: What is done with a range; the second number, below ``count``, is that of the range.
  func split(
    _ items: Int, of elements: Int = 1, at step: Int = 1, _ body: (Range<Int>, Int) -> Void
  ) {
    let blocks = (items + step - 1) / step
    let parts = min(count, blocks, items * elements / Self.leastElements)
    guard parts > 1, let run = threads.run else { return body(0..<items, 0) }
    withoutActuallyEscaping(body) { body in
      var work = SharedWork(
        threads: threads, parts: parts,
        body: { part in
          let (first, last) = (part * blocks / parts * step, (part + 1) * blocks / parts * step)
          body(first..<min(last, items), part)
        })
      withUnsafeMutablePointer(to: &work) { run(doShare, $0, UInt32(parts), 0) }
    }
  }
}

/// What the threads of a team do together.
private struct SharedWork {
  let threads: onednn_threads
  let parts: Int
  let body: (Int) -> Void
}

/// Does the parts of one thread; OpenMP may give fewer threads than were asked for.
private func doShare(_ work: UnsafeMutableRawPointer?) {
  guard let work = work?.assumingMemoryBound(to: SharedWork.self).pointee,
    let number = work.threads.get_number?(), let size = work.threads.get_team_size?()
  else { return }
  for part in stride(from: Int(number), to: work.parts, by: Int(size)) { work.body(part) }
}
