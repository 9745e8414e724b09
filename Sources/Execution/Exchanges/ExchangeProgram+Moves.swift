import Graphs
import Plans

extension ExchangeProgram {
  /// An all-gather: whoever has a part passes it on into the place where it belongs.
  static func allGather(_ lane: CollectiveLane, _ elementType: ElementType) -> ExchangeProgram {
    let own = lane.own
    var builder = ExchangeBuilder(elementType)
    let whole = lane.after[own]
    let places = lane.before.map { whole.strips(of: $0) }
    /// Where a coordinate has what it sends: its own part as it came, anything else where it has put it.
    func region(_ parts: Range<Int>, of coordinate: Int) -> Region {
      parts == coordinate..<coordinate + 1
        ? Region(.before, lane.sources[coordinate].strips(of: lane.before[coordinate]))
        : Region(.after, places[parts].flatMap { $0 })
    }
    builder.copy(from: region(own..<own + 1, of: own), to: Region(.after, places[own]))
    for round in lane.schedule.rounds {
      var outgoing: [ExchangeBuilder.Outgoing] = []
      var incoming: [ExchangeBuilder.Incoming] = []
      for message in round.messages {
        guard case .parts(let parts) = message.content else { continue }
        let target = Region(.after, places[parts].flatMap { $0 })
        let source = region(parts, of: message.from)
        if message.from == own {
          outgoing.append(.init(peer: lane.devices[message.to], region: source, remote: target.strips))
        }
        if message.to == own {
          incoming.append(.init(peer: lane.devices[message.from], region: target, remote: source.strips))
        }
      }
      builder.exchange(outgoing, incoming)
    }
    let isSliced = lane.sources[own].count != lane.before[own].count
    return builder.program(
      beforeCount: lane.sources[own].count, afterCount: whole.count,
      sourceOffsetInResult: places[own].count == 1 && !isSliced ? places[own][0].offset : nil)
  }

  /// An all-to-all: every piece goes from its old place to its new one.
  static func allToAll(_ lane: CollectiveLane, _ elementType: ElementType) -> ExchangeProgram {
    let own = lane.own
    var builder = ExchangeBuilder(elementType)
    func piece(from: Int, to: Int) -> (source: Region, target: Region) {
      let piece = lane.before[from].intersection(lane.after[to])
      return (
        Region(.before, lane.sources[from].strips(of: piece)),
        Region(.after, lane.after[to].strips(of: piece))
      )
    }
    let kept = piece(from: own, to: own)
    builder.copy(from: kept.source, to: kept.target)
    for round in lane.schedule.rounds {
      var outgoing: [ExchangeBuilder.Outgoing] = []
      var incoming: [ExchangeBuilder.Incoming] = []
      for message in round.messages where message.from == own || message.to == own {
        let (source, target) = piece(from: message.from, to: message.to)
        if message.from == own {
          outgoing.append(.init(peer: lane.devices[message.to], region: source, remote: target.strips))
        } else {
          incoming.append(.init(peer: lane.devices[message.from], region: target, remote: source.strips))
        }
      }
      builder.exchange(outgoing, incoming)
    }
    return builder.program(beforeCount: lane.sources[own].count, afterCount: lane.after[own].count)
  }
}
