public import Units

/// Names a device of a machine by its index.
@frozen public struct DeviceID: Hashable, Comparable, Sendable {
  /// The index in ``Machine/devices``.
  public let index: Int
  /// Names the device at `index`.
  @inlinable public init(_ index: Int) { self.index = index }
  /// Orders by index.
  @inlinable public static func < (left: DeviceID, right: DeviceID) -> Bool { left.index < right.index }
}

/// Names a directed link of a machine by its index.
@frozen public struct LinkID: Hashable, Comparable, Sendable {
  /// The index in ``Machine/links``.
  public let index: Int
  /// Names the link at `index`.
  @inlinable public init(_ index: Int) { self.index = index }
  /// Orders by index.
  @inlinable public static func < (left: LinkID, right: LinkID) -> Bool { left.index < right.index }
}

/// An end of a link.
public enum Endpoint: Hashable, Sendable {
  case device(DeviceID)
  /// A switch by its index in ``Machine/switches``: it passes data on and computes nothing.
  case `switch`(Int)
}

/// A directed connection.
public struct Link: Hashable, Sendable {
  /// Its name, such as `drive[0]→root`.
  public let name: String
  /// Where data enters.
  public let from: Endpoint
  /// Where data leaves.
  public let to: Endpoint
  /// Data each second.
  public let bandwidth: BytesPerSecond
  /// The time from the last byte in to the last byte out.
  public let latency: Seconds
  /// Energy of each byte, if the description gives it.
  public let energy: JoulesPerByte?
  /// The index of the wire, in ``Machine/wireNames``; both directions of a half-duplex link share one.
  public let wire: Int
  /// Who moves the data.
  public let mover: Mover

  /// Creates a link.
  public init(
    name: String, from: Endpoint, to: Endpoint, bandwidth: BytesPerSecond, latency: Seconds,
    energy: JoulesPerByte?, wire: Int, mover: Mover = .links
  ) {
    self.name = name
    self.from = from
    self.to = to
    self.bandwidth = bandwidth
    self.latency = latency
    self.energy = energy
    self.wire = wire
    self.mover = mover
  }
}

/// Who moves the data that pass a link or mesh level.
public enum Mover: String, Hashable, Sendable, CaseIterable {
  /// The link, by an engine of its own: the devices compute meanwhile.
  case links
  /// The devices at its ends, which compute nothing meanwhile, as processors that copy messages do.
  case devices
}

/// Whether the two directions of a link have their own bandwidth.
public enum Duplex: String, Hashable, Sendable, CaseIterable {
  /// The directions share the bandwidth.
  case half
  /// Each direction has the bandwidth.
  case full
}

/// How the devices of one mesh level are joined.
///
/// A two-dimensional torus or mesh is a product of two levels, `ring` or `line`; the reader makes them.
public enum Topology: String, Hashable, Sendable, CaseIterable {
  /// Each device has one port, towards its successor; the last is joined to the first.
  case ring
  /// As a ring that is open at its ends, with a port in each direction.
  case line
  /// Each device has one port and reaches every other in one hop.
  case fullyConnected = "fully-connected"
  /// Each device has one port into a switch: two hops to every other.
  case `switch`
  /// One link for each group of the level, shared by all devices below it.
  case tree
}

/// One level of a device mesh, from the top.
public struct MeshLevel: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// Into how many parts the level divides the devices below it.
  public let ways: Int
  /// How the parts are joined.
  public let topology: Topology
  /// The bandwidth of one link or port.
  public let bandwidth: BytesPerSecond
  /// Whether a link's directions share it.
  public let duplex: Duplex
  /// The latency of one hop.
  public let latency: Seconds
  /// Energy of each byte received, if given.
  public let energy: JoulesPerByte?
  /// Who moves the data.
  public let mover: Mover

  /// Creates a level.
  public init(
    name: String, ways: Int, topology: Topology, bandwidth: BytesPerSecond, duplex: Duplex, latency: Seconds,
    energy: JoulesPerByte?, mover: Mover = .links
  ) {
    self.name = name
    self.ways = ways
    self.topology = topology
    self.bandwidth = bandwidth
    self.duplex = duplex
    self.latency = latency
    self.energy = energy
    self.mover = mover
  }
}

/// Devices arranged in levels: device `d` has at level `h` the coordinate that is digit `h` of `d`,
/// the top level being the most significant.
public struct Mesh: Hashable, Sendable {
  /// The devices in the order of their mesh index.
  public let devices: [DeviceID]
  /// The levels from the top; the product of their ways is the number of devices.
  public let levels: [MeshLevel]

  /// Creates a mesh.
  public init(devices: [DeviceID], levels: [MeshLevel]) {
    precondition(levels.reduce(1) { $0 * $1.ways } == devices.count, "ways do not multiply to the devices")
    self.devices = devices
    self.levels = levels
  }
}

/// Where the samples of the training set stand before a step.
public struct SampleLocation: Hashable, Sendable {
  /// The devices whose storage holds them, in equal shares.
  public let devices: [DeviceID]
  /// Bytes of one stored element of a sample.
  public let bytesPerElement: Int

  /// Creates a location.
  public init(devices: [DeviceID], bytesPerElement: Int) {
    self.devices = devices
    self.bytesPerElement = bytesPerElement
  }
}

/// Devices, links and meshes with rates, capacities and energies: a machine that has never heard of
/// convolution.
public struct Machine: Hashable, Sendable {
  /// Its name.
  public let name: String
  /// Every device; several of one kind stand next to one another.
  public let devices: [Device]
  /// The names of the switches.
  public let switches: [String]
  /// Every directed link.
  public let links: [Link]
  /// The names of the wires, each an exclusive resource that one or two links use.
  public let wireNames: [String]
  /// The mesh, if there is one.
  public let mesh: Mesh?
  /// Where the samples are; nil where they may start anywhere at no cost.
  public let samples: SampleLocation?

  /// Creates a machine.
  public init(
    name: String, devices: [Device], switches: [String] = [], links: [Link] = [], wireNames: [String] = [],
    mesh: Mesh? = nil, samples: SampleLocation? = nil
  ) {
    self.name = name
    self.devices = devices
    self.switches = switches
    self.links = links
    self.wireNames = wireNames
    self.mesh = mesh
    self.samples = samples
  }

  /// The device of an identifier.
  public subscript(device: DeviceID) -> Device { devices[device.index] }
  /// The link of an identifier.
  public subscript(link: LinkID) -> Link { links[link.index] }
}
