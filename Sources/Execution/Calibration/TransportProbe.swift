public import Communication
import Glibc

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
      var times: [Double] = []
      for arrival in [Arrival.replace, .addFloat32] {
        let outgoing = [
          OutgoingMessage(to: peer, bytes: UnsafeRawBufferPointer(rebasing: sent.bytes[..<size]))
        ]
        let incoming = [
          IncomingMessage(
            from: peer, bytes: UnsafeMutableRawBufferPointer(rebasing: received.bytes[..<size]),
            arrival: arrival)
        ]
        let repetitions = max(3, min(200, (64 << 20) / size))
        var least = Double.infinity
        for _ in 0..<5 {
          // A short message lets both begin together.
          try transport.exchange(
            sending: [
              OutgoingMessage(to: peer, bytes: UnsafeRawBufferPointer(rebasing: sent.bytes[..<8]))
            ],
            receiving: [
              IncomingMessage(
                from: peer, bytes: UnsafeMutableRawBufferPointer(rebasing: received.bytes[..<8]))
            ])
          let start = steadySeconds()
          for _ in 0..<repetitions { try transport.exchange(sending: outgoing, receiving: incoming) }
          least = min(least, (steadySeconds() - start) / Double(repetitions))
        }
        times.append(least)
      }
      results.append(Measurement(bytes: size, replacing: times[0], adding: times[1]))
    }
    return results
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
