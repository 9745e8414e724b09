import Communication

/// Exchanges that run one after the other beside other work.
struct ExchangeChain {
  private var current: ExchangeProgress
  private var rest: ArraySlice<BoundExchange>

  /// Begins with the first exchange; nil where there is none.
  init?(_ exchanges: [BoundExchange]) {
    guard let first = exchanges.first else { return nil }
    current = ExchangeProgress(first)
    rest = exchanges.dropFirst()
  }

  /// Does what can be done without waiting.
  mutating func advance(over transport: any Transport) {
    while current.advance(over: transport), let next = rest.popFirst() { current = ExchangeProgress(next) }
  }

  /// Waits until all have ended.
  mutating func finish(over transport: any Transport) throws(PeerLost) {
    try current.finish(over: transport)
    while let next = rest.popFirst() {
      current = ExchangeProgress(next)
      try current.finish(over: transport)
    }
  }
}
