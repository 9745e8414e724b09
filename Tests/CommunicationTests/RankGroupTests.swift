import FoundationEssentials
import Glibc
import Testing

@testable import Communication
@testable import RankProbe

/// Real processes: each rank is a `RankProbe` that stands beside the tests.
@Suite(.serialized, .timeLimit(.minutes(10))) struct RankGroupTests {
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

  @Test func `a killed rank is named by every survivor`() throws {
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
    // The requirement; on an idle machine it takes a few milliseconds.
    #expect(seconds() - (try #require(killed)) < 10)
    #expect(!group.processes.contains(where: isRunning))
  }

  // Two seconds of silence instead of the usual five, so that the test is short; 250 ms is a heartbeat.
  @Test func `a stopped rank is lost after the limit, killed, and named`() throws {
    let group = try start(3, ["turns"], limits: SupervisionLimits(silence: 2000))
    var stopped: Double?
    let story = follow(group) { rank, text in
      if rank == 1 && text == "turning" {
        stopped = seconds()
        kill(group.processes[1], SIGSTOP)
      }
    }
    #expect(story.lost == PeerLost(rank: 1, reason: "it gave no sign of life for 2 s"))
    #expect(story.exits == [.code(69), .signal(9), .code(69)])
    let time = seconds() - (try #require(stopped))
    #expect(time > 1.5 && time < 12)
    #expect(!group.processes.contains(where: isRunning))
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

  @Test func `ranks that all wait for each other do not wait for ever`() throws {
    let story = follow(try start(3, ["standstill"], limits: SupervisionLimits(standstill: 300)))
    let reason = "like every other rank, it waits for a message that nobody sends"
    #expect(story.lost == PeerLost(rank: 0, reason: reason))
    #expect(story.exits == [.code(69), .code(69), .code(69)])
    #expect(story.messages == Array(repeating: ["rank 0 is lost: \(reason)"], count: 3))
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

  // 64 messages of 64 KiB are far more than a socket holds.
  @Test func `a rank that talks is not held up by a coordinator that does not listen`() throws {
    let group = try start(1, ["talk", "64", "65536"])
    var count = 0
    var isSaid = false
    while let event = group.next() {
      guard case .message(_, let bytes) = event else { continue }
      if bytes.count == 65536 { count += 1 } else { isSaid = bytes == Array("said".utf8) }
    }
    #expect(count == 64)
    #expect(isSaid)
    #expect(group.outcome == .finished)
  }

  // MARK: A coordinator of its own

  @Test func `nothing is left when the coordinator is killed`() throws {
    let before = try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").sorted()
    let coordinator = try Coordinator(program: Self.probe, ["coordinate", "3", "turns"])
    try #require(coordinator.read(until: "0: turning"))
    #expect(coordinator.ranks.count == 3)
    // A stopped rank cannot end by itself; the kernel ends it all the same.
    kill(coordinator.ranks[1], SIGSTOP)
    coordinator.signal(SIGKILL)
    #expect(coordinator.wait() == .signal(9))
    #expect(becomesTrue { !coordinator.ranks.contains(where: isRunning) })
    #expect(try FileManager.default.contentsOfDirectory(atPath: "/dev/shm").sorted() == before)
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func `a signal to the coordinator ends all ranks in order`(signal: Int32) throws {
    let coordinator = try Coordinator(program: Self.probe, ["coordinate", "3", "turns"])
    try #require(coordinator.read(until: "0: turning"))
    coordinator.signal(signal)
    #expect(coordinator.read(until: "interrupted"))
    #expect(coordinator.wait() == .code(130))
    for rank in 0..<3 { #expect(coordinator.lines.contains("\(rank) exited: code(0)")) }
    #expect(!coordinator.ranks.contains(where: isRunning))
  }

  @Test func `a second signal does not wait for ranks that do not listen`() throws {
    let coordinator = try Coordinator(program: Self.probe, ["coordinate", "2", "silence"])
    try #require(coordinator.read(until: "0: silent"))
    coordinator.signal(SIGINT)
    try #require(coordinator.read(until: "interrupted"))
    coordinator.signal(SIGINT)
    let start = seconds()
    #expect(coordinator.wait() == .code(130))
    #expect(seconds() - start < 5)
    #expect(!coordinator.ranks.contains(where: isRunning))
  }

  /// Whether a process runs; one that has ended and waits for its parent's look does not.
  private func isRunning(_ process: Int32) -> Bool {
    guard let data = FileManager.default.contents(atPath: "/proc/\(process)/stat") else { return false }
    let state = String(decoding: data, as: UTF8.self).split(separator: ")").last ?? ""
    return !state.hasPrefix(" Z") && !state.hasPrefix(" X")
  }

  /// Whether something becomes true within a few seconds.
  private func becomesTrue(_ condition: () -> Bool) -> Bool {
    for _ in 0..<500 {
      if condition() { return true }
      usleep(10_000)
    }
    return false
  }

  private func seconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + 1e-9 * Double(now.tv_nsec)
  }
}
