internal import CTransport
internal import Glibc
internal import Synchronization

/// A rank's place in its run: what joins it with its peers and with its coordinator.
///
/// A process that ``launch(_:)`` has started takes its seat before it does anything else:
///
/// ```swift
/// let seat = try RankSeat.take()
/// seat.send(event)
/// try seat.transport.exchange(sending: …, receiving: …)
/// seat.leave()
/// ```
///
/// From then on the kernel kills it when the coordinator is gone, and a thread shows that it lives.
public final class RankSeat: Sendable {
  /// The number of this rank.
  public let rank: Int
  /// The number of ranks.
  public let rankCount: Int
  /// What joins it with the other ranks.
  public let transport: SharedArenaTransport

  private let arena: Arena
  private let channel: Mutex<ControlChannel>
  private let commands = Mailbox<[UInt8]>()

  private init(rank: Int, arena: Arena, channel: ControlChannel) {
    self.rank = rank
    self.arena = arena
    self.channel = Mutex(channel)
    rankCount = arena.layout.rankCount
    transport = SharedArenaTransport(rank: rank, arena: arena)
  }

  /// Takes the seat that the coordinator has prepared for this process.
  ///
  /// - Throws: ``TransportFault`` where no coordinator has started this process.
  public static func take() throws(TransportFault) -> RankSeat {
    let file = Int32(TRANSPORT_ARENA)
    let control = Int32(TRANSPORT_CONTROL)
    guard let arena = Arena.existing(file: file) else {
      throw TransportFault(what: "find a coordinator: a rank is started by one, never by hand")
    }
    guard transport_end_with_parent(arena.coordinator) != 0 else {
      throw TransportFault(what: "reach the coordinator: it is gone")
    }
    // Programs that a rank starts get neither.
    close(file)
    transport_stay_private(control)
    var channel = ControlChannel(descriptor: control)
    var rank: Int?
    while rank == nil {
      let isOpen = channel.receive()
      rank = channel.nextMessage().flatMap { Int(String(decoding: $0, as: UTF8.self)) }
      if rank == nil && !isOpen { throw TransportFault(what: "reach the coordinator: it is gone") }
      if rank == nil { wait(for: control, events: POLLIN, milliseconds: 1000) }
    }
    let seat = RankSeat(rank: rank ?? 0, arena: arena, channel: channel)
    let bits = arena.slot(of: seat.rank).processors
    if bits.contains(where: { $0 != 0 }) {
      let code = transport_set_affinity(bits.baseAddress, bits.count)
      guard code == 0 else {
        throw TransportFault(what: "run rank \(seat.rank) on the processors asked for", code: code)
      }
    }
    seat.beat()
    guard startThread({ seat.serve() }) else {
      throw TransportFault(what: "start a thread", code: errno)
    }
    return seat
  }

  // MARK: The coordinator

  /// Sends bytes to the coordinator; never waits.
  public func send(_ message: [UInt8]) { channel.withLock { $0.send(message) } }

  /// The next command of the coordinator; waits for one, and returns nil when none follows.
  public func nextCommand() -> [UInt8]? { commands.next() }

  /// The next command of the coordinator, if there is one now.
  public func nextCommandIfPresent() -> [UInt8]? { commands.nextIfPresent() }

  /// Whether the run is asked to end in order.
  ///
  /// Ranks may see this at different steps: agree on the step with a message before leaving, or take the
  /// ``PeerLost`` of a peer that has left as the end.
  public var isEnding: Bool { arena.isEnding }

  /// Ends with an error if a peer is lost: for long stretches without an exchange.
  public func checkPeers() throws(PeerLost) {
    if let loss = arena.loss, loss.concerns(rank) { throw loss.error }
  }

  /// Leaves in order: sends what is still to be sent, for a few seconds at most, and tells the peers.
  ///
  /// A process that ends without it, even with exit code 0, counts as lost.
  public func leave() {
    arena.noteDeparture(of: rank)
    flush(milliseconds: 5000)
  }

  /// Sends what is still to be sent, for a limited time: before ending because a peer is lost.
  public func flush(milliseconds: Int) {
    let start = transport_now()
    while transport_now() - start < UInt64(milliseconds) * 1_000_000 {
      let (hasUnsent, descriptor) = channel.withLock { channel in
        channel.flush()
        return (channel.hasUnsent, channel.descriptor)
      }
      guard hasUnsent else { return }
      Self.wait(for: descriptor, events: POLLOUT, milliseconds: 50)
    }
  }

  // MARK: The serving thread

  /// Milliseconds between two signs of life.
  private static let pulse: Int32 = 250

  private func serve() {
    while true {
      beat()
      let (descriptor, hasUnsent) = channel.withLock { ($0.descriptor, $0.hasUnsent) }
      Self.wait(for: descriptor, events: hasUnsent ? POLLIN | POLLOUT : POLLIN, milliseconds: Self.pulse)
      let (messages, isOpen) = channel.withLock { channel -> ([[UInt8]], Bool) in
        channel.flush()
        let isOpen = channel.receive()
        var messages: [[UInt8]] = []
        while let message = channel.nextMessage() { messages.append(message) }
        return (messages, isOpen)
      }
      for message in messages { commands.put(message) }
      if !isOpen || getppid() != arena.coordinator {
        // Nobody is left to report to; the kernel may even have ended this process already.
        _exit(69)
      }
    }
  }

  private func beat() { _ = transport_add(arena.slot(of: rank).heartbeat, 1) }

  private static func wait(for descriptor: Int32, events: Int32, milliseconds: Int32) {
    var descriptors = [pollfd(fd: descriptor, events: Int16(events), revents: 0)]
    poll(&descriptors, 1, milliseconds)
  }
}
