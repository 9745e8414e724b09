internal import Communication

/// The sum of a tensor of every rank, left on each of them: reduce-scatter and all-gather between all pairs.
///
/// The tensor is cut into one part for each rank. First every rank receives its part of all others and adds
/// it; then every rank receives the sums of all other parts.
struct AllReduce {
  private let transport: any Transport
  private let toScatter: [OutgoingMessage]
  private let toAdd: [IncomingMessage]
  private let toSpread: [OutgoingMessage]
  private let toGather: [IncomingMessage]

  /// Prepares the messages, which are the same every time; the tensor is one of float32.
  init(transport: any Transport, tensor: UnsafeMutableRawBufferPointer) {
    /// The part of the tensor that a rank sums.
    func part(_ rank: Int) -> UnsafeMutableRawBufferPointer {
      let elements = tensor.count / 4
      let start = elements * rank / transport.rankCount * 4
      let end = elements * (rank + 1) / transport.rankCount * 4
      return UnsafeMutableRawBufferPointer(rebasing: tensor[start..<end])
    }
    let mine = part(transport.rank)
    let peers = (0..<transport.rankCount).filter { $0 != transport.rank }
    self.transport = transport
    toScatter = peers.map { OutgoingMessage(to: $0, bytes: UnsafeRawBufferPointer(part($0))) }
    toAdd = peers.map { IncomingMessage(from: $0, bytes: mine, arrival: .addFloat32) }
    toSpread = peers.map { OutgoingMessage(to: $0, bytes: UnsafeRawBufferPointer(mine)) }
    toGather = peers.map { IncomingMessage(from: $0, bytes: part($0)) }
  }

  func run() throws(PeerLost) {
    try transport.exchange(sending: toScatter, receiving: toAdd)
    try transport.exchange(sending: toSpread, receiving: toGather)
  }
}
