internal import CTransport
internal import Glibc
internal import Synchronization

/// The thread that starts the ranks of a run, listens to them and watches over them.
final class Supervisor {
  private let run: RankRun
  private let arena: Arena
  private let group: RankGroup
  private let count: Int
  private var processes: [Int32]
  private var exits: [RankExit?]
  private var heartbeats: [UInt64]
  /// The milliseconds since the last sign of life.
  private var silences: [Int]
  /// The milliseconds in which every rank was seen to wait, since the last news of any.
  private var standstill = 0
  private var bells = 0
  private var loss: Loss?
  private var isInterrupted = false
  /// The milliseconds since ranks were told to end, by a loss or a request.
  private var ending: Int?
  private var isTerminated = false
  private var interrupts: Int32 = -1

  init(run: RankRun, arena: Arena, group: RankGroup) {
    self.run = run
    self.arena = arena
    self.group = group
    count = run.count
    processes = Array(repeating: 0, count: count)
    exits = Array(repeating: nil, count: count)
    heartbeats = Array(repeating: 0, count: count)
    silences = Array(repeating: 0, count: count)
  }

  // MARK: Start

  /// Starts every rank, or none.
  func start(file: Int32) -> TransportFault? {
    if run.interrupts == .passOn { interrupts = transport_catch_interrupts() }
    for rank in 0..<count {
      if let fault = start(rank, file: file) {
        for earlier in 0..<rank { end(earlier, by: SIGKILL) }
        for earlier in 0..<rank { waitpid(processes[earlier], nil, 0) }
        closeAll()
        return fault
      }
    }
    group.shared.withLock { $0.processes = processes }
    return nil
  }

  private func start(_ rank: Int, file: Int32) -> TransportFault? {
    var pair: [Int32] = [-1, -1]
    guard transport_socket_pair(&pair) == 0 else {
      return TransportFault(what: "open a channel to rank \(rank)", code: errno)
    }
    defer { close(pair[1]) }
    group.shared.withLock {
      $0.channels[rank] = ControlChannel(descriptor: pair[0])
      $0.channels[rank].send(Array("\(rank)".utf8))
    }
    let added = run.environment[rank].sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    var process: Int32 = 0
    let code = withTexts([run.executable] + run.arguments[rank]) { arguments in
      withTexts(added) { environment in
        run.executable.withCString { executable in
          var description = transport_process(
            executable: executable, arguments: arguments, environment: environment, arena: file,
            control: pair[1], output: -1)
          return transport_spawn(&description, &process)
        }
      }
    }
    processes[rank] = process
    return code == 0 ? nil : TransportFault(what: "start \(run.executable) as rank \(rank)", code: code)
  }

  /// Passes texts as an array of C strings that ends with null.
  private func withTexts<Result>(
    _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> Result
  ) -> Result {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    let pointers = copies.map { $0.map { UnsafePointer($0) } } + [nil]
    return pointers.withUnsafeBufferPointer { buffer in
      guard let start = buffer.baseAddress else { preconditionFailure("an array that ends with nil") }
      return body(start)
    }
  }

  // MARK: Supervision

  /// How long nothing may happen before heartbeats are looked at, in milliseconds.
  private static let tick: Int32 = 50

  func superviseToTheEnd() {
    var last = transport_now()
    while exits.contains(where: { $0 == nil }) {
      waitForNews()
      let now = transport_now()
      // Time in which this process itself was stopped says nothing about the ranks.
      let elapsed = min(Int((now - last) / 1_000_000), 10 * Int(Self.tick))
      if now - last >= 1_000_000 { last = now }
      takeRequests()
      takeMessages()
      for rank in 0..<count where exits[rank] == nil { reap(rank) }
      for rank in 0..<count where exits[rank] == nil { listen(to: rank, elapsed: elapsed) }
      lookForStandstill(elapsed: elapsed)
      escalate(elapsed: elapsed)
    }
    closeAll()
    let outcome: RunOutcome =
      if let loss {
        .lost(loss.error, exits[loss.rank])
      } else if isInterrupted {
        .interrupted
      } else {
        .finished
      }
    group.shared.withLock { $0.outcome = outcome }
    group.events.close()
  }

  private func waitForNews() {
    var descriptors = group.shared.withLock { shared in
      shared.channels.filter(\.isOpen).map {
        pollfd(fd: $0.descriptor, events: Int16(POLLIN | ($0.hasUnsent ? POLLOUT : 0)), revents: 0)
      }
    }
    // A rank whose channel is closed ends within a moment.
    let isEnding = descriptors.count < exits.count(where: { $0 == nil })
    if interrupts >= 0 { descriptors.append(pollfd(fd: interrupts, events: Int16(POLLIN), revents: 0)) }
    poll(&descriptors, nfds_t(descriptors.count), isEnding ? 1 : Self.tick)
  }

  private func takeRequests() {
    var isKillWanted = false
    var isEndWanted = false
    group.shared.withLock {
      swap(&isKillWanted, &$0.isKillWanted)
      swap(&isEndWanted, &$0.isEndWanted)
    }
    var signals = [UInt8](repeating: 0, count: 16)
    let signalCount = interrupts >= 0 ? read(interrupts, &signals, signals.count) : 0
    if signalCount > 0 {
      // Who asks twice does not want to wait.
      isKillWanted = isKillWanted || isInterrupted || signalCount > 1
      isEndWanted = true
    }
    if isEndWanted && !isInterrupted {
      isInterrupted = true
      if ending == nil { ending = 0 }
      arena.askToEnd()
      group.events.put(.interrupted)
    }
    if isKillWanted {
      isInterrupted = true
      for rank in 0..<count { end(rank, by: SIGKILL) }
    }
  }

  private func takeMessages() {
    for rank in 0..<count {
      let messages = group.shared.withLock { shared -> [[UInt8]] in
        guard shared.channels[rank].isOpen else { return [] }
        shared.channels[rank].flush()
        let isOpen = shared.channels[rank].receive()
        var messages: [[UInt8]] = []
        while let message = shared.channels[rank].nextMessage() { messages.append(message) }
        if !isOpen { shared.channels[rank].close() }
        return messages
      }
      for message in messages { group.events.put(.message(rank: rank, bytes: message)) }
    }
  }

  private func reap(_ rank: Int) {
    var detail: Int32 = 0
    let exit: RankExit
    switch transport_reap(processes[rank], &detail) {
    case 0: return
    case 2: exit = .signal(Int(detail))
    default: exit = .code(Int(detail))
    }
    takeMessages()
    exits[rank] = exit
    switch exit {
    case .signal(let number): declare(Loss(rank: rank, kind: .signal, detail: number))
    case .code(0):
      if arena.hasLeft(rank) { break }
      declare(Loss(rank: rank, kind: .departure, detail: 0))
    case .code(let code): declare(Loss(rank: rank, kind: .exitCode, detail: code))
    }
    group.events.put(.exited(rank: rank, exit))
  }

  private func listen(to rank: Int, elapsed: Int) {
    let heartbeat = transport_load_acquire(arena.slot(of: rank).heartbeat)
    silences[rank] = heartbeat == heartbeats[rank] ? silences[rank] + elapsed : 0
    heartbeats[rank] = heartbeat
    let limit = heartbeat == 0 ? run.limits.start : run.limits.silence
    guard silences[rank] > limit else { return }
    declare(Loss(rank: rank, kind: .silence, detail: (limit + 999) / 1000))
    end(rank, by: SIGKILL)
  }

  /// Ranks that all sleep in a wait, while no bell rings, wait for what nobody will send.
  private func lookForStandstill(elapsed: Int) {
    let waiting = (0..<count).filter { exits[$0] == nil && !arena.hasLeft($0) }
    let slots = waiting.map(arena.slot(of:))
    let bells = slots.reduce(0) { $0 + Int(transport_load_acquire_32($1.bell)) }
    if bells != self.bells { standstill = 0 }
    self.bells = bells
    guard let first = waiting.first, slots.allSatisfy({ transport_load_acquire_32($0.sleeper) != 0 })
    else { return }
    standstill += elapsed
    if standstill > run.limits.standstill {
      declare(Loss(rank: first, kind: .standstill, detail: 0))
    }
  }

  /// Tells everyone of the first loss; what ends after it, or after a request to end, is its consequence.
  private func declare(_ next: Loss) {
    guard loss == nil && !isInterrupted else { return }
    loss = next
    ending = 0
    arena.declare(next)
    group.events.put(.lost(next.error))
  }

  private func escalate(elapsed: Int) {
    guard let before = ending else { return }
    let after = before + elapsed
    ending = after
    let patience = loss == nil ? run.limits.afterRequest : run.limits.afterLoss
    if after > patience && !isTerminated {
      isTerminated = true
      for rank in 0..<count { end(rank, by: SIGTERM) }
    }
    if after > patience + run.limits.beforeKill {
      for rank in 0..<count { end(rank, by: SIGKILL) }
    }
  }

  private func end(_ rank: Int, by signal: Int32) {
    if exits[rank] == nil && processes[rank] > 0 { kill(processes[rank], signal) }
  }

  private func closeAll() {
    if interrupts >= 0 { transport_release_interrupts() }
    group.shared.withLock {
      for rank in 0..<count { $0.channels[rank].close() }
    }
  }
}
