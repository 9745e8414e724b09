internal import Communication
internal import Glibc

/// `RankProbe coordinate COUNT PROGRAM …` starts ranks of itself and prints what they say;
/// `RankProbe rank PROGRAM …` is one of them.
@main struct RankProbe {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let code: Int32
    switch arguments.first {
    case "rank" where arguments.count > 1: code = beRank(Array(arguments.dropFirst()))
    case "coordinate" where arguments.count > 2:
      code = coordinate(count: Int(arguments[1]) ?? 1, program: Array(arguments.dropFirst(2)))
    default: code = 64
    }
    _exit(code)
  }

  private static func beRank(_ program: [String]) -> Int32 {
    do {
      return RankPrograms(seat: try RankSeat.take(), arguments: program).run()
    } catch {
      say("\(error)", to: 2)
      return 70
    }
  }

  private static func coordinate(count: Int, program: [String]) -> Int32 {
    do {
      let processors = sysconf(Int32(_SC_NPROCESSORS_ONLN))
      let group = try launch(
        RankRun(
          count: count, arguments: { _ in ["rank"] + program },
          processors: { count <= processors ? [$0] : [] }))
      say("processes \(group.processes.map(String.init).joined(separator: " "))")
      for event in group {
        switch event {
        case .message(let rank, let bytes): say("\(rank): \(String(decoding: bytes, as: UTF8.self))")
        case .lost(let peer): say("\(peer)")
        case .interrupted: say("interrupted")
        case .exited(let rank, let exit): say("\(rank) exited: \(exit)")
        }
      }
      switch group.outcome {
      case .finished: return 0
      case .interrupted: return 130
      case .lost, nil: return 69
      }
    } catch {
      say("\(error)", to: 2)
      return 74
    }
  }

  private static func say(_ line: String, to descriptor: Int32 = 1) {
    let bytes = Array((line + "\n").utf8)
    _ = write(descriptor, bytes, bytes.count)
  }
}
