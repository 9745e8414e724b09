public import Communication
import Graphs
import Units

/// An ``ExchangeProgram`` with its buffers, ready to run any number of times without allocating.
public struct BoundExchange {
  fileprivate enum Action {
    case copy([Move])
    case exchange(sending: [OutgoingMessage], receiving: [IncomingMessage])
    case sumFloat32(to: UnsafeMutableRawPointer, addends: [UnsafeRawPointer], count: Int)
    case sumFloat64(to: UnsafeMutableRawPointer, addends: [UnsafeRawPointer], count: Int)
  }

  /// Blocks that are copied, in bytes.
  fileprivate struct Move {
    let source: UnsafeRawPointer
    let target: UnsafeMutableRawPointer
    let length: Int
    let count: Int
    let sourceStride: Int
    let targetStride: Int
  }

  private let actions: [Action]

  fileprivate init(
    _ program: ExchangeProgram, before: UnsafeMutableRawPointer?, after: UnsafeMutableRawPointer?,
    scratch: UnsafeMutableRawPointer?, ranks: [Int]
  ) {
    let size = program.elementType.size.count
    func pointer(_ place: ExchangeProgram.Place) -> UnsafeMutableRawPointer {
      let base =
        switch place.buffer {
        case .before: before
        case .after: after
        case .scratch: scratch
        }
      guard let base else { preconditionFailure("no buffer for \(place)") }
      return base + place.offset * size
    }
    func arrival(_ message: ExchangeProgram.Message) -> Arrival {
      guard message.isAdded else { return .replace }
      return program.elementType == .float32 ? .addFloat32 : .addFloat64
    }
    actions = program.instructions.compactMap { instruction in
      switch instruction {
      case .copy(let moves):
        let real = moves.map {
          Move(
            source: UnsafeRawPointer(pointer($0.source)), target: pointer($0.target),
            length: $0.length * size, count: $0.count, sourceStride: $0.sourceStride * size,
            targetStride: $0.targetStride * size)
        }.filter { $0.source != UnsafeRawPointer($0.target) || $0.sourceStride != $0.targetStride }
        return real.isEmpty ? nil : .copy(real)
      case .exchange(let sending, let receiving):
        return .exchange(
          sending: sending.map {
            OutgoingMessage(
              to: ranks[$0.peer],
              bytes: UnsafeRawBufferPointer(start: pointer($0.place), count: $0.count * size))
          },
          receiving: receiving.map {
            IncomingMessage(
              from: ranks[$0.peer],
              bytes: UnsafeMutableRawBufferPointer(start: pointer($0.place), count: $0.count * size),
              arrival: arrival($0))
          })
      case .sum(let target, let addends, let count):
        let places = addends.map { UnsafeRawPointer(pointer($0)) }
        return program.elementType == .float32
          ? .sumFloat32(to: pointer(target), addends: places, count: count)
          : .sumFloat64(to: pointer(target), addends: places, count: count)
      }
    }
  }

  /// Runs the exchange, together with all ranks that take part.
  ///
  /// - Throws: ``Communication/PeerLost`` where a rank is gone or silent.
  public func run(over transport: any Transport) throws(PeerLost) {
    for action in actions {
      if case .exchange(let sending, let receiving) = action {
        try transport.exchange(sending: sending, receiving: receiving)
      } else {
        action.runAlone()
      }
    }
  }

  /// The number of actions.
  var actionCount: Int { actions.count }

  /// Does an action; of messages, begins to send and receive them.
  func begin(_ index: Int, over transport: any Transport) -> PendingExchange? {
    if case .exchange(let sending, let receiving) = actions[index] {
      return transport.begin(sending: sending, receiving: receiving)
    }
    actions[index].runAlone()
    return nil
  }
}

extension BoundExchange.Action {
  /// Does what takes no message.
  fileprivate func runAlone() {
    switch self {
    case .copy(let moves): for move in moves { move.run() }
    case .exchange: preconditionFailure("messages take a transport")
    case .sumFloat32(let target, let addends, let count):
      OrderedSum.float32(addends, to: target, count: count)
    case .sumFloat64(let target, let addends, let count):
      OrderedSum.float64(addends, to: target, count: count)
    }
  }
}

extension BoundExchange.Move {
  fileprivate func run() {
    switch length {
    case 4: copyElements(of: UInt32.self)
    case 8: copyElements(of: UInt64.self)
    default:
      for index in 0..<count {
        (target + index * targetStride).copyMemory(from: source + index * sourceStride, byteCount: length)
      }
    }
  }

  /// Short blocks are copied as integers, which is faster than calling for each.
  private func copyElements<Element: BitwiseCopyable>(of type: Element.Type) {
    for index in 0..<count {
      (target + index * targetStride).storeBytes(
        of: (source + index * sourceStride).loadUnaligned(as: type), as: type)
    }
  }
}

extension ExchangeProgram {
  /// Joins the program with its buffers, which must stay where they are while the exchange is used.
  ///
  /// - Parameters:
  ///   - before: ``beforeCount`` elements; it keeps its contents unless the program was made to consume it.
  ///   - after: ``afterCount`` elements.
  ///   - scratch: ``scratchBytes`` bytes, whose contents matter only while the exchange runs.
  ///   - ranks: For each device of the machine its rank.
  public func bound(
    before: UnsafeMutableRawPointer?, after: UnsafeMutableRawPointer?, scratch: UnsafeMutableRawPointer?,
    ranks: [Int]
  ) -> BoundExchange {
    BoundExchange(self, before: before, after: after, scratch: scratch, ranks: ranks)
  }

  /// Binds and runs the program once.
  ///
  /// - Throws: ``Communication/PeerLost`` where a rank is gone or silent.
  public func run(
    before: UnsafeMutableRawPointer?, after: UnsafeMutableRawPointer?, scratch: UnsafeMutableRawPointer?,
    ranks: [Int], over transport: any Transport
  ) throws(PeerLost) {
    try bound(before: before, after: after, scratch: scratch, ranks: ranks).run(over: transport)
  }
}
