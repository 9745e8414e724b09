/// What joins the devices of one level of a group.
public enum LevelNetwork: Hashable, Sendable {
  /// A level of the machine's mesh.
  case mesh(MeshLevel)
  /// The listed links: data goes from device to device by the shortest route.
  case listed
}

/// Devices that a plan uses together: the mesh, the several devices of one kind, or a device alone.
public struct DeviceGroup: Hashable, Sendable {
  /// One level of the group.
  public struct Level: Hashable, Sendable {
    /// Into how many parts it divides the devices below it.
    public let ways: Int
    /// What joins them.
    public let network: LevelNetwork
    /// Creates a level.
    public init(ways: Int, network: LevelNetwork) {
      self.ways = ways
      self.network = network
    }
  }

  /// The name of the group that is the machine's mesh.
  public static let meshName = "mesh"

  /// The name: ``meshName``, or the key of the machine file.
  public let name: String
  /// The devices; device `i` has at level `h` digit `h` of `i`, the top level being the most significant.
  public let devices: [DeviceID]
  /// The levels from the top; none for a device alone.
  public let levels: [Level]

  /// Creates a group.
  public init(name: String, devices: [DeviceID], levels: [Level]) {
    precondition(levels.reduce(1) { $0 * $1.ways } == devices.count, "ways do not multiply to the devices")
    self.name = name
    self.devices = devices
    self.levels = levels
  }

  /// How many devices stand below one part of level `level`: the stride of its digit.
  public func stride(of level: Int) -> Int { levels[(level + 1)...].reduce(1) { $0 * $1.ways } }
  /// The coordinate of device `index` at a level.
  public func coordinate(of index: Int, at level: Int) -> Int {
    index / stride(of: level) % levels[level].ways
  }
}

extension Machine {
  /// Whether devices have the same model and memory, so that equal work takes them equally long.
  public func areAlike(_ devices: [DeviceID]) -> Bool {
    guard let first = devices.first.map({ self[$0] }) else { return true }
    return devices.allSatisfy { self[$0].model == first.model && self[$0].memory == first.memory }
  }

  /// The groups in which a plan may place operators: the mesh, each kind outside it with all its devices,
  /// in the order of the description.
  public var groups: [DeviceGroup] {
    var groups: [DeviceGroup] = []
    let inMesh = Set(mesh?.devices ?? [])
    if let mesh {
      let levels = mesh.levels.map { DeviceGroup.Level(ways: $0.ways, network: .mesh($0)) }
      groups.append(DeviceGroup(name: DeviceGroup.meshName, devices: mesh.devices, levels: levels))
    }
    var seen: Set<String> = []
    for device in devices where seen.insert(device.group).inserted {
      let members = devices.indices.map { DeviceID($0) }
        .filter { self[$0].group == device.group && !inMesh.contains($0) }
      guard !members.isEmpty else { continue }
      let levels =
        members.count == 1 ? [] : [DeviceGroup.Level(ways: members.count, network: .listed)]
      groups.append(DeviceGroup(name: device.group, devices: members, levels: levels))
    }
    return groups
  }
}
