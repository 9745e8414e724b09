import Machines
import Units

/// A round of a collective as it loads the links of its level, all lanes together.
///
/// Loads are in units, so that the rounds of even collectives of every size are one value.
struct LevelRound: Sendable {
  /// Units of data that pass a resource.
  struct Load: Sendable {
    /// The port, counted from the first of the level's instance; of a listed link the resource of its wire.
    let resource: Int
    /// The index of the listed link, or nil.
    let link: Int?
    /// The units.
    let units: Int
    /// The rate of the port or link.
    let bandwidth: BytesPerSecond
  }

  /// How many equal rounds follow one another.
  let repetitions: Int
  /// The latency of the longest way of a message.
  let latency: SimulatedTime
  /// The loads by resource; two of one resource are the two directions of a wire.
  let loads: [Load]
  /// Units that reach the device for which they are meant.
  let delivered: Int
  /// The devices that move the data themselves and compute nothing meanwhile, in increasing order: counted
  /// from the first of the level's instance; of listed links by their index in the machine.
  let movers: [Int]
}

extension LevelRound {
  /// Calls `body` with each resource, how long data of `unit` bytes a unit occupies it, and the bytes.
  func forEachOccupancy(
    unit: Int, _ body: (_ resource: Int, _ time: SimulatedTime, _ bytes: Int) -> Void
  ) {
    var index = 0
    while index < loads.count {
      let resource = loads[index].resource
      var time = SimulatedTime.zero
      var bytes = 0
      // The two directions of a half-duplex wire follow each other here and add up.
      while index < loads.count, loads[index].resource == resource {
        let data = Bytes(loads[index].units * unit)
        time += SimulatedTime(roundingUp: data / loads[index].bandwidth)
        bytes += data.count
        index += 1
      }
      body(resource, time, bytes)
    }
  }

  /// From the start to the end of all repetitions.
  func duration(unit: Int) -> SimulatedTime {
    guard delivered > 0, unit > 0 else { return .zero }
    var longest = SimulatedTime.zero
    forEachOccupancy(unit: unit) { _, time, _ in longest = max(longest, time) }
    return (longest + latency) * repetitions
  }
}

extension LevelPorts {
  /// The loads of rounds given for each lane, or once for all lanes.
  func levelRounds(_ lanes: [[CollectiveRound]]) -> [LevelRound] {
    precondition(lanes.count == 1 || lanes.count == self.lanes, "\(lanes.count) lanes of \(self.lanes)")
    let copies = self.lanes / lanes.count
    return (lanes.first ?? []).indices.map { round in
      var units = [Int](repeating: 0, count: portsPerInstance)
      var longest = 0
      var delivered = 0
      var movers: Set<Int> = []
      for (lane, rounds) in lanes.enumerated() {
        for message in rounds[round].messages {
          forEachPort(from: message.from, to: message.to, lane: lane) { units[$0] += message.bytes }
          longest = max(longest, hops(from: message.from, to: message.to))
          delivered += message.bytes * copies
          guard level.mover == .devices else { continue }
          for copy in 0..<copies {
            movers.insert(message.from * self.lanes + lane + copy)
            movers.insert(message.to * self.lanes + lane + copy)
          }
        }
      }
      if copies > 1 {
        for port in units.indices {
          units[port] = level.topology == .tree ? units[port] * copies : units[port % portsPerLane]
        }
      }
      return LevelRound(
        repetitions: lanes[0][round].repetitions, latency: latency(hops: longest),
        loads: units.indices.filter { units[$0] > 0 }.map {
          .init(resource: $0, link: nil, units: units[$0], bandwidth: level.bandwidth)
        },
        delivered: delivered, movers: movers.sorted())
    }
  }

  /// The latency of a message over a number of hops.
  func latency(hops: Int) -> SimulatedTime { SimulatedTime(roundingUp: level.latency * Double(hops)) }
}

extension Machine {
  /// The loads of rounds between devices joined by listed links, nil where two of them are not joined.
  func levelRounds(
    _ lanes: [[CollectiveRound]], routes: Routes, resources: ResourceTable,
    device: (_ lane: Int, _ coordinate: Int) -> DeviceID
  ) -> [LevelRound]? {
    var result: [LevelRound] = []
    for round in (lanes.first ?? []).indices {
      var units = [Int](repeating: 0, count: links.count)
      var longest = Seconds.zero
      var delivered = 0
      var movers: Set<Int> = []
      for (lane, rounds) in lanes.enumerated() {
        for message in rounds[round].messages {
          let (from, to) = (device(lane, message.from), device(lane, message.to))
          guard let route = routes.route(from: from, to: to) else { return nil }
          for link in route {
            units[link.index] += message.bytes
            movers.formUnion(links[link.index].movers)
          }
          longest = max(longest, route.reduce(.zero) { $0 + links[$1.index].latency })
          delivered += message.bytes
        }
      }
      let loads = units.indices.filter { units[$0] > 0 }.map {
        LevelRound.Load(
          resource: resources.wire(of: links[$0]), link: $0, units: units[$0], bandwidth: links[$0].bandwidth)
      }
      result.append(
        LevelRound(
          repetitions: lanes[0][round].repetitions, latency: SimulatedTime(roundingUp: longest),
          loads: loads.sorted { ($0.resource, $0.link ?? 0) < ($1.resource, $1.link ?? 0) },
          delivered: delivered, movers: movers.sorted()))
    }
    return result
  }
}

extension Link {
  /// The devices at its ends, where they move the data themselves.
  fileprivate var movers: [Int] {
    guard mover == .devices else { return [] }
    return [from, to].compactMap { end in
      if case .device(let device) = end { device.index } else { nil }
    }
  }
}
