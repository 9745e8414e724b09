internal import CTransport

/// The sending end of the ring from this rank to another.
///
/// A message is one header of ``ArenaLayout/messageHeaderByteCount`` bytes and then its bytes, padded to the
/// next header's place; or, where its bytes lie in memory that the peer maps too, a header alone, which the
/// peer keeps in the ring until it has read the bytes from where they lie.
struct RingSender {
  /// Positions are numbers of bytes since the beginning; the place in the ring is their remainder.
  private var position: UInt64 = 0
  /// The last position that the receiver was seen to have reached.
  private var knownRead: UInt64 = 0
  private let ring: Ring
  private var queue: [Pending] = []
  private var first = 0
  /// The queue's entries that are all in the ring.
  private var writtenCount = 0
  /// The messages that the caller may change again.
  private(set) var doneCount = 0
  /// The messages queued so far.
  private(set) var queuedCount = 0
  /// The bytes of messages queued so far.
  private(set) var byteCount = 0

  private struct Pending {
    let bytes: UnsafeRawBufferPointer
    /// Where the bytes lie for the peer, if it can read them there.
    let place: UInt64?
    var sent = -1
    /// The position that the peer has to reach before the message is done.
    var end: UInt64 = 0
  }

  init(ring: Ring) { self.ring = ring }

  /// Whether nothing waits.
  var isIdle: Bool { first == queue.count }

  /// The bytes of the ring that were ever written, its first page included.
  var filledByteCount: Int {
    position == 0
      ? 0
      : ArenaLayout.page
        + min(ring.capacity, ArenaLayout.rounded(Int(position), to: ArenaLayout.page))
  }

  /// Appends a message.
  mutating func append(_ bytes: UnsafeRawBufferPointer, place: UInt64?) {
    queue.append(Pending(bytes: bytes, place: place))
    queuedCount += 1
    byteCount += bytes.count
  }

  /// Writes what fits; says whether anything has moved and whether the peer has news.
  mutating func advance() -> Progress {
    var progress = Progress()
    while writtenCount < queue.count {
      var message = queue[writtenCount]
      let isWhole = write(&message, &progress)
      queue[writtenCount] = message
      guard isWhole else { break }
      writtenCount += 1
    }
    while first < writtenCount {
      let end = queue[first].end
      if end > 0 {
        if knownRead < end { knownRead = transport_load_acquire(ring.read) }
        if knownRead < end { break }
      }
      first += 1
      doneCount += 1
      progress.isMoved = true
    }
    if first == queue.count && first > 0 {
      queue.removeAll(keepingCapacity: true)
      first = 0
      writtenCount = 0
    }
    return progress
  }

  /// Writes one message as far as the ring has room; says whether all of it is written.
  private mutating func write(_ message: inout Pending, _ progress: inout Progress) -> Bool {
    let header = UInt64(ArenaLayout.messageHeaderByteCount)
    if message.sent < 0 {
      guard room() >= header else { return false }
      let words = ring.pointer(at: position).assumingMemoryBound(to: UInt64.self)
      words[0] = UInt64(message.bytes.count)
      words[1] = message.place == nil ? 0 : 1
      words[2] = message.place ?? 0
      position += header
      message.sent = 0
      progress.isMoved = true
      if message.place != nil {
        message.end = position
        publish(&progress)
        return true
      }
    }
    guard let source = message.bytes.baseAddress else {
      publish(&progress)
      return true
    }
    while message.sent < message.bytes.count {
      let rest = message.bytes.count - message.sent
      let count = min(rest, Int(room()), ring.contiguous(at: position), Ring.piece)
      if count == 0 {
        publish(&progress)
        return false
      }
      transport_copy(ring.pointer(at: position), source + message.sent, count)
      message.sent += count
      // The last piece is padded, so that the next header has a line of its own.
      position += UInt64(ArenaLayout.rounded(count, to: ArenaLayout.messageHeaderByteCount))
      progress.isMoved = true
      publish(&progress)
    }
    if message.bytes.isEmpty { publish(&progress) }
    return true
  }

  private mutating func room() -> UInt64 {
    var room = UInt64(ring.capacity) - (position - knownRead)
    if room == 0 || room < UInt64(Ring.piece) {
      knownRead = transport_load_acquire(ring.read)
      room = UInt64(ring.capacity) - (position - knownRead)
    }
    return room
  }

  private func publish(_ progress: inout Progress) {
    transport_store_release(ring.written, position)
    progress.isNews = true
  }
}

/// What a step of a sender or receiver has done.
struct Progress {
  /// Whether anything has moved.
  var isMoved = false
  /// Whether the peer can go on because of it.
  var isNews = false
}

/// The bytes and the two positions of one ring.
struct Ring {
  let start: UnsafeMutableRawPointer
  let capacity: Int

  /// The bytes that are published at once, so that the peer reads while the rest is still written.
  static let piece = 32 << 10

  init(arena: Arena, from sender: Int, to receiver: Int) {
    start = arena.start + arena.layout.ring(from: sender, to: receiver)
    capacity = arena.layout.ringCapacity
  }

  /// The position that the sender has reached.
  var written: UnsafeMutablePointer<UInt64> { start.assumingMemoryBound(to: UInt64.self) }
  /// The position that the receiver has reached.
  var read: UnsafeMutablePointer<UInt64> {
    (start + ArenaLayout.line).assumingMemoryBound(to: UInt64.self)
  }

  /// Where the byte of a position lies.
  func pointer(at position: UInt64) -> UnsafeMutableRawPointer {
    start + ArenaLayout.page + Int(position % UInt64(capacity))
  }

  /// The bytes between a position and the end of the ring's memory.
  func contiguous(at position: UInt64) -> Int { capacity - Int(position % UInt64(capacity)) }
}
