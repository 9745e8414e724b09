import Glibc

@testable import Communication

/// A coordinator in a process of its own, whose lines the test reads.
final class Coordinator {
  private let process: Int32
  private let output: Int32
  private var text = ""
  /// What it has printed so far.
  private(set) var lines: [String] = []
  private var exit: RankExit?

  init(program: String, _ arguments: [String]) throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw TransportFault(what: "open a pipe", code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
    defer { posix_spawn_file_actions_destroy(&actions) }
    let texts = ([program] + arguments).map { strdup($0) }
    defer { for text in texts { free(text) } }
    var process: Int32 = 0
    let code = posix_spawn(&process, program, &actions, nil, texts + [nil], environ)
    close(ends[1])
    guard code == 0 else { throw TransportFault(what: "start \(program)", code: code) }
    self.process = process
    output = ends[0]
  }

  deinit {
    signal(SIGKILL)
    _ = wait()
    close(output)
  }

  /// The processes of its ranks, which it prints first.
  var ranks: [Int32] {
    let first = lines.first { $0.hasPrefix("processes ") } ?? ""
    return first.split(separator: " ").dropFirst().compactMap { Int32($0) }
  }

  /// Reads lines until one is as wanted; false at the end of its output.
  func read(until wanted: String) -> Bool {
    while !lines.contains(wanted) {
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = Glibc.read(output, &bytes, bytes.count)
      if count <= 0 { return false }
      text += String(decoding: bytes.prefix(count), as: UTF8.self)
      while let end = text.firstIndex(of: "\n") {
        lines.append(String(text[..<end]))
        text = String(text[text.index(after: end)...])
      }
    }
    return true
  }

  /// Sends it a signal unless it has ended.
  func signal(_ number: Int32) { if exit == nil { kill(process, number) } }

  /// Waits for its end.
  func wait() -> RankExit? {
    if let exit { return exit }
    _ = read(until: "the end of its output")
    var status: Int32 = 0
    guard waitpid(process, &status, 0) == process else { return nil }
    let signal = status & 0x7F
    exit = signal == 0 ? .code(Int(status >> 8 & 0xFF)) : .signal(Int(signal))
    return exit
  }
}
