public import Communication

/// Measures what joins two ranks of this computer: exchanges in both directions at once.
public struct TransportProbe: Sendable {
  /// An exchange between two ranks.
  public struct Measurement: Hashable, Sendable {
    /// The bytes that each rank sends the other.
    public let bytes: Int
    /// The seconds where they replace what lies at their place.
    public let replacing: Double
    /// The seconds where they are added to it.
    public let adding: Double

    /// Creates a measurement.
    public init(bytes: Int, replacing: Double, adding: Double) {
      self.bytes = bytes
      self.replacing = replacing
      self.adding = adding
    }
  }

  /// The sizes that are measured.
  static let sizes = [64, 1 << 10, 8 << 10, 64 << 10, 512 << 10, 4 << 20, 32 << 20]

  /// Measures between ranks 0 and 1; each of them calls this.
  ///
  /// - Throws: ``PeerLost`` where a rank is gone.
  public static func measure(over transport: any Transport) throws(PeerLost) -> [Measurement] {
    let peer = 1 - transport.rank
    guard let most = sizes.last, let sent = buffer(transport, most), let received = buffer(transport, most)
    else { return [] }
    defer {
      if !sent.isShared { sent.bytes.deallocate() }
      if !received.isShared { received.bytes.deallocate() }
    }
    var results: [Measurement] = []
    for size in sizes {
      let times = try [Arrival.replace, .addFloat32].map { arrival throws(PeerLost) in
        try time(of: size, arrival, with: peer, over: transport, sent.bytes, received.bytes)
      }
      results.append(Measurement(bytes: size, replacing: times[0], adding: times[1]))
    }
    return results
  }

  /// The median of several exchanges.
  ///
  /// As in a step, each rank has just written what it sends and what it adds to, and the caches hold other
  /// things as well: messages take turns over the buffers.
  private static func time(
    of size: Int, _ arrival: Arrival, with peer: Int, over transport: any Transport,
    _ sent: UnsafeMutableRawBufferPointer, _ received: UnsafeMutableRawBufferPointer
  ) throws(PeerLost) -> Double {
    let places = min(64, sent.count / size)
    let repetitions = max(7, min(301, (64 << 20) / size))
    var times: [Double] = []
    for repetition in 0..<repetitions {
      let range = repetition % places * size..<(repetition % places + 1) * size
      let (outgoing, incoming) = (
        UnsafeMutableRawBufferPointer(rebasing: sent[range]),
        UnsafeMutableRawBufferPointer(rebasing: received[range])
      )
      outgoing.initializeMemory(as: UInt8.self, repeating: 0)
      incoming.initializeMemory(as: UInt8.self, repeating: 0)
      // A short message lets both begin together.
      try transport.exchange(
        sending: [OutgoingMessage(to: peer, bytes: UnsafeRawBufferPointer(rebasing: outgoing[..<8]))],
        receiving: [
          IncomingMessage(from: peer, bytes: UnsafeMutableRawBufferPointer(rebasing: incoming[..<8]))
        ])
      let start = steadySeconds()
      try transport.exchange(
        sending: [OutgoingMessage(to: peer, bytes: UnsafeRawBufferPointer(outgoing))],
        receiving: [IncomingMessage(from: peer, bytes: incoming, arrival: arrival)])
      times.append(steadySeconds() - start)
    }
    return median(times)
  }

  private static func buffer(
    _ transport: any Transport, _ size: Int
  ) -> (bytes: UnsafeMutableRawBufferPointer, isShared: Bool)? {
    if let shared = transport.sharedBuffer(byteCount: size) { return (shared, true) }
    let own = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
    own.initializeMemory(as: UInt8.self, repeating: 0)
    return (own, false)
  }
}
