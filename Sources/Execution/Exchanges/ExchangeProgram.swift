import Communication
public import Graphs
import Units

/// What one device does in an exchange: copies, messages and sums over three buffers, in a fixed order.
///
/// A program is made once and run in every step. *Before* holds what the device brings in, *after* what it
/// ends with, both dense and in ascending order of the element numbers (``Plans/Holding``); *scratch* holds
/// what is under way. All devices that take part make their programs from the same facts, so that every
/// message is sent as it is received.
///
/// ```swift
/// let exchange = program.bound(before: gradient, after: part, scratch: scratch, ranks: rankOfDevice)
/// try exchange.run(over: transport)
/// ```
public struct ExchangeProgram: Hashable, Sendable {
  /// One of the three buffers.
  enum Buffer: Hashable, Sendable, CaseIterable { case before, after, scratch }

  /// A place in a buffer, in elements.
  struct Place: Hashable, Sendable {
    let buffer: Buffer
    let offset: Int
  }

  /// Blocks of equal length, in elements, that are copied from regular places to regular places.
  struct BlockMove: Hashable, Sendable {
    let source: Place
    let target: Place
    let length: Int
    var count = 1
    var sourceStride = 0
    var targetStride = 0
  }

  /// Elements to or from another device.
  struct Message: Hashable, Sendable {
    /// The index of the other device in the machine.
    let peer: Int
    let place: Place
    let count: Int
    /// Whether the receiver adds them to what lies there.
    let isAdded: Bool
  }

  /// One thing after another.
  enum Instruction: Hashable, Sendable {
    case copy([BlockMove])
    case exchange(sending: [Message], receiving: [Message])
    /// Adds in the order in which the addends are listed.
    case sum(to: Place, addends: [Place], count: Int)
  }

  /// What one element is.
  public let elementType: ElementType
  /// The elements in the buffer before.
  public let beforeCount: Int
  /// The elements in the buffer afterwards.
  public let afterCount: Int
  /// The bytes of scratch.
  public let scratchBytes: Int
  /// At which element of *before* the buffer *after* may begin, so that nothing is copied inside the device;
  /// nil where the two must lie apart.
  public let resultOffsetInSource: Int?
  /// At which element of *after* the buffer *before* may begin, so that nothing is copied inside the device;
  /// nil where the two must lie apart.
  public let sourceOffsetInResult: Int?
  let instructions: [Instruction]

  /// The buffers from which messages are sent that are large enough for the peers to read them where they
  /// lie.
  var buffersSentInPlace: [Buffer] {
    let sent = instructions.flatMap { instruction -> [Message] in
      if case .exchange(let sending, _) = instruction { sending } else { [] }
    }
    let large = sent.filter { $0.count * elementType.size.count >= SharedArenaTransport.smallestInPlace }
    return Buffer.allCases.filter { buffer in large.contains { $0.place.buffer == buffer } }
  }

  /// Whether the device has anything to do.
  public var isEmpty: Bool { instructions.isEmpty }

  /// The bytes that the device receives from each device of the machine that sends to it, by device index.
  public var bytesReceived: [(device: Int, bytes: Int)] {
    total { if case .exchange(_, let receiving) = $0 { receiving } else { [] } }
  }

  /// The bytes that the device sends to each device of the machine, by device index.
  public var bytesSent: [(device: Int, bytes: Int)] {
    total { if case .exchange(let sending, _) = $0 { sending } else { [] } }
  }

  private func total(_ messages: (Instruction) -> [Message]) -> [(device: Int, bytes: Int)] {
    var totals: [Int: Int] = [:]
    for message in instructions.flatMap(messages) {
      totals[message.peer, default: 0] += message.count * elementType.size.count
    }
    return totals.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}

extension ExchangeProgram.BlockMove {
  /// Copies strip by strip what lies in some places of one buffer to as many places of another; regular
  /// copies are joined.
  static func moves(from source: ExchangeProgram.Region, to target: ExchangeProgram.Region) -> [Self] {
    var moves: [Self] = []
    ExchangeProgram.Region.forEachCommonStrip(source.strips, target.strips) { from, to, length in
      let move = Self(
        source: .init(buffer: source.buffer, offset: from), target: .init(buffer: target.buffer, offset: to),
        length: length)
      if let last = moves.last, let joined = last.joined(with: move) {
        moves[moves.count - 1] = joined
      } else {
        moves.append(move)
      }
    }
    return moves
  }

  private func joined(with next: Self) -> Self? {
    guard next.length == length else { return nil }
    let sourceStep = next.source.offset - (source.offset + (count - 1) * sourceStride)
    let targetStep = next.target.offset - (target.offset + (count - 1) * targetStride)
    guard count == 1 || (sourceStep == sourceStride && targetStep == targetStride) else { return nil }
    return Self(
      source: source, target: target, length: length, count: count + 1, sourceStride: sourceStep,
      targetStride: targetStep)
  }
}
