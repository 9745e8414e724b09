import Communication
import Glibc
import TestThreads

/// Ranks of one process, each on a thread of its own: what is sent waits in a queue for its receiver.
final class ExchangeNetwork: @unchecked Sendable {
  fileprivate let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  fileprivate let arrived = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  /// For each sender and receiver what is under way.
  fileprivate var queues: [[[[UInt8]]]]
  /// For each receiver and sender the bytes that arrived.
  private(set) var received: [[Int]]
  let count: Int

  init(_ count: Int) {
    self.count = count
    queues = [[[[UInt8]]]](repeating: [[[UInt8]]](repeating: [], count: count), count: count)
    received = [[Int]](repeating: [Int](repeating: 0, count: count), count: count)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(arrived, nil)
  }

  deinit {
    pthread_cond_destroy(arrived)
    pthread_mutex_destroy(mutex)
    arrived.deallocate()
    mutex.deallocate()
  }

  /// Runs a body for each rank at once and waits for all.
  func run(_ body: @escaping @Sendable (ExchangeTransport) throws -> Void) throws {
    try onThreads(count) { try body(ExchangeTransport(rank: $0, self)) }
  }

  fileprivate func send(_ bytes: [UInt8], from: Int, to: Int) {
    pthread_mutex_lock(mutex)
    queues[from][to].append(bytes)
    pthread_cond_broadcast(arrived)
    pthread_mutex_unlock(mutex)
  }

  fileprivate func receive(from: Int, to: Int) -> [UInt8] {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while queues[from][to].isEmpty { pthread_cond_wait(arrived, mutex) }
    let bytes = queues[from][to].removeFirst()
    received[to][from] += bytes.count
    return bytes
  }
}

/// One rank of an ``ExchangeNetwork``.
final class ExchangeTransport: Transport, @unchecked Sendable {
  let rank: Int
  private let network: ExchangeNetwork
  private(set) var bytesSent: [Int]
  var rankCount: Int { network.count }

  fileprivate init(rank: Int, _ network: ExchangeNetwork) {
    self.rank = rank
    self.network = network
    bytesSent = [Int](repeating: 0, count: network.count)
  }

  func exchange(sending: [OutgoingMessage], receiving: [IncomingMessage]) throws(PeerLost) {
    for message in sending {
      bytesSent[message.to] += message.bytes.count
      network.send(Array(message.bytes), from: rank, to: message.to)
    }
    for message in receiving {
      let bytes = network.receive(from: message.from, to: rank)
      precondition(
        bytes.count == message.bytes.count, "\(bytes.count) bytes arrive for \(message.bytes.count)")
      bytes.withUnsafeBytes { arrived in
        switch message.arrival {
        case .replace: message.bytes.copyMemory(from: arrived)
        case .addFloat32: add(arrived, to: message.bytes, of: Float.self)
        case .addFloat64: add(arrived, to: message.bytes, of: Double.self)
        }
      }
    }
  }

  func begin(sending: [OutgoingMessage], receiving: [IncomingMessage]) -> PendingExchange {
    preconditionFailure("exchanges are never left under way")
  }

  func advance(_ pending: PendingExchange) -> Bool { true }

  func finish(_ pending: PendingExchange) throws(PeerLost) {}

  private func add<Number: BinaryFloatingPoint>(
    _ bytes: UnsafeRawBufferPointer, to target: UnsafeMutableRawBufferPointer, of type: Number.Type
  ) {
    for (index, addend) in bytes.bindMemory(to: type).enumerated() {
      target.bindMemory(to: type)[index] += addend
    }
  }
}
