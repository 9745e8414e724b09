internal import CTransport

/// The receiving end of the ring from another rank to this one.
struct RingReceiver {
  private var position: UInt64 = 0
  /// The last position that the sender was seen to have reached.
  private var knownWritten: UInt64 = 0
  private let ring: Ring
  /// Where places of messages outside the ring are counted from.
  private let origin: UnsafeMutableRawPointer
  private let sender: Int
  fileprivate var queue: [Pending] = []
  private var first = 0
  /// The messages that have arrived.
  private(set) var doneCount = 0
  /// The messages that are waited for, those that have arrived included.
  private(set) var queuedCount = 0

  fileprivate struct Pending {
    let bytes: UnsafeMutableRawBufferPointer
    let arrival: Arrival
    var received = -1
    /// Where the bytes lie, if not in the ring.
    var source: UnsafeMutableRawPointer?
  }

  init(ring: Ring, origin: UnsafeMutableRawPointer, sender: Int) {
    self.ring = ring
    self.origin = origin
    self.sender = sender
  }

  /// Whether nothing is waited for.
  var isIdle: Bool { first == queue.count }

  /// Whether the sender has written what was not read yet.
  var hasUnread: Bool { transport_load_acquire(ring.written) != position }

  /// Appends a message that is waited for.
  mutating func append(_ bytes: UnsafeMutableRawBufferPointer, arrival: Arrival) {
    queue.append(Pending(bytes: bytes, arrival: arrival))
    queuedCount += 1
  }

  /// The bytes that are taken from memory outside the ring before other peers get their turn.
  private static let turn = 1 << 20

  /// Takes what is there; says whether anything has moved and whether the peer has news.
  mutating func advance() -> Progress {
    var progress = Progress()
    while first < queue.count {
      var message = queue[first]
      let isWhole = receive(&message, &progress)
      queue[first] = message
      guard isWhole else { break }
      first += 1
      doneCount += 1
    }
    if first == queue.count && first > 0 {
      queue.removeAll(keepingCapacity: true)
      first = 0
    }
    return progress
  }

  /// Takes as much of a message as is there; says whether all of it has arrived.
  private mutating func receive(_ message: inout Pending, _ progress: inout Progress) -> Bool {
    let header = UInt64(ArenaLayout.messageHeaderByteCount)
    if message.received < 0 {
      guard available() >= header else { return false }
      let words = ring.pointer(at: position).assumingMemoryBound(to: UInt64.self)
      let count = Int(words[0])
      precondition(
        count == message.bytes.count,
        "rank \(sender) sent a message of \(count) bytes where \(message.bytes.count) are waited for")
      if words[1] != 0 {
        message.source = UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: origin) + UInt(words[2]))
      }
      message.received = 0
      progress.isMoved = true
      // A header without bytes stays in the ring until its message is read: that is how the sender knows.
      if message.source == nil {
        position += header
        if count == 0 { publish(&progress) }
      }
    }
    if let source = message.source { return read(&message, at: source, &progress) }
    while message.received < message.bytes.count {
      let rest = message.bytes.count - message.received
      let count = min(rest, Int(available()), ring.contiguous(at: position), Ring.piece)
      // A sender pads only the end, so what is there is either the rest or a multiple of the header.
      guard count > 0 else { return false }
      message.take(ring.pointer(at: position), count)
      position += UInt64(ArenaLayout.rounded(count, to: ArenaLayout.messageHeaderByteCount))
      progress.isMoved = true
      publish(&progress)
    }
    return true
  }

  /// Takes the next part of a message that lies outside the ring.
  private mutating func read(
    _ message: inout Pending, at source: UnsafeMutableRawPointer, _ progress: inout Progress
  ) -> Bool {
    let count = min(message.bytes.count - message.received, Self.turn)
    message.take(source + message.received, count)
    progress.isMoved = true
    guard message.received == message.bytes.count else { return false }
    position += UInt64(ArenaLayout.messageHeaderByteCount)
    publish(&progress)
    return true
  }

  private mutating func available() -> UInt64 {
    if knownWritten - position < UInt64(Ring.piece) { knownWritten = transport_load_acquire(ring.written) }
    return knownWritten - position
  }

  private func publish(_ progress: inout Progress) {
    transport_store_release(ring.read, position)
    progress.isNews = true
  }
}

extension RingReceiver.Pending {
  /// Messages from so many bytes on are stored past the caches.
  private static let pastCaches = 8 << 20

  /// Stores or adds bytes at the message's place.
  fileprivate mutating func take(_ source: UnsafeMutableRawPointer, _ count: Int) {
    guard let start = bytes.baseAddress else { return }
    switch arrival {
    case .replace where self.source != nil && bytes.count >= Self.pastCaches:
      transport_copy_past_caches(start + received, source, count)
    case .replace: transport_copy(start + received, source, count)
    case .addFloat32: transport_add_float32(start + received, source, count)
    case .addFloat64: transport_add_float64(start + received, source, count)
    }
    received += count
  }
}
