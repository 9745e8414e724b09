/// Transports between threads of one process.
public enum LocalTransport {
  /// Makes the transports of as many ranks as wanted, over memory of this process.
  ///
  /// They run the same code as ranks that are processes, which is what tests want of them. Each belongs to
  /// one thread at a time.
  ///
  /// - Parameters:
  ///   - rankCount: The number of ranks.
  ///   - ringCapacity: The bytes that may be under way from one rank to another.
  ///   - sharedByteCount: The bytes that each rank can hand out as shared buffers.
  /// - Throws: ``TransportFault`` where the system gives no memory.
  public static func ranks(
    _ rankCount: Int, ringCapacity: Int = RankRun.usualRingCapacity, sharedByteCount: Int = 64 << 20
  ) throws(TransportFault) -> [SharedArenaTransport] {
    let layout = ArenaLayout(
      rankCount: rankCount, ringCapacity: ringCapacity, sharedByteCount: sharedByteCount)
    guard let arena = Arena.ofThisProcess(layout: layout) else {
      throw TransportFault(what: "map \(layout.byteCount) bytes of memory")
    }
    return (0..<rankCount).map { SharedArenaTransport(rank: $0, arena: arena) }
  }
}

extension SharedArenaTransport {
  /// Declares a rank lost, as a coordinator does; every wait of its peers then ends with an error.
  public func declareLost(rank: Int, exitCode: Int) {
    arena.declare(Loss(rank: rank, kind: .exitCode, detail: exitCode))
  }
}

/// The operating system refused what a run needs.
public struct TransportFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// What was tried.
  public let what: String
  /// The system's error number, zero where there is none.
  public let code: Int32

  init(what: String, code: Int32 = 0) {
    self.what = what
    self.code = code
  }

  /// One line.
  public var description: String { "cannot \(what)" + (code == 0 ? "" : " (error \(code))") }
}
