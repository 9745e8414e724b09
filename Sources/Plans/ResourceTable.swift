import Devices
public import Machines
public import Results
public import Units

/// Every exclusive resource of a machine: what one task at a time may occupy.
///
/// In this order: the compute of each device, the storage of each device that has samples or flash, each wire
/// of the listed links, and the links or ports of each mesh level (``LevelPorts``). Names are unique.
public struct ResourceTable: Hashable, Sendable {
  /// One resource.
  public struct Resource: Hashable, Sendable {
    /// Its name, unique in the machine.
    public let name: String
    /// What it is.
    public let kind: ResourceUse.Kind

    /// Creates a resource.
    public init(name: String, kind: ResourceUse.Kind) {
      self.name = name
      self.kind = kind
    }
  }

  /// The resources by index.
  public let resources: [Resource]
  /// The machine's groups, as ``Collective/group`` counts them.
  public let groups: [DeviceGroup]
  /// For each device the index of its storage, if it has any.
  public let storage: [Int?]
  /// For each group and level its ports; nil for a level of listed links.
  public let levels: [[LevelPorts?]]
  /// The index of the first wire.
  let firstWire: Int

  /// Creates the table of a machine.
  public init(_ machine: Machine) {
    var resources = machine.devices.map { Resource(name: $0.name, kind: .device) }
    let stored = Set(machine.samples?.devices ?? [])
    var storage = [Int?](repeating: nil, count: machine.devices.count)
    for (index, device) in machine.devices.enumerated()
    where device.flash != nil || stored.contains(DeviceID(index)) {
      storage[index] = resources.count
      resources.append(Resource(name: "\(device.name) storage", kind: .storage))
    }
    firstWire = resources.count
    resources += machine.wireNames.map { Resource(name: $0, kind: .link) }
    groups = machine.groups
    var levels: [[LevelPorts?]] = []
    for group in groups {
      let names = group.devices.map { machine[$0].name }
      levels.append(
        group.levels.indices.map { level in
          guard let ports = LevelPorts(group: group, level: level, first: resources.count) else { return nil }
          resources += ports.names(of: names).map { Resource(name: $0, kind: .link) }
          return ports
        })
    }
    self.storage = storage
    self.levels = levels
    self.resources = Self.distinguished(resources)
  }

  /// The resource of a device's compute.
  public func compute(_ device: DeviceID) -> Int { device.index }
  /// The resource of a link's wire.
  public func wire(of link: Link) -> Int { firstWire + link.wire }

  /// The resources with a number behind every name that an earlier one has.
  private static func distinguished(_ resources: [Resource]) -> [Resource] {
    var uses: Set<String> = []
    return resources.map { resource in
      var name = resource.name
      var number = 2
      while !uses.insert(name).inserted {
        name = "\(resource.name) (\(number))"
        number += 1
      }
      return Resource(name: name, kind: resource.kind)
    }
  }
}

extension Device {
  /// The rate at which stored samples are read: that of the flash, or of the memory where there is no flash.
  public var storageRate: BytesPerSecond { flash?.streamRate ?? memory.sustainedBandwidth }
}
