import Graphs
import Plans

extension ExchangeProgram {
  /// A reduce-scatter, in which addends are summed on their way or where they arrive.
  static func reduceScatter(
    _ lane: CollectiveLane, _ elementType: ElementType, _ use: SourceUse
  ) -> ExchangeProgram {
    var walk = ReduceScatterWalk(lane, elementType, use)
    for index in lane.schedule.rounds.indices { walk.run(index) }
    return walk.finished()
  }
}

/// Follows where the sums of all parts stand while a reduce-scatter runs.
private struct ReduceScatterWalk {
  typealias Region = ExchangeProgram.Region

  let lane: CollectiveLane
  let use: SourceUse
  var builder: ExchangeBuilder
  /// For each part where the device's own addends of it lie.
  let addends: [[Holding.Strip]]
  /// For each part where its running sum stands; nil while that is only the own addend.
  var sums: [Region?]
  let result: Region
  var isFinished = false

  init(_ lane: CollectiveLane, _ elementType: ElementType, _ use: SourceUse) {
    self.lane = lane
    self.use = use
    builder = ExchangeBuilder(elementType)
    addends = lane.after.map { lane.sources[lane.own].strips(of: $0) }
    sums = lane.after.map { _ in nil }
    result = Region(.after, offset: 0, count: lane.after[lane.own].count)
  }

  /// The own addends of parts, one part behind the other.
  private func addends(of parts: Range<Int>) -> Region { Region(.before, addends[parts].flatMap { $0 }) }

  /// Where the sums of parts stand now.
  private func sum(of parts: Range<Int>) -> Region {
    let known = parts.compactMap { sums[$0] }
    guard let buffer = known.first?.buffer else { return addends(of: parts) }
    precondition(known.count == parts.count && known.allSatisfy { $0.buffer == buffer }, "a torn sum")
    return Region(buffer, known.flatMap(\.strips))
  }

  private func count(of parts: Range<Int>) -> Int { lane.after[parts].reduce(0) { $0 + $1.count } }

  mutating func run(_ index: Int) {
    var outgoing: [ExchangeBuilder.Outgoing] = []
    var incoming: [ExchangeBuilder.Incoming] = []
    var gathered: [Region?] = lane.after.map { _ in nil }
    var sent: [Region] = []
    let messages = lane.schedule.rounds[index].messages
    let isGathering = messages.filter { $0.to == lane.own }.count > 1
    for message in messages {
      guard case .parts(let parts) = message.content, count(of: parts) > 0 else { continue }
      let arrived = [Holding.Strip(offset: 0, count: count(of: parts))]
      if message.from == lane.own {
        let region = sum(of: parts)
        outgoing.append(.init(peer: lane.devices[message.to], region: region, remote: arrived))
        sent += parts.compactMap { sums[$0] }
      } else if message.to == lane.own {
        let target = isGathering ? builder.allocate(count(of: parts)) : target(for: parts)
        if isGathering { gathered[message.from] = target }
        // In the first round everyone sends addends as they lie before, later sums that lie together.
        let remote = index == 0 ? addends(of: parts).strips : arrived
        incoming.append(
          .init(
            peer: lane.devices[message.from], region: target, remote: remote, isAdded: !isGathering))
      }
    }
    builder.exchange(outgoing, incoming)
    for region in sent { builder.free(region) }
    if isGathering, result.count > 0 { sumGathered(gathered) }
  }

  /// Where the sums of parts are to stand, with what is summed so far already there.
  private mutating func target(for parts: Range<Int>) -> Region {
    let now = sum(of: parts)
    if parts == lane.own..<lane.own + 1 {
      builder.copy(from: now, to: result)
      builder.free(now)
      isFinished = true
      return result
    }
    if sums[parts.lowerBound] != nil { return now }
    var place = now
    if use == .kept || now.start == nil {
      place = builder.allocate(now.count)
      builder.copy(from: now, to: place)
    }
    guard let start = place.start else { preconditionFailure("sums of \(parts) lie apart") }
    var offset = start.offset
    for part in parts {
      sums[part] = Region(place.buffer, offset: offset, count: lane.after[part].count)
      offset += lane.after[part].count
    }
    return place
  }

  /// Adds all that came at once, in the order of the coordinates.
  private mutating func sumGathered(_ gathered: [Region?]) {
    var own = addends(of: lane.own..<lane.own + 1)
    if own.start == nil {
      builder.copy(from: own, to: result)
      own = result
    }
    builder.sum(gathered.map { $0 ?? own }, to: result)
    for region in gathered { if let region { builder.free(region) } }
    isFinished = true
  }

  mutating func finished() -> ExchangeProgram {
    let own = addends(of: lane.own..<lane.own + 1)
    if !isFinished { builder.copy(from: own, to: result) }
    return builder.program(
      beforeCount: lane.sources[lane.own].count, afterCount: result.count,
      resultOffsetInSource: own.start?.offset)
  }
}
