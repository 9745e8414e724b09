internal import Communication

/// The sum of a tensor of every rank, left on each of them: reduce-scatter and all-gather between all pairs.
///
/// The tensor is cut into one part for each rank. First every rank receives its part of all others and adds it;
/// then every rank receives the sums of all other parts.
struct AllReduce {
  let transport: any Transport
  /// The tensor, in float32.
  let tensor: UnsafeMutableRawBufferPointer

  /// The part of the tensor that a rank sums.
  func part(_ rank: Int) -> UnsafeMutableRawBufferPointer {
    let elements = tensor.count / 4
    let start = elements * rank / transport.rankCount * 4
    let end = elements * (rank + 1) / transport.rankCount * 4
    return UnsafeMutableRawBufferPointer(rebasing: tensor[start..<end])
  }

  func run() throws(PeerLost) {
    let peers = (0..<transport.rankCount).filter { $0 != transport.rank }
    try transport.exchange(
      sending: peers.map { OutgoingMessage(to: $0, bytes: UnsafeRawBufferPointer(part($0))) },
      receiving: peers.map {
        IncomingMessage(from: $0, bytes: part(transport.rank), arrival: .addFloat32)
      })
    try transport.exchange(
      sending: peers.map {
        OutgoingMessage(to: $0, bytes: UnsafeRawBufferPointer(part(transport.rank)))
      },
      receiving: peers.map { IncomingMessage(from: $0, bytes: part($0)) })
  }
}
