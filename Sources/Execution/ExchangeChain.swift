import Communication

/// Exchanges that run one after the other beside other work.
struct ExchangeChain {
  /// What was begun and has not ended, the oldest first.
  private var waiting: [BoundExchange] = []
  private var first = 0
  private var current: ExchangeProgress?
  /// The exchanges that have ended since the beginning of the step.
  private(set) var endedCount = 0

  /// Forgets how many exchanges have ended.
  mutating func beginStep() {
    precondition(isEmpty, "exchanges of a step go on after its end")
    endedCount = 0
  }

  /// Whether nothing is under way.
  var isEmpty: Bool { current == nil }

  /// Appends exchanges, which begin when those before them have ended.
  mutating func append(_ exchanges: [BoundExchange]) {
    waiting += exchanges
    if current == nil { next() }
  }

  /// Does what can be done without waiting.
  mutating func advance(over transport: any Transport) {
    while current?.advance(over: transport) == true { next(afterEnd: true) }
  }

  /// Waits until so many exchanges have ended since the beginning of the step.
  mutating func finish(_ count: Int, over transport: any Transport) throws(PeerLost) {
    while endedCount < count {
      guard current != nil else { preconditionFailure("\(count) exchanges to end, and no more were begun") }
      try current?.finish(over: transport)
      next(afterEnd: true)
    }
    // The next ones begin at once, so that peers need not wait for them.
    advance(over: transport)
  }

  private mutating func next(afterEnd: Bool = false) {
    if afterEnd { endedCount += 1 }
    if first < waiting.count {
      current = ExchangeProgress(waiting[first])
      first += 1
    } else {
      current = nil
      waiting.removeAll(keepingCapacity: true)
      first = 0
    }
  }
}
