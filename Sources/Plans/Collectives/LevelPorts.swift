public import Machines
import Units

/// The links or ports of one mesh level, as resources, and which of them a message loads.
///
/// Below each part of the level above stands one *instance* of the level: `ways` coordinates times `lanes`
/// devices below each. Devices of one lane talk to each other; but for a tree, each lane has ports of its
/// own.
///
/// - *tree*: one link for the instance, loaded by every message of every lane; full duplex, one for messages
///   to a higher coordinate and one for those to a lower. One hop.
/// - *ring*: a wire between each device and its successor; full duplex, one for each direction, and over two
///   ways one towards each successor. As many hops as the shorter way round, of two equal ones towards the
///   successor.
/// - *line*: a wire between neighbours; full duplex, one for each direction. As many hops as the distance.
/// - *fully-connected*: a port for each device, loaded by what it sends and receives; full duplex, a port out
///   and a port in. One hop.
/// - *switch*: ports as with fully-connected. Two hops.
///
/// A message that is forwarded loads every wire on its way.
public struct LevelPorts: Hashable, Sendable {
  /// The level as the machine describes it.
  public let level: MeshLevel
  /// Coordinates of the level.
  public let ways: Int
  /// Devices below each coordinate.
  public let lanes: Int
  /// How many instances of the level there are.
  public let instances: Int
  /// The index of the first resource.
  public let first: Int
  /// Resources of one lane; of a whole instance where the topology is a tree.
  let portsPerLane: Int

  /// The resources of one instance.
  public var portsPerInstance: Int { level.topology == .tree ? portsPerLane : portsPerLane * lanes }

  /// Creates the ports of a group's level, whose resources begin at `first`; nil for a level of listed links.
  init?(group: DeviceGroup, level index: Int, first: Int) {
    guard case .mesh(let level) = group.levels[index].network else { return nil }
    self.level = level
    self.first = first
    ways = level.ways
    lanes = group.stride(of: index)
    instances = group.devices.count / (ways * lanes)
    let directions = level.duplex == .half ? 1 : 2
    portsPerLane =
      switch level.topology {
      case _ where level.ways < 2: 0
      case .tree: directions
      case .ring: ways == 2 ? 2 : ways * directions
      case .line: (ways - 1) * directions
      case .fullyConnected, .switch: ways * directions
      }
  }

  /// Calls `body` with each resource, counted from the instance's first, that a message in a lane loads.
  func forEachPort(from: Int, to: Int, lane: Int, _ body: (Int) -> Void) {
    let full = level.duplex == .full
    let base = level.topology == .tree ? 0 : lane * portsPerLane
    switch level.topology {
    case .tree: body(full && to < from ? 1 : 0)
    case .fullyConnected, .switch:
      body(base + from)
      body(base + to + (full ? ways : 0))
    case .line:
      if from < to {
        for wire in from..<to { body(base + wire) }
      } else {
        for wire in to..<from { body(base + wire + (full ? ways - 1 : 0)) }
      }
    case .ring:
      let distance = (to - from + ways) % ways
      if 2 * distance <= ways {
        for step in 0..<distance { body(base + (from + step) % ways) }
      } else {
        for step in 0..<(ways - distance) { body(base + (to + step) % ways + (full ? ways : 0)) }
      }
    }
  }

  /// Over how many hops a message goes.
  func hops(from: Int, to: Int) -> Int {
    switch level.topology {
    case .tree, .fullyConnected: return 1
    case .switch: return 2
    case .line: return abs(to - from)
    case .ring:
      let distance = (to - from + ways) % ways
      return min(distance, ways - distance)
    }
  }

  /// The names of the resources, given those of the group's devices.
  func names(of devices: [String]) -> [String] {
    let full = level.duplex == .full
    var names: [String] = []
    for instance in 0..<instances where portsPerLane > 0 {
      guard level.topology != .tree else {
        let name = "\(level.name) group \(instance)"
        names += full ? ["\(name) →", "\(name) ←"] : [name]
        continue
      }
      for lane in 0..<lanes {
        let members = (0..<ways).map { devices[instance * ways * lanes + $0 * lanes + lane] }
        names += portNames(of: members, full: full)
      }
    }
    return names
  }

  private func portNames(of members: [String], full: Bool) -> [String] {
    func wires(_ count: Int, _ arrow: String, back: Bool = false) -> [String] {
      (0..<count).map { wire in
        let (left, right) = (members[wire], members[(wire + 1) % ways])
        return "\(level.name) \(back ? right : left)\(arrow)\(back ? left : right)"
      }
    }
    switch level.topology {
    case .tree: return []
    case .fullyConnected, .switch:
      guard full else { return members.map { "\(level.name) port \($0)" } }
      return members.map { "\(level.name) port \($0) out" } + members.map { "\(level.name) port \($0) in" }
    case .ring, .line:
      let count = level.topology == .ring ? ways : ways - 1
      if level.topology == .ring && ways == 2 { return wires(count, "→") }
      return full ? wires(count, "→") + wires(count, "→", back: true) : wires(count, "–")
    }
  }
}
