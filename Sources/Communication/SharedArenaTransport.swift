internal import CTransport

/// Ranks that share memory: processes of one machine, or threads of one process.
///
/// Between each two ranks stand two rings, one for each direction. A message streams through its ring in
/// pieces that stay in the processors' caches and is stored or added where it belongs on the other side; a
/// large one that lies in a ``sharedBuffer(byteCount:)`` is read from there by the peer, without the copy
/// into the ring.
public final class SharedArenaTransport: Transport, @unchecked Sendable {
  /// The number of this rank.
  public let rank: Int
  /// The number of ranks.
  public let rankCount: Int

  let arena: Arena
  private var senders: [RingSender]
  private var receivers: [RingReceiver]
  private var sharedByteCount = 0

  /// Joins the ranks of an arena as one of them.
  init(rank: Int, arena: Arena) {
    let count = arena.layout.rankCount
    precondition(rank >= 0 && rank < count, "rank \(rank) of \(count)")
    self.rank = rank
    self.arena = arena
    rankCount = count
    senders = (0..<count).map { RingSender(ring: Ring(arena: arena, from: rank, to: $0)) }
    receivers = (0..<count).map {
      RingReceiver(ring: Ring(arena: arena, from: $0, to: rank), origin: arena.start, sender: $0)
    }
  }

  /// The bytes sent so far to each rank.
  public var bytesSent: [Int] { senders.map(\.byteCount) }

  /// The bytes of shared memory that this rank has filled.
  public var sharedBytesHeld: Int { senders.reduce(sharedByteCount) { $0 + $1.filledByteCount } }

  /// The bytes of the smallest message that is sent by its place.
  public static let smallestInPlace = 32 << 10

  // MARK: Exchanges

  /// Sends and receives at once, and returns when all of it is done.
  public func exchange(
    sending: [OutgoingMessage], receiving: [IncomingMessage]
  ) throws(PeerLost) {
    append(sending, receiving)
    var looks = 0
    while true {
      let isMoved = move()
      // One thread at a time: nothing was queued after these.
      if sending.allSatisfy({ senders[$0.to].isIdle })
        && receiving.allSatisfy({ receivers[$0.from].isIdle })
      {
        return
      }
      if isMoved { looks = 0 } else { try wait(&looks) }
    }
  }

  /// Begins to send and receive, and goes on during later calls.
  public func begin(sending: [OutgoingMessage], receiving: [IncomingMessage]) -> PendingExchange {
    append(sending, receiving)
    _ = move()
    var goals: [(peer: Int, sent: Int, received: Int)] = []
    func add(_ peer: Int) {
      if goals.contains(where: { $0.peer == peer }) { return }
      goals.append((peer, senders[peer].queuedCount, receivers[peer].queuedCount))
    }
    for message in sending { add(message.to) }
    for message in receiving { add(message.from) }
    return PendingExchange(goals: goals)
  }

  /// Moves what can be moved without waiting; says whether the exchange is done.
  public func advance(_ pending: PendingExchange) -> Bool {
    _ = move()
    return isDone(pending)
  }

  /// Waits until an exchange is done.
  public func finish(_ pending: PendingExchange) throws(PeerLost) {
    var looks = 0
    while true {
      let isMoved = move()
      if isDone(pending) { return }
      if isMoved { looks = 0 } else { try wait(&looks) }
    }
  }

  private func isDone(_ pending: PendingExchange) -> Bool {
    pending.goals.allSatisfy {
      senders[$0.peer].doneCount >= $0.sent && receivers[$0.peer].doneCount >= $0.received
    }
  }

  private func append(_ sending: [OutgoingMessage], _ receiving: [IncomingMessage]) {
    for message in receiving {
      receivers[message.from].append(message.bytes, arrival: message.arrival)
    }
    for message in sending { senders[message.to].append(message.bytes, place: place(of: message.bytes)) }
  }

  /// Lets every ring move; says whether any has.
  private func move() -> Bool {
    var isMoved = false
    for peer in 0..<rankCount {
      var isNews = false
      if !senders[peer].isIdle {
        let progress = senders[peer].advance()
        isMoved = isMoved || progress.isMoved
        isNews = progress.isNews
      }
      if !receivers[peer].isIdle {
        let progress = receivers[peer].advance()
        isMoved = isMoved || progress.isMoved
        isNews = isNews || progress.isNews
      }
      if isNews && peer != rank { wake(peer) }
    }
    return isMoved
  }

  // MARK: Waits

  private func wait(_ looks: inout Int) throws(PeerLost) {
    if let loss = arena.loss, loss.concerns(rank) {
      // A peer may be lost only because it waited for one that left, as this rank does: that one is to blame.
      try checkForDepartures()
      throw loss.error
    }
    looks += 1
    if looks <= arena.patience.looks { return transport_relax() }
    if looks <= arena.patience.looks + arena.patience.yields { return transport_yield() }
    try checkForDepartures()
    let slot = arena.slot(of: rank)
    let bell = transport_load_acquire_32(slot.bell)
    transport_store_release_32(slot.sleeper, 1)
    // Either this rank sees what the peer has published, or the peer sees that it sleeps.
    transport_fence()
    if !move() && arena.loss == nil { transport_sleep(slot.bell, bell, Self.longestSleep) }
    transport_store_release_32(slot.sleeper, 0)
  }

  /// Nanoseconds; a guard only, since whoever has news rings the bell.
  private static let longestSleep: Int64 = 100_000_000

  private func wake(_ peer: Int) {
    transport_fence()
    let slot = arena.slot(of: peer)
    guard transport_load_acquire_32(slot.sleeper) != 0 else { return }
    _ = transport_add_32(slot.bell, 1)
    transport_wake(slot.bell)
  }

  /// A rank that has left in order sends and reads nothing any more.
  private func checkForDepartures() throws(PeerLost) {
    for peer in 0..<rankCount where peer != rank && arena.hasLeft(peer) {
      if !senders[peer].isIdle || (!receivers[peer].isIdle && !receivers[peer].hasUnread) {
        throw Loss(rank: peer, kind: .departure, detail: 0).error
      }
    }
  }

  // MARK: Shared buffers

  /// Returns memory, zeroed, from which peers can read messages without a copy on the way.
  public func sharedBuffer(byteCount: Int) -> UnsafeMutableRawBufferPointer? {
    let size = ArenaLayout.rounded(max(byteCount, 1), to: ArenaLayout.page)
    guard byteCount >= 0, size <= arena.layout.sharedByteCount - sharedByteCount else { return nil }
    let start = sharedMemory + sharedByteCount
    transport_populate(start, size)
    sharedByteCount += size
    return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }

  private var sharedMemory: UnsafeMutableRawPointer {
    arena.start + arena.layout.sharedMemory(of: rank)
  }

  /// Where the bytes lie for every rank, if they are many and lie in memory that all of them map.
  private func place(of bytes: UnsafeRawBufferPointer) -> UInt64? {
    guard bytes.count >= Self.smallestInPlace, let start = bytes.baseAddress else { return nil }
    let offset = start - UnsafeRawPointer(sharedMemory)
    guard offset >= 0, offset + bytes.count <= sharedByteCount else { return nil }
    return UInt64(start - UnsafeRawPointer(arena.start))
  }
}
