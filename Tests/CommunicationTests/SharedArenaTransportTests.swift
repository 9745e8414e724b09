import Glibc
import TestThreads
import Testing

@testable import Communication
@testable import RankProbe

@Suite(.timeLimit(.minutes(10))) struct SharedArenaTransportTests {
  @Test func `a message arrives as it was sent, and is counted`() throws {
    let ranks = try LocalTransport.ranks(2)
    let sent: [UInt8] = [1, 2, 3, 4, 5]
    var received = [UInt8](repeating: 0, count: 5)
    try sent.withUnsafeBytes { bytes in
      try ranks[0].exchange(sending: [OutgoingMessage(to: 1, bytes: bytes)], receiving: [])
    }
    try received.withUnsafeMutableBytes { bytes in
      try ranks[1].exchange(sending: [], receiving: [IncomingMessage(from: 0, bytes: bytes)])
    }
    #expect(received == sent)
    #expect(ranks[0].bytesSent == [0, 5])
    #expect(ranks[1].bytesSent == [0, 0])
  }

  // 1.5 + 2 = 3.5 in both formats, without rounding.
  @Test func `numbers are added where they arrive`() throws {
    let ranks = try LocalTransport.ranks(1)
    let single: [Float] = [2, -1, 0.5]
    var singleSum: [Float] = [1.5, 1, 0.25]
    let double: [Double] = [2, -1]
    var doubleSum: [Double] = [1.5, 1]
    try single.withUnsafeBytes { a in
      try double.withUnsafeBytes { b in
        try singleSum.withUnsafeMutableBytes { c in
          try doubleSum.withUnsafeMutableBytes { d in
            try ranks[0].exchange(
              sending: [OutgoingMessage(to: 0, bytes: a), OutgoingMessage(to: 0, bytes: b)],
              receiving: [
                IncomingMessage(from: 0, bytes: c, arrival: .addFloat32),
                IncomingMessage(from: 0, bytes: d, arrival: .addFloat64),
              ])
          }
        }
      }
    }
    #expect(singleSum == [3.5, 0, 0.75])
    #expect(doubleSum == [3.5, 0])
  }

  @Test func `both sides send more than the rings hold, and nobody waits for ever`() throws {
    let ranks = try LocalTransport.ranks(2, ringCapacity: 4096)
    let count = 1 << 20
    try onThreads(2) { rank in
      let sent = [UInt8](repeating: UInt8(rank + 1), count: count)
      var received = [UInt8](repeating: 0, count: count)
      try sent.withUnsafeBytes { out in
        try received.withUnsafeMutableBytes { into in
          try ranks[rank].exchange(
            sending: [OutgoingMessage(to: 1 - rank, bytes: out)],
            receiving: [IncomingMessage(from: 1 - rank, bytes: into)])
        }
      }
      #expect(received.allSatisfy { $0 == UInt8(2 - rank) })
    }
  }

  // The second of two ranks sends a pattern of its number; a sum of integers below 2²⁴ is exact in float32.
  @Test(arguments: [(2, 1), (3, 2), (8, 3), (5, 4)])
  func `random messages in random order keep their order and their bytes`(ranks: Int, seed: UInt64) throws {
    for capacity in [4096, 64 << 10] {
      let transports = try LocalTransport.ranks(ranks, ringCapacity: capacity)
      let rounds = RandomRounds(seed: seed, rankCount: ranks)
      try onThreads(ranks) { rank in
        let faults = try rounds.run(on: transports[rank])
        #expect(faults == [])
      }
      for rank in 0..<ranks {
        #expect(transports[rank].bytesSent == rounds.bytesSent(by: rank), "seed \(seed)")
      }
    }
  }

  @Test func `a large message in a shared buffer arrives by its place`() throws {
    let ranks = try LocalTransport.ranks(2, ringCapacity: 4096)
    let buffer = try #require(ranks[0].sharedBuffer(byteCount: 1 << 20))
    for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: index &* 7) }
    var received = [UInt8](repeating: 0, count: buffer.count)
    // The ring holds 4 KiB, so the call returns at once only because the bytes stay where they are.
    let pending = ranks[0].begin(
      sending: [OutgoingMessage(to: 1, bytes: UnsafeRawBufferPointer(buffer))], receiving: [])
    #expect(!ranks[0].advance(pending))
    try received.withUnsafeMutableBytes { bytes in
      try ranks[1].exchange(sending: [], receiving: [IncomingMessage(from: 0, bytes: bytes)])
    }
    #expect(ranks[0].advance(pending))
    #expect(received.elementsEqual(buffer))
    #expect(ranks[0].bytesSent == [0, 1 << 20])
  }

  @Test func `shared buffers come until none is left, and begin at pages`() throws {
    let ranks = try LocalTransport.ranks(1, sharedByteCount: 2 << 20)
    let first = try #require(ranks[0].sharedBuffer(byteCount: 1))
    let second = try #require(ranks[0].sharedBuffer(byteCount: 1 << 20))
    #expect(first.baseAddress.map { UInt(bitPattern: $0) % 4096 } == 0)
    #expect(second.baseAddress.map { UInt(bitPattern: $0) % 4096 } == 0)
    #expect(second.allSatisfy { $0 == 0 })
    #expect(ranks[0].sharedBuffer(byteCount: 1 << 20) == nil)
  }

  @Test func `a wait for a lost peer ends with its number`() throws {
    let ranks = try LocalTransport.ranks(3)
    try onThreads(2) { rank in
      if rank == 1 {
        usleep(50_000)
        return ranks[1].declareLost(rank: 2, exitCode: 9)
      }
      var byte: [UInt8] = [0]
      let lost = byte.withUnsafeMutableBytes { bytes -> PeerLost? in
        do throws(PeerLost) {
          try ranks[0].exchange(sending: [], receiving: [IncomingMessage(from: 2, bytes: bytes)])
          return nil
        } catch {
          return error
        }
      }
      #expect(lost == PeerLost(rank: 2, reason: "it ended with exit code 9"))
    }
  }

  @Test func `exchanges that were begun are finished in any order`() throws {
    let ranks = try LocalTransport.ranks(2, ringCapacity: 4096)
    try onThreads(2) { rank in
      let sent = [UInt8](repeating: UInt8(rank), count: 100_000)
      var received = [UInt8](repeating: 9, count: 200_000)
      try sent.withUnsafeBytes { out in
        try received.withUnsafeMutableBytes { into in
          let halves = [into[0..<100_000], into[100_000...]].map(
            UnsafeMutableRawBufferPointer.init(rebasing:))
          let pending = halves.map {
            ranks[rank].begin(
              sending: [OutgoingMessage(to: 1 - rank, bytes: out)],
              receiving: [IncomingMessage(from: 1 - rank, bytes: $0)])
          }
          try ranks[rank].finish(pending[1])
          #expect(ranks[rank].advance(pending[0]))
        }
      }
      #expect(received.allSatisfy { $0 == UInt8(1 - rank) })
    }
  }
}
