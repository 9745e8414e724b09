internal import Communication

/// A fixed list of rounds with random messages, the same for every rank that knows the seed.
struct RandomRounds: Sendable {
  /// One message of a round.
  struct Message: Sendable {
    let from: Int
    let to: Int
    /// The number of float32 elements.
    let count: Int
    let isAdded: Bool
    /// Whether its bytes lie in a shared buffer.
    let isShared: Bool
    /// The value of its first element.
    let value: Float
  }

  let seed: UInt64
  let rankCount: Int
  let rounds: [[Message]]

  init(seed: UInt64, rankCount: Int, roundCount: Int = 30) {
    var generator = SplitMix64(seed: seed)
    var rounds: [[Message]] = []
    for _ in 0..<roundCount {
      rounds.append(
        (0..<generator.number(1...2 * rankCount)).map { _ in
          // Sizes around the pieces of a ring, and none at all.
          let near = [0, 1, 15, 16, 17, 1023, 1024, 1025, 8191, 8192, 8193, 50_000]
          return Message(
            from: generator.below(rankCount), to: generator.below(rankCount),
            count: generator.below(3) == 0 ? generator.below(40_000) : near[generator.below(near.count)],
            isAdded: generator.below(2) == 0, isShared: generator.below(2) == 0,
            value: Float(generator.below(1000)))
        })
    }
    self.seed = seed
    self.rankCount = rankCount
    self.rounds = rounds
  }

  /// What a rank sends to each, in bytes.
  func bytesSent(by rank: Int) -> [Int] {
    var bytes = [Int](repeating: 0, count: rankCount)
    for message in rounds.joined() where message.from == rank { bytes[message.to] += 4 * message.count }
    return bytes
  }

  /// Sends and receives every round as one rank; returns what arrived otherwise than it should have.
  func run(on transport: SharedArenaTransport) throws(PeerLost) -> [String] {
    var faults: [String] = []
    guard let shared = transport.sharedBuffer(byteCount: 1 << 20) else { return ["no shared buffer"] }
    for (index, round) in rounds.enumerated() {
      let outgoing = round.filter { $0.from == transport.rank }
      let incoming = round.filter { $0.to == transport.rank }
      var sharedCount = 0
      var owned: [UnsafeMutableRawBufferPointer] = []
      defer { for buffer in owned { buffer.deallocate() } }
      func buffer(_ count: Int, isShared: Bool) -> UnsafeMutableRawBufferPointer {
        let size = 4 * count
        if isShared && sharedCount + size <= shared.count {
          defer { sharedCount += size }
          return UnsafeMutableRawBufferPointer(rebasing: shared[sharedCount..<sharedCount + size])
        }
        owned.append(.allocate(byteCount: size, alignment: 16))
        return owned[owned.count - 1]
      }
      let sending = outgoing.map { message in
        let bytes = buffer(message.count, isShared: message.isShared)
        let numbers = bytes.bindMemory(to: Float.self)
        for index in numbers.indices { numbers[index] = message.value + Float(index % 97) }
        return OutgoingMessage(to: message.to, bytes: UnsafeRawBufferPointer(bytes))
      }
      let receiving = incoming.map { message in
        let bytes = buffer(message.count, isShared: false)
        let numbers = bytes.bindMemory(to: Float.self)
        for index in numbers.indices { numbers[index] = Float(index % 13) }
        return IncomingMessage(
          from: message.from, bytes: bytes, arrival: message.isAdded ? .addFloat32 : .replace)
      }
      try transport.exchange(sending: sending, receiving: receiving)
      for (message, received) in zip(incoming, receiving) {
        let numbers = received.bytes.bindMemory(to: Float.self)
        let isRight = numbers.indices.allSatisfy {
          let sent = message.value + Float($0 % 97)
          return numbers[$0] == (message.isAdded ? sent + Float($0 % 13) : sent)
        }
        if !isRight {
          faults.append("seed \(seed), round \(index), rank \(transport.rank) from \(message.from)")
        }
      }
    }
    return faults
  }
}
