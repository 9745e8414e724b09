/// Bytes that a rank sends in a round.
public struct OutgoingMessage {
  /// The rank that receives.
  public let to: Int
  /// Where the bytes lie; they must stay until the round has ended.
  public let bytes: UnsafeRawBufferPointer

  /// Creates a message.
  public init(to: Int, bytes: UnsafeRawBufferPointer) {
    self.to = to
    self.bytes = bytes
  }
}

/// What a rank does with the bytes that it receives.
public enum Arrival: Hashable, Sendable {
  /// They replace what lies at their place.
  case replace
  /// They are numbers in float32 that are added to what lies at their place.
  case addFloat32
  /// They are numbers in float64 that are added to what lies at their place.
  case addFloat64
}

/// Bytes that a rank receives in a round.
public struct IncomingMessage {
  /// The rank that sends.
  public let from: Int
  /// Where the bytes go; nobody else may touch it until the round has ended.
  public let bytes: UnsafeMutableRawBufferPointer
  /// What is done with them.
  public let arrival: Arrival

  /// Creates a message.
  public init(from: Int, bytes: UnsafeMutableRawBufferPointer, arrival: Arrival = .replace) {
    self.from = from
    self.bytes = bytes
    self.arrival = arrival
  }
}

/// What joins the ranks of one training run.
///
/// Messages between two ranks arrive in the order in which they are sent, and every message is received
/// whole. Waits yield, so that there may be more ranks than cores, and end with an error when a peer is lost.
/// A transport belongs to one thread at a time.
public protocol Transport: AnyObject, Sendable {
  /// The number of this rank.
  var rank: Int { get }
  /// The number of ranks.
  var rankCount: Int { get }
  /// Sends and receives at once, in any order that makes progress, and returns when all of it is done.
  ///
  /// - Precondition: A message is received with as many bytes as it was sent with.
  /// - Throws: ``PeerLost`` where a rank is gone or silent.
  func exchange(sending: [OutgoingMessage], receiving: [IncomingMessage]) throws(PeerLost)
  /// Begins to send and receive, and goes on during later calls; ``finish(_:)`` waits for the end.
  ///
  /// Nobody may touch the messages' bytes before that.
  func begin(sending: [OutgoingMessage], receiving: [IncomingMessage]) -> PendingExchange
  /// Moves what can be moved without waiting; says whether the exchange is done.
  func advance(_ pending: PendingExchange) -> Bool
  /// Waits until an exchange is done.
  ///
  /// - Throws: ``PeerLost`` where a rank is gone or silent.
  func finish(_ pending: PendingExchange) throws(PeerLost)
  /// Returns memory, zeroed, from which peers can read messages without a copy on the way; nil where there is
  /// none left, or no such memory.
  ///
  /// It begins at a page and lives as long as the transport. A message of at least 32 KiB that lies in it is
  /// sent by its place; sending it ends when the peer has read it.
  func sharedBuffer(byteCount: Int) -> UnsafeMutableRawBufferPointer?
  /// The bytes of shared memory that this rank has filled: its shared buffers, and what it has written of
  /// messages that are copied.
  ///
  /// The memory of peers that this rank has only read is theirs.
  var sharedBytesHeld: Int { get }
  /// The bytes sent so far to each rank: those of messages, and nothing that the transport adds.
  var bytesSent: [Int] { get }
}

extension Transport {
  /// No transport has to share memory.
  public func sharedBuffer(byteCount: Int) -> UnsafeMutableRawBufferPointer? { nil }

  /// Without shared memory none is held.
  public var sharedBytesHeld: Int { 0 }
}

/// An exchange that was begun.
public struct PendingExchange: Sendable {
  /// For each peer that takes part, how many messages to it and from it have to be done.
  let goals: [(peer: Int, sent: Int, received: Int)]

  /// Creates a note of what has to be done.
  public init(goals: [(peer: Int, sent: Int, received: Int)]) { self.goals = goals }
}

/// A rank that is gone or silent.
public struct PeerLost: Error, Hashable, Sendable {
  /// The rank.
  public let rank: Int
  /// What was noticed.
  public let reason: String

  /// Creates an error.
  public init(rank: Int, reason: String) {
    self.rank = rank
    self.reason = reason
  }
}

extension PeerLost: CustomStringConvertible {
  /// One line that names the rank.
  public var description: String { "rank \(rank) is lost: \(reason)" }
}
