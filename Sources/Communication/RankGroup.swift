internal import CTransport
internal import Glibc
internal import Synchronization

/// Starts the ranks of a run and supervises them until the last has ended.
///
/// The ranks are processes that map one file without a name, so nothing is left behind however they end. The
/// kernel kills them when this process is gone.
///
/// ```swift
/// let group = try launch(RankRun(count: 4, arguments: { _ in ["train", "--rank-seat"] }))
/// while let event = group.next() { … }
/// switch group.outcome { … }
/// ```
///
/// - Throws: ``TransportFault`` where the system refuses memory or a process.
public func launch(_ run: RankRun) throws(TransportFault) -> RankGroup {
  let layout = ArenaLayout(
    rankCount: run.count, ringCapacity: run.ringCapacity, sharedByteCount: run.sharedByteCount)
  let file = transport_memory_file("partita", Int64(layout.byteCount))
  guard file >= 0 else {
    throw TransportFault(what: "make \(layout.byteCount) bytes of shared memory", code: errno)
  }
  let patience = Patience(rankCount: run.count, processorCount: Int(transport_processor_count()))
  guard let arena = Arena.initialized(file: file, layout: layout, coordinator: getpid(), patience: patience)
  else {
    let code = errno
    close(file)
    throw TransportFault(what: "map \(layout.byteCount) bytes of shared memory", code: code)
  }
  for rank in 0..<run.count {
    for processor in run.processors[rank] where processor < 16 * 64 {
      arena.slot(of: rank).processors[processor / 64] |= 1 << (processor % 64)
    }
  }
  let group = RankGroup(run: run, arena: arena)
  let started = Mailbox<TransportFault?>()
  // The kernel ends the ranks with the thread that started them, so this one stays until the last has ended.
  let isRunning = startThread {
    let supervisor = Supervisor(run: run, arena: arena, group: group)
    let fault = supervisor.start(file: file)
    close(file)
    started.put(fault)
    if fault == nil { supervisor.superviseToTheEnd() }
  }
  guard isRunning else {
    close(file)
    throw TransportFault(what: "start a thread", code: errno)
  }
  if let fault = started.next() ?? nil { throw fault }
  return group
}

/// The ranks of a run as the coordinator sees them.
public final class RankGroup: Sendable, Sequence, IteratorProtocol {
  /// The number of ranks.
  public let count: Int
  let arena: Arena
  let events = Mailbox<RankEvent>()
  let shared: Mutex<Shared>

  /// What the supervising thread and callers both touch.
  struct Shared {
    var channels: [ControlChannel]
    var processes: [Int32]
    var outcome: RunOutcome?
    var isKillWanted = false
    var isEndWanted = false
  }

  init(run: RankRun, arena: Arena) {
    count = run.count
    self.arena = arena
    let channels = (0..<run.count).map { _ in ControlChannel(descriptor: -1) }
    let processes = [Int32](repeating: 0, count: run.count)
    shared = Mutex(Shared(channels: channels, processes: processes))
  }

  /// The next event; waits for one, and returns nil when every rank has ended.
  public func next() -> RankEvent? { events.next() }

  /// The process of each rank.
  public var processes: [Int32] { shared.withLock { $0.processes } }

  /// How the run has ended; nil before ``next()`` has returned nil.
  public var outcome: RunOutcome? { shared.withLock { $0.outcome } }

  /// Sends a command to a rank; never waits.
  ///
  /// A rank that has ended gets nothing.
  public func send(_ command: [UInt8], to rank: Int) {
    shared.withLock { $0.channels[rank].send(command) }
  }

  /// Asks the ranks to end in order, as Ctrl-C does.
  public func end() { shared.withLock { $0.isEndWanted = true } }

  /// Kills every rank.
  public func kill() { shared.withLock { $0.isKillWanted = true } }
}
