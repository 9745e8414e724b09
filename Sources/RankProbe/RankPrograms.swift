internal import Communication
internal import Glibc

/// What a rank of the tests does.
struct RankPrograms {
  let seat: RankSeat
  /// The program and its numbers.
  let arguments: [String]

  /// Runs the program that the arguments name; returns the exit code.
  func run() -> Int32 {
    do {
      let code: Int32
      switch arguments[0] {
      case "random": code = try random(seed: UInt64(number(1)))
      case "turns": code = try turns()
      case "exit": return Int32(number(1))
      case "departure": return try departure()
      case "standstill": code = try standstill()
      case "silence": code = silence()
      case "environment": code = environment(arguments[1])
      case "echo": code = echo()
      case "talk": code = talk(messageCount: number(1), byteCount: number(2))
      case "all-reduce":
        code = try allReduce(byteCount: number(1), repeats: number(2), isShared: number(3) == 1)
      case "exchange": code = try exchange(byteCount: number(1), repeats: number(2))
      default: return 64
      }
      seat.leave()
      return code
    } catch {
      say("\(error)")
      seat.flush(milliseconds: 1000)
      return 69
    }
  }

  private func number(_ index: Int) -> Int { Int(arguments[index]) ?? 0 }

  private func say(_ text: String) { seat.send(Array(text.utf8)) }

  /// Exchanges random messages and says what was wrong and which bytes were sent.
  private func random(seed: UInt64) throws(PeerLost) -> Int32 {
    let faults = try RandomRounds(seed: seed, rankCount: seat.rankCount).run(on: seat.transport)
    for fault in faults { say(fault) }
    say("sent \(seat.transport.bytesSent)")
    return 0
  }

  /// Takes turns with all others until one of them is asked to end.
  ///
  /// Every rank tells every other whether it was asked, so all leave after the same turn.
  private func turns() throws(PeerLost) -> Int32 {
    var turn = 0
    var isEnding = false
    while !isEnding {
      let mine: [UInt8] = [seat.isEnding ? 1 : 0]
      var all = [UInt8](repeating: 0, count: seat.rankCount)
      let failure = mine.withUnsafeBytes { sent in
        all.withUnsafeMutableBytes { received -> PeerLost? in
          do throws(PeerLost) {
            try seat.transport.exchange(
              sending: (0..<seat.rankCount).map { OutgoingMessage(to: $0, bytes: sent) },
              receiving: (0..<seat.rankCount).map {
                IncomingMessage(from: $0, bytes: .init(rebasing: received[$0..<$0 + 1]))
              })
            return nil
          } catch {
            return error
          }
        }
      }
      if let failure { throw failure }
      isEnding = all.contains(1)
      turn += 1
      if turn == 10 { say("turning") }
    }
    say("turns \(turn)")
    return 0
  }

  /// Rank 0 leaves in order; the others wait for it.
  private func departure() throws(PeerLost) -> Int32 {
    if seat.rank > 0 {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
      defer { buffer.deallocate() }
      try seat.transport.exchange(sending: [], receiving: [IncomingMessage(from: 0, bytes: buffer)])
    }
    seat.leave()
    return 0
  }

  /// Waits for the next rank, which waits for its next.
  private func standstill() throws(PeerLost) -> Int32 {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1, alignment: 1)
    defer { buffer.deallocate() }
    let next = (seat.rank + 1) % seat.rankCount
    try seat.transport.exchange(sending: [], receiving: [IncomingMessage(from: next, bytes: buffer)])
    return 0
  }

  /// Does nothing for ever; rank 0 leaves nobody to wait for.
  private func silence() -> Int32 {
    say("silent")
    while true { sleep(1000) }
  }

  /// Says what a variable holds and how many processors there are.
  private func environment(_ name: String) -> Int32 {
    say(getenv(name).map { String(cString: $0) } ?? "-")
    say("\(sysconf(Int32(_SC_NPROCESSORS_ONLN)))")
    return 0
  }

  /// Sends back every command until an empty one.
  private func echo() -> Int32 {
    while let command = seat.nextCommand() {
      if command.isEmpty { return 0 }
      seat.send(command)
    }
    return 1
  }

  /// Sends many messages at once, then says how long that took in milliseconds.
  private func talk(messageCount: Int, byteCount: Int) -> Int32 {
    let message = [UInt8](repeating: 7, count: byteCount)
    for _ in 0..<messageCount { seat.send(message) }
    say("said")
    return 0
  }

  // MARK: Measurements

  /// Says the seconds of each all-reduce.
  private func allReduce(byteCount: Int, repeats: Int, isShared: Bool) throws(PeerLost) -> Int32 {
    let allocated = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    defer { allocated.deallocate() }
    let tensor = isShared ? seat.transport.sharedBuffer(byteCount: byteCount) ?? allocated : allocated
    let numbers = tensor.bindMemory(to: Float.self)
    for index in numbers.indices { numbers[index] = Float(seat.rank + 1) }
    let reduction = AllReduce(transport: seat.transport, tensor: tensor)
    try reduction.run()
    let sum = Float(seat.rankCount * (seat.rankCount + 1) / 2)
    guard numbers.allSatisfy({ $0 == sum }) else {
      say("wrong sum")
      return 1
    }
    for number in numbers.indices { numbers[number] = 0 }
    let inner = byteCount <= 1 << 16 ? 100 : 1
    for _ in 0..<repeats {
      let start = seconds()
      for _ in 0..<inner { try reduction.run() }
      let time = (seconds() - start) / Double(inner)
      if seat.rank == 0 { say("\(time)") }
    }
    return 0
  }

  /// Says the seconds of each exchange of two messages of so many bytes.
  private func exchange(byteCount: Int, repeats: Int) throws(PeerLost) -> Int32 {
    let sent = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    let received = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 4096)
    defer {
      sent.deallocate()
      received.deallocate()
    }
    sent.initializeMemory(as: UInt8.self, repeating: 1)
    received.initializeMemory(as: UInt8.self, repeating: 2)
    let peer = seat.rank ^ 1
    for _ in 0..<repeats {
      let start = seconds()
      try seat.transport.exchange(
        sending: [OutgoingMessage(to: peer, bytes: UnsafeRawBufferPointer(sent))],
        receiving: [IncomingMessage(from: peer, bytes: received)])
      if seat.rank == 0 { say("\(seconds() - start)") }
    }
    return 0
  }

  private func seconds() -> Double { Double(SteadyClock.now()) * 1e-9 }
}
