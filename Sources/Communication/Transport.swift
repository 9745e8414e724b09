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
/// Messages between two ranks arrive in the order in which they are sent. Waits yield, so that there may be
/// more ranks than cores, and end with an error when a peer is lost.
public protocol Transport: AnyObject, Sendable {
  /// The number of this rank.
  var rank: Int { get }
  /// The number of ranks.
  var rankCount: Int { get }
  /// Sends and receives at once, in any order that makes progress, and returns when all of it is done.
  ///
  /// - Throws: ``PeerLost`` where a rank that takes part is gone or silent.
  func exchange(sending: [OutgoingMessage], receiving: [IncomingMessage]) throws(PeerLost)
  /// The bytes sent so far to each rank.
  var bytesSent: [Int] { get }
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
