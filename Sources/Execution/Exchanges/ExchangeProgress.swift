public import Communication

/// An exchange that goes on while its rank does other things.
///
/// ```swift
/// var progress = ExchangeProgress(exchange)
/// while computing { progress.advance(over: transport) }
/// try progress.finish(over: transport)
/// ```
///
/// Messages between two ranks arrive in the order in which they are sent, whatever they belong to. So all
/// ranks must finish this exchange before they begin another one with the same peers.
public struct ExchangeProgress {
  private let exchange: BoundExchange
  private var next = 0
  private var pending: PendingExchange?

  /// Creates an exchange of which nothing is done yet.
  public init(_ exchange: BoundExchange) { self.exchange = exchange }

  /// Whether all is done.
  public var isFinished: Bool { next == exchange.actionCount && pending == nil }

  /// Does what can be done without waiting; says whether all is done.
  @discardableResult
  public mutating func advance(over transport: any Transport) -> Bool {
    while !isFinished {
      if let pending {
        guard transport.advance(pending) else { return false }
        self.pending = nil
      } else {
        pending = exchange.begin(next, over: transport)
        next += 1
      }
    }
    return true
  }

  /// Does the rest.
  ///
  /// - Throws: ``Communication/PeerLost`` where a rank is gone or silent.
  public mutating func finish(over transport: any Transport) throws(PeerLost) {
    while !advance(over: transport) {
      if let pending { try transport.finish(pending) }
    }
  }
}
