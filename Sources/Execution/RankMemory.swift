import Communication
import Glibc

/// The memory of one rank: what it keeps to itself, and what other ranks read where it lies.
///
/// What it keeps to itself is anonymous memory, which goes back to the system when nobody holds it any more.
/// What others read is a shared buffer of the transport; where that has none left it is anonymous memory,
/// too, and messages are copied.
final class RankMemory: @unchecked Sendable {
  /// Where instructions work while they run.
  let scratch: UnsafeMutableRawPointer
  private let own: UnsafeMutableRawBufferPointer
  private let places: [UnsafeMutableRawPointer]
  /// The bytes from which on memory is laid in huge pages, where the system has them.
  private static let leastHugeSize = 16 << 20

  init(_ program: RankProgram, over transport: any Transport) throws(ExecutionFault) {
    let buffer =
      program.sharedBytes > 0 ? transport.sharedBuffer(byteCount: program.sharedBytes)?.baseAddress : nil
    let rest = buffer == nil ? program.sharedBytes : 0
    let size = max(program.arena.size + program.scratchSize + rest, 4096)
    guard
      let memory = mmap(
        nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { throw ExecutionFault("\(size) bytes of memory are not to be had") }
    // Passes over large tensors meet fewer borders of pages. Small memories would only fill up.
    if size >= Self.leastHugeSize { madvise(memory, size, MADV_HUGEPAGE) }
    own = UnsafeMutableRawBufferPointer(start: memory, count: size)
    let shared = buffer ?? memory + program.arena.size
    scratch = memory + program.arena.size + rest
    places = zip(program.memory.buffers, program.arena.offsets).map { buffer, offset in
      (buffer.isShared ? shared : memory) + offset
    }
  }

  deinit { munmap(own.baseAddress, own.count) }

  /// Where a place is.
  func pointer(_ reference: BufferReference) -> UnsafeMutableRawPointer {
    places[reference.buffer] + reference.offset
  }
}
