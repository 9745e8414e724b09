public import Devices
public import Graphs
public import Machines
public import Units

/// What the costs of tasks on one machine have in common: resources, routes, closed forms of even
/// collectives.
///
/// It is made once, and searches ask it millions of times.
public struct CostTables: Sendable {
  /// The machine.
  public let machine: Machine
  /// The precision of arithmetic.
  public let precision: Precision
  /// Bytes of an element by what it is.
  public let elementSizes: ElementSizes
  /// The machine's exclusive resources.
  public let resources: ResourceTable
  /// The routes over its listed links.
  public let routes: Routes
  /// For each group and level, for each operation and algorithm.
  private let levels: [[[EvenForm]]]

  /// The cost of an even collective by the size of its unit.
  private enum EvenForm {
    /// Terms of a mesh level, with their latencies.
    case terms([(units: Int, latency: SimulatedTime, repetitions: Int)], BytesPerSecond)
    /// Rounds over listed links.
    case rounds([LevelRound])
    /// Devices that are not joined, or too many to tabulate.
    case none
  }

  /// Makes the tables.
  public init(machine: Machine, precision: Precision, elementSizes: ElementSizes) {
    self.machine = machine
    self.precision = precision
    self.elementSizes = elementSizes
    let resources = ResourceTable(machine)
    let routes = Routes(machine)
    self.resources = resources
    self.routes = routes
    levels = resources.groups.indices.map { group in
      resources.groups[group].levels.indices.map { level in
        CollectiveOperation.allCases.flatMap { operation in
          CollectiveAlgorithm.allCases.map { algorithm in
            if let ports = resources.levels[group][level] {
              return Self.terms(algorithm.evenTerms(operation, over: ports), ports)
            }
            return Self.listed(resources, routes, machine, group, level, operation, algorithm)
          }
        }
      }
    }
  }

  private static func terms(_ terms: [EvenTerm], _ ports: LevelPorts) -> EvenForm {
    var merged: [EvenTerm] = []
    for term in terms {
      if let last = merged.last, last.units == term.units, last.hops == term.hops {
        merged[merged.count - 1].repetitions += term.repetitions
      } else {
        merged.append(term)
      }
    }
    return .terms(
      merged.map { ($0.units, ports.latency(hops: $0.hops), $0.repetitions) }, ports.level.bandwidth)
  }

  private static func listed(
    _ resources: ResourceTable, _ routes: Routes, _ machine: Machine, _ group: Int, _ level: Int,
    _ operation: CollectiveOperation, _ algorithm: CollectiveAlgorithm
  ) -> EvenForm {
    let members = resources.groups[group]
    let ways = members.levels[level].ways
    guard ways <= 64, members.levels.count == 1 else { return .none }
    // A part of `ways` bytes has pieces of one byte, so that either unit is one.
    let unit = operation == .allToAll ? ways : 1
    let rounds = algorithm.rounds(operation, sizes: [Int](repeating: unit, count: ways))
    return machine.levelRounds([rounds], routes: routes, resources: resources) { members.devices[$1] }
      .map(EvenForm.rounds) ?? .none
  }

  /// How long work occupies a device: its time alone, rounded up to a tick.
  public func computeTime(of work: Work, on device: DeviceID) -> SimulatedTime {
    SimulatedTime(
      roundingUp: cost(of: work, on: machine[device], precision: precision, sizes: elementSizes).time)
  }

  /// How long a collective takes alone.
  ///
  /// The sum over its rounds of the longest occupancy of a resource and the latency of the longest way, each
  /// rounded up to a tick.
  public func collectiveTime(of collective: Collective) -> SimulatedTime {
    if let unit = evenUnit(of: collective) {
      switch form(of: collective) {
      case .terms(let terms, let bandwidth):
        guard unit > 0 else { return .zero }
        return terms.reduce(.zero) { sum, term in
          sum + (SimulatedTime(roundingUp: Bytes(term.units * unit) / bandwidth) + term.latency)
            * term.repetitions
        }
      case .rounds(let rounds): return rounds.reduce(.zero) { $0 + $1.duration(unit: unit) }
      case .none: break
      }
    }
    return levelRounds(of: collective).reduce(.zero) { $0 + $1.duration(unit: 1) }
  }

  /// The bytes that the devices of a collective receive from one another, all together.
  public func bytesReceived(by collective: Collective) -> Bytes {
    let group = resources.groups[collective.group]
    let ways = group.levels[collective.level].ways
    let lanes = group.stride(of: collective.level)
    guard ways > 1 else { return .zero }
    if collective.operation == .allToAll {
      if let unit = evenUnit(of: collective) { return Bytes(lanes * ways * (ways - 1) * unit) }
      let rounds = self.laneRounds(of: collective)
      let bytes = rounds.reduce(0) { $0 + $1.reduce(0) { $0 + $1.messages.reduce(0) { $0 + $1.bytes } } }
      return Bytes(bytes * (lanes / rounds.count))
    }
    if !collective.addends.isEmpty {
      let sums = collective.addends.reduce(0, +)
      let gathered = collective.operation == .reduceScatter ? 0 : ways - 1
      let reduced = collective.operation != .allGather
      return Bytes(
        (0..<lanes).reduce(0) { total, lane in
          zip(collective.parts.sizes(lane: lane, ways: ways), collective.addends).reduce(total) {
            $0 + $1.0 * ((reduced ? sums - $1.1 : 0) + gathered)
          }
        })
    }
    let total =
      switch collective.parts {
      case .even(let size): lanes * ways * size.count
      case .byCoordinate(let sizes): lanes * sizes.reduce(0) { $0 + $1.count }
      case .byLane(let sizes): sizes.reduce(0) { $0 + $1.count }
      }
    return Bytes((collective.operation == .allReduce ? 2 : 1) * (ways - 1) * total)
  }

  /// The bytes of a part, or of an all-to-all's piece, where all are equal.
  func evenUnit(of collective: Collective) -> Int? {
    guard collective.pieces == nil, case .even(let size) = collective.parts else { return nil }
    if let most = collective.addends.max(), collective.operation != .allToAll {
      // With equally many partial sums on each coordinate they are one part so many times as large.
      guard collective.operation == .reduceScatter, collective.addends.min() == most else {
        return collective.operation == .allGather ? size.count : nil
      }
      return most * size.count
    }
    guard collective.operation == .allToAll else { return size.count }
    let ways = resources.groups[collective.group].levels[collective.level].ways
    switch collective.resultParts {
    case nil, .even: return size.count % ways == 0 ? size.count / ways : nil
    case .byCoordinate, .byLane: return nil
    }
  }

  /// The rounds of each lane, or once where all lanes have the same.
  func laneRounds(of collective: Collective) -> [[CollectiveRound]] {
    let group = resources.groups[collective.group]
    let ways = group.levels[collective.level].ways
    var lanes = 1
    if case .byLane = collective.parts { lanes = group.stride(of: collective.level) }
    if case .byLane = collective.resultParts { lanes = group.stride(of: collective.level) }
    if let pieces = collective.pieces { lanes = pieces.count }
    return (0..<lanes).map { lane in
      let rounds = collective.algorithm.rounds(
        collective.operation, sizes: collective.parts.sizes(lane: lane, ways: ways),
        results: collective.resultParts?.sizes(lane: lane, ways: ways),
        pieces: collective.pieces?[lane].map(\.count), addends: collective.addends)
      // Lanes keep step round by round, and only one that is even by itself would write equal rounds once.
      return lanes == 1 ? rounds : rounds.flatMap { $0.unrolled }
    }
  }

  /// The loads of every round, in bytes.
  func levelRounds(of collective: Collective) -> [LevelRound] {
    levelRounds(of: collective, laneRounds(of: collective))
  }

  /// The loads of given rounds of a collective.
  func levelRounds(of collective: Collective, _ lanes: [[CollectiveRound]]) -> [LevelRound] {
    if let ports = resources.levels[collective.group][collective.level] { return ports.levelRounds(lanes) }
    let group = resources.groups[collective.group]
    let stride = group.stride(of: collective.level)
    let all = lanes.count == 1 ? [[CollectiveRound]](repeating: lanes[0], count: stride) : lanes
    let rounds = machine.levelRounds(all, routes: routes, resources: resources) { lane, coordinate in
      group.devices[collective.firstDevice + coordinate * stride + lane]
    }
    guard let rounds else {
      preconditionFailure("no route joins the devices of \(group.name): lowering refuses such a collective")
    }
    return rounds
  }

  private func form(of collective: Collective) -> EvenForm {
    let place =
      collective.operation.ordinal * CollectiveAlgorithm.allCases.count + collective.algorithm.ordinal
    return levels[collective.group][collective.level][place]
  }
}

extension CollectiveOperation {
  /// The place in ``allCases``.
  var ordinal: Int {
    switch self {
    case .reduceScatter: 0
    case .allGather: 1
    case .allReduce: 2
    case .allToAll: 3
    }
  }
}

extension CollectiveAlgorithm {
  /// The place in ``allCases``.
  var ordinal: Int {
    switch self {
    case .ring: 0
    case .direct: 1
    case .halvingDoubling: 2
    case .fixedTree: 3
    }
  }
}
