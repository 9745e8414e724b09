import Diagnostics
import Units

/// Turns the tree of a machine file into a machine.
///
/// The parts of the file are read in the order in which they refer to each other: devices, switches, links,
/// mesh, samples. A part with a fault is left out, and reading goes on to find the other faults.
struct MachineReader {
  /// The most devices and, separately, the most directed links.
  static let deviceLimit = 65_536
  static let linkLimit = 262_144

  /// The devices of one key of the file.
  struct Group {
    let key: String
    let first: Int
    let count: Int
    let hasFlash: Bool
    var ids: Range<Int> { first..<first + count }
  }

  var fields: FieldReader
  var groups: [Group] = []
  var devices: [Device] = []
  var switches: [String] = []
  var links: [Link] = []
  var wireNames: [String] = []
  var linkNames: [String: Int] = [:]
  /// The names of all devices that have been declared, those with faults included.
  var deviceNames: [String] = []

  init(fields: FieldReader) { self.fields = fields }

  mutating func read(_ root: YAMLNode) -> Machine? {
    guard
      let block = fields.block(
        root, path: "", required: ["schema", "name", "devices"],
        optional: ["switches", "links", "mesh", "samples"])
    else { return nil }
    if let schema = fields.text("schema", in: block), let node = block["schema"],
      schema != MachineFile.schema
    {
      fields.fail(
        "the schema '\(schema.shortened)' is not read", at: node, path: "schema",
        hint: "this version reads '\(MachineFile.schema)'")
    }
    let name = fields.text("name", in: block)
    if let node = block["devices"] { readDevices(node) }
    if let node = block["switches"] { readSwitches(node) }
    if let node = block["links"] { readLinks(node) }
    let mesh = block["mesh"].flatMap { readMesh($0) }
    let samples = block["samples"].flatMap { readSamples($0) }
    guard fields.diagnostics.isEmpty, let name else { return nil }
    checkConnections(mesh: mesh, at: root)
    guard fields.diagnostics.isEmpty else { return nil }
    return Machine(
      name: name, devices: devices, switches: switches, links: links, wireNames: wireNames, mesh: mesh,
      samples: samples)
  }

  // MARK: Names

  /// Whether a name can stand in paths, reports and link ends.
  mutating func isLegalName(_ name: String, line: Int, column: Int, path: String) -> Bool {
    let isLegal =
      1...64 ~= name.utf8.count
      && name.unicodeScalars.allSatisfy {
        $0.isASCII
          && ($0.properties.isAlphabetic || 0x30...0x39 ~= $0.value || "-_.".unicodeScalars.contains($0))
      }
    let place = fields.location(line: line, column: column, path: path)
    if !isLegal {
      fields.fail(
        "'\(name.shortened)' is not a legal name", at: place,
        hint: "use at most 64 letters, digits, '-', '_' and '.'")
    } else if name == "mesh" {
      fields.fail("the name 'mesh' is taken by the group of the mesh's devices", at: place)
      return false
    }
    return isLegal
  }

  private mutating func readSwitches(_ node: YAMLNode) {
    guard let items = fields.list(node, path: "switches") else { return }
    for (index, item) in items.enumerated() {
      let path = "switches[\(index)]"
      guard let name = fields.text(item, path: path),
        isLegalName(name, line: item.line, column: item.column, path: path)
      else { continue }
      if switches.contains(name) || groups.contains(where: { $0.key == name }) || name == Self.meshRoot {
        fields.fail("the name '\(name)' is taken", at: item, path: path)
      } else if switches.count >= 4096 {
        fields.fail("there are more than 4096 switches", at: item, path: path)
        return
      } else {
        switches.append(name)
      }
    }
  }

  /// The switch that the reader makes where a mesh is attached with a bandwidth of its own.
  static var meshRoot: String { "mesh-root" }

  private mutating func readSamples(_ node: YAMLNode) -> SampleLocation? {
    guard let block = fields.block(node, path: "samples", required: ["on", "bytes-per-element"])
    else { return nil }
    let bytes = fields.integer("bytes-per-element", in: block, 1...64)
    guard let name = fields.text("on", in: block), let on = block["on"] else { return nil }
    guard let group = groups.first(where: { $0.key == name }) else {
      fields.fail(
        "no device is named '\(name.shortened)'", at: on, path: "samples.on",
        hint: FieldReader.hint(for: name, among: groups.map(\.key)))
      return nil
    }
    guard group.hasFlash else {
      fields.fail(
        "'\(name)' has no storage", at: on, path: "samples.on",
        hint: "samples stand on devices of kind near-storage")
      return nil
    }
    guard let bytes else { return nil }
    return SampleLocation(devices: group.ids.map { DeviceID($0) }, bytesPerElement: bytes)
  }

  // MARK: Connections

  /// Notes the devices that no chain of links and mesh levels joins to the first device.
  private mutating func checkConnections(mesh: Mesh?, at root: YAMLNode) {
    var parents = Array(0..<devices.count + switches.count)
    func find(_ index: Int) -> Int {
      var index = index
      while parents[index] != index {
        parents[index] = parents[parents[index]]
        index = parents[index]
      }
      return index
    }
    func join(_ left: Int, _ right: Int) {
      let (low, high) = (min(find(left), find(right)), max(find(left), find(right)))
      parents[high] = low
    }
    func index(_ endpoint: Endpoint) -> Int {
      switch endpoint {
      case .device(let device): device.index
      case .switch(let index): devices.count + index
      }
    }
    for link in links { join(index(link.from), index(link.to)) }
    if let mesh, let first = mesh.devices.first {
      for device in mesh.devices { join(first.index, device.index) }
    }
    var reported: Set<String> = []
    for device in devices.indices where find(device) != find(0) {
      guard reported.insert(devices[device].group).inserted else { continue }
      fields.fail(
        "nothing joins the device '\(devices[device].name)' to '\(devices[0].name)'", at: root,
        path: "devices",
        hint: "list its links, or put it into the mesh")
    }
  }
}
