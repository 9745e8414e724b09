import Communication

/// The memory of one rank: what it keeps to itself, and what other ranks read where it lies.
///
/// What it keeps to itself is anonymous memory, which goes back to the system when nobody holds it any more.
/// What others read is a shared buffer of the transport; where that has none left it is anonymous memory,
/// too, and messages are copied.
final class RankMemory: @unchecked Sendable {
  /// Where instructions work while they run.
  let scratch: UnsafeMutableRawPointer
  private let own: AnonymousMemory
  private let places: [UnsafeMutableRawPointer]

  init(_ program: RankProgram, over transport: any Transport) throws(ExecutionFault) {
    let buffer =
      program.sharedBytes > 0 ? transport.sharedBuffer(byteCount: program.sharedBytes)?.baseAddress : nil
    let rest = buffer == nil ? program.sharedBytes : 0
    let size = max(program.arena.size + program.scratchSize + rest, 4096)
    guard let own = AnonymousMemory(byteCount: size) else {
      throw ExecutionFault("\(size) bytes of memory are not to be had")
    }
    self.own = own
    let memory = own.start
    let shared = buffer ?? memory + program.arena.size
    scratch = memory + program.arena.size + rest
    places = zip(program.memory.buffers, program.arena.offsets).map { buffer, offset in
      (buffer.isShared ? shared : memory) + offset
    }
  }

  /// Where a place is.
  func pointer(_ reference: BufferReference) -> UnsafeMutableRawPointer {
    places[reference.buffer] + reference.offset
  }
}
