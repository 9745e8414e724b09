import FoundationEssentials
import Glibc
import Testing

@testable import Communication
@testable import RankProbe

/// Real processes: each rank is a `RankProbe` that stands beside the tests.
@Suite(.serialized, .timeLimit(.minutes(2))) struct RankGroupTests {
  /// The program of the ranks.
  static let probe: String = {
    var path = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    let own = String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
      + "/RankProbe"
  }()

  /// What a run has told its coordinator.
  struct Story {
    var messages: [[String]]
    var lost: PeerLost?
    var exits: [RankExit?]
    var outcome: RunOutcome?
  }

  private func start(
    _ count: Int, _ program: [String], limits: SupervisionLimits = SupervisionLimits(),
    environment: (Int) -> [String: String] = { _ in [:] }, processors: (Int) -> [Int] = { _ in [] }
  ) throws -> RankGroup {
    try launch(
      RankRun(
        count: count, executable: Self.probe, arguments: { _ in ["rank"] + program },
        environment: environment, processors: processors, limits: limits, interrupts: .leaveAlone))
  }

  /// Follows a run to its end and does something when a rank speaks.
  private func follow(_ group: RankGroup, _ onMessage: (Int, String) -> Void = { _, _ in }) -> Story {
    var story = Story(
      messages: Array(repeating: [], count: group.count), exits: Array(repeating: nil, count: group.count))
    while let event = group.next() {
      switch event {
      case .message(let rank, let bytes):
        let text = String(decoding: bytes, as: UTF8.self)
        story.messages[rank].append(text)
        onMessage(rank, text)
      case .lost(let peer): story.lost = peer
      case .interrupted: break
      case .exited(let rank, let exit): story.exits[rank] = exit
      }
    }
    story.outcome = group.outcome
    return story
  }

  private func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 }

  // Eight ranks are more than most test machines have processors.
  @Test(arguments: [(2, 11), (8, 12)])
  func `processes exchange random messages, and every byte is counted`(count: Int, seed: Int) throws {
    let story = follow(try start(count, ["random", "\(seed)"]))
    let rounds = RandomRounds(seed: UInt64(seed), rankCount: count)
    for rank in 0..<count {
      #expect(story.messages[rank] == ["sent \(rounds.bytesSent(by: rank))"], "seed \(seed)")
    }
    #expect(story.exits.allSatisfy { $0 == .code(0) })
    #expect(story.outcome == .finished)
  }

  @Test func `a killed rank is named by every survivor within a second`() throws {
    let group = try start(4, ["turns"])
    var killed: Double?
    let story = follow(group) { rank, text in
      if rank == 2 && text == "turning" {
        killed = seconds()
        kill(group.processes[2], SIGKILL)
      }
    }
    let lost = PeerLost(rank: 2, reason: "it was ended by signal 9")
    #expect(story.lost == lost)
    #expect(story.outcome == .lost(lost, .signal(9)))
    for rank in [0, 1, 3] {
      #expect(story.messages[rank].last == "rank 2 is lost: it was ended by signal 9")
      #expect(story.exits[rank] == .code(69))
    }
    #expect(seconds() - (try #require(killed)) < 1)
    #expect(!group.processes.contains(where: isAlive))
  }

  // Half a second of silence instead of the usual five, so that the test is short; 250 ms is a heartbeat.
  @Test func `a stopped rank is lost after the limit, killed, and named`() throws {
    let group = try start(3, ["turns"], limits: SupervisionLimits(silence: 800))
    var stopped: Double?
    let story = follow(group) { rank, text in
      if rank == 1 && text == "turning" {
        stopped = seconds()
        kill(group.processes[1], SIGSTOP)
      }
    }
    #expect(story.lost == PeerLost(rank: 1, reason: "it gave no sign of life for 1 s"))
    #expect(story.exits == [.code(69), .signal(9), .code(69)])
    let time = seconds() - (try #require(stopped))
    #expect(time > 0.5 && time < 4)
    #expect(!group.processes.contains(where: isAlive))
  }

  @Test func `a rank that ends with a code of its own is lost with that code`() throws {
    let story = follow(try start(1, ["exit", "65"]))
    #expect(story.outcome == .lost(PeerLost(rank: 0, reason: "it ended with exit code 65"), .code(65)))
  }

  @Test func `a rank that ends without leaving is lost, even with code zero`() throws {
    let story = follow(try start(1, ["exit", "0"]))
    #expect(
      story.outcome
        == .lost(PeerLost(rank: 0, reason: "it left while others still waited for it"), .code(0)))
  }

  @Test func `who waits for a rank that has left learns of it`() throws {
    let story = follow(try start(3, ["departure"]))
    #expect(story.exits[0] == .code(0))
    for rank in 1..<3 {
      #expect(story.messages[rank] == ["rank 0 is lost: it left while others still waited for it"])
      #expect(story.exits[rank] == .code(69))
    }
  }

  @Test func `who does not react to a loss is told to end`() throws {
    let limits = SupervisionLimits(afterLoss: 200, beforeKill: 200)
    let group = try start(2, ["silence"], limits: limits)
    let story = follow(group) { rank, text in if rank == 1 { kill(group.processes[1], SIGKILL) } }
    #expect(story.exits == [.signal(15), .signal(9)])
  }

  @Test func `all ranks leave after the same turn when they are asked to end`() throws {
    let group = try start(4, ["turns"])
    let story = follow(group) { rank, text in if rank == 0 && text == "turning" { group.end() } }
    #expect(story.outcome == .interrupted)
    #expect(story.exits.allSatisfy { $0 == .code(0) })
    #expect(Set(story.messages.map(\.last)).count == 1)
  }

  @Test func `each rank has its own environment and processors`() throws {
    let story = follow(
      try start(
        2, ["environment", "RANK_PROBE_TEST"], environment: { ["RANK_PROBE_TEST": "value \($0)"] },
        processors: { _ in [0] }))
    #expect(story.messages.map(\.first) == ["value 0", "value 1"])
    #expect(story.outcome == .finished)
  }

  @Test func `commands of any size come back, in order`() throws {
    let group = try start(1, ["echo"])
    let commands = [1, 100, 300_000, 70_000, 5].map { [UInt8](repeating: UInt8($0 % 251), count: $0) }
    for command in commands { group.send(command, to: 0) }
    group.send([], to: 0)
    var echoes: [[UInt8]] = []
    while let event = group.next() {
      if case .message(_, let bytes) = event { echoes.append(bytes) }
    }
    #expect(echoes == commands)
    #expect(group.outcome == .finished)
  }

  @Test func `a program that does not exist is a fault, not a wait`() {
    #expect(throws: TransportFault.self) {
      try launch(
        RankRun(
          count: 2, executable: "/nowhere/probe", arguments: { _ in [] }, interrupts: .leaveAlone))
    }
  }

  private func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + 1e-9 * Double(now.tv_nsec)
  }
}
