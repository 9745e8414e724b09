import Diagnostics
import Units

extension MachineReader {
  /// How a level is joined, as files name it.
  ///
  /// `torus` and `mesh` are products of rings and of lines; with one extent they are the ring and the line.
  enum LevelTopology: String, CaseIterable {
    case ring, line
    case fullyConnected = "fully-connected"
    case `switch`, tree, torus, mesh

    /// The topology of one extent.
    var ofOneExtent: Topology {
      switch self {
      case .ring, .torus: .ring
      case .line, .mesh: .line
      case .fullyConnected: .fullyConnected
      case .switch: .switch
      case .tree: .tree
      }
    }

    /// Whether `shape:` gives it several extents.
    var takesShape: Bool { self == .torus || self == .mesh }
  }

  /// Reads `mesh:`; the devices of several keys stand one after another in the order of `over`.
  mutating func readMesh(_ node: YAMLNode) -> Mesh? {
    guard
      let block = fields.block(node, path: "mesh", required: ["over", "levels"], optional: ["attach"])
    else { return nil }
    let ids = readOver(in: block)
    let levels = readLevels(in: block)
    if let attach = block["attach"] { readAttachment(attach, of: ids ?? []) }
    guard let ids, let levels, fields.diagnostics.isEmpty else { return nil }
    var product = 1
    for level in levels where product <= Self.deviceLimit { product *= level.ways }
    guard product == ids.count else {
      let ways = levels.map { "\($0.ways)" }.joined(separator: " × ")
      fields.fail(
        "the levels divide \(ways) = \(product) devices, but the mesh has \(ids.count)",
        at: block["levels"] ?? node, path: "mesh.levels")
      return nil
    }
    return Mesh(devices: ids.map { DeviceID($0) }, levels: levels)
  }

  private mutating func readOver(in block: FieldReader.Block) -> [Int]? {
    guard let node = block["over"], let items = fields.list(node, path: "mesh.over") else { return nil }
    if items.isEmpty { fields.fail("the mesh is over nothing", at: node, path: "mesh.over") }
    var chosen: [String] = []
    var ids: [Int] = []
    for (index, item) in items.enumerated() {
      let path = "mesh.over[\(index)]"
      guard let key = fields.text(item, path: path) else { continue }
      guard let group = groups.first(where: { $0.key == key }) else {
        fields.fail(
          "no device is named '\(key.shortened)'", at: item, path: path,
          hint: FieldReader.hint(for: key, among: groups.map(\.key)))
        continue
      }
      guard !chosen.contains(key) else {
        fields.fail("'\(key)' stands twice", at: item, path: path)
        continue
      }
      chosen.append(key)
      ids += group.ids
    }
    return ids.isEmpty ? nil : ids
  }

  private mutating func readLevels(in block: FieldReader.Block) -> [MeshLevel]? {
    guard let node = block["levels"], let items = fields.list(node, path: "mesh.levels") else { return nil }
    if items.isEmpty { fields.fail("the mesh has no level", at: node, path: "mesh.levels") }
    var levels: [MeshLevel] = []
    for (index, item) in items.enumerated() {
      let path = "mesh.levels[\(index)]"
      guard levels.count < 64 else {
        fields.fail("there are more than 64 levels", at: item, path: path)
        break
      }
      levels += readLevel(item, path: path, taken: levels.map(\.name))
    }
    return levels
  }

  private mutating func readLevel(_ node: YAMLNode, path: String, taken: [String]) -> [MeshLevel] {
    guard
      let block = fields.block(
        node, path: path, required: ["name", "topology", "bandwidth", "duplex", "latency"],
        optional: ["ways", "shape", "energy", "moved-by", "source"])
    else { return [] }
    readSource(of: block, required: true)
    let name = fields.text("name", in: block)
    let topology = fields.choice("topology", in: block, LevelTopology.self)
    let connection = readConnection(in: block)
    let extents = readExtents(in: block, topology: topology)
    guard let name, let topology, let connection, let extents,
      isLegalName(name, line: node.line, column: node.column, path: path)
    else { return [] }
    let levels = extents.enumerated().map { index, ways in
      MeshLevel(
        name: extents.count == 1 ? name : "\(name)-\(index)", ways: ways, topology: topology.ofOneExtent,
        bandwidth: connection.bandwidth, duplex: connection.duplex, latency: connection.latency,
        energy: connection.energy, mover: connection.mover)
    }
    for level in levels where taken.contains(level.name) {
      fields.fail("the name '\(level.name)' is taken by another level", at: node, path: path)
    }
    return levels
  }

  /// The ways of each level that a block makes: `ways: 4` one, `shape: [4, 4]` two.
  private mutating func readExtents(in block: FieldReader.Block, topology: LevelTopology?) -> [Int]? {
    let limit = Self.deviceLimit
    guard let shape = block["shape"] else {
      guard block["ways"] != nil else {
        fields.fail(
          "the key 'ways' is missing", at: block.node, path: block.path,
          hint: topology?.takesShape == true ? "write ways: 4, or shape: [4, 4]" : nil)
        return nil
      }
      return fields.integer("ways", in: block, 2...limit).map { [$0] }
    }
    let path = block.path("shape")
    if let topology, !topology.takesShape {
      fields.fail("a \(topology.rawValue) has no shape", at: shape, path: path, hint: "write ways: 4")
      return nil
    }
    if let ways = block["ways"] {
      fields.fail("both 'ways' and 'shape' are given", at: ways, path: path, hint: "leave 'ways' out")
    }
    guard let items = fields.list(shape, path: path) else { return nil }
    guard 1...8 ~= items.count else {
      fields.fail("a shape has 1 to 8 extents, not \(items.count)", at: shape, path: path)
      return nil
    }
    var extents: [Int] = []
    for (index, item) in items.enumerated() {
      if let extent = fields.integer(item, path: "\(path)[\(index)]", 2...limit) { extents.append(extent) }
    }
    return extents.count == items.count ? extents : nil
  }

  /// Reads `attach:`: the name of a device or switch that listed links join to every device of the mesh, or
  /// `{to, bandwidth, latency, duplex}`, which makes a switch `mesh-root`, a link from it to each device of
  /// the mesh, and a link to the named end, all alike.
  private mutating func readAttachment(_ node: YAMLNode, of mesh: [Int]) {
    let path = "mesh.attach"
    guard case .mapping = node.content else {
      guard let text = fields.text(node, path: path) else { return }
      guard isEnd(text) else {
        fields.fail(
          "no device or switch is named '\(text.shortened)'", at: node, path: path,
          hint: FieldReader.hint(for: text, among: groups.map(\.key) + switches))
        return
      }
      checkAttachment(to: text, of: mesh, at: node, path: path)
      return
    }
    guard
      let block = fields.block(
        node, path: path, required: ["to", "bandwidth", "latency", "duplex"],
        optional: ["energy", "moved-by", "source"])
    else { return }
    readSource(of: block, required: true)
    let connection = readConnection(in: block)
    guard let ends = readEnd("to", in: block), let connection else { return }
    let meshEnds = Set(mesh.map { Endpoint.device(DeviceID($0)) })
    guard meshEnds.isDisjoint(with: ends) else {
      fields.fail("the mesh is attached to its own device", at: node, path: path)
      return
    }
    switches.append(Self.meshRoot)
    let root = Endpoint.switch(switches.count - 1)
    guard links.count + 2 * (mesh.count + ends.count) <= Self.linkLimit else {
      fields.fail("there are more than \(Self.linkLimit) links", at: node, path: path)
      return
    }
    for id in mesh { _ = connect(.device(DeviceID(id)), root, connection) }
    for end in ends { _ = connect(root, end, connection) }
  }

  private func isEnd(_ name: String) -> Bool {
    switches.contains(name) || groups.contains { $0.key == name }
  }

  /// Notes the keys of the mesh that no listed link leaves.
  private mutating func checkAttachment(to name: String, of mesh: [Int], at node: YAMLNode, path: String) {
    var linked: Set<Int> = []
    for link in links {
      if case .device(let device) = link.from { linked.insert(device.index) }
    }
    let unlinked = Set(mesh).subtracting(linked)
    for group in groups where group.ids.contains(where: unlinked.contains) {
      fields.fail(
        "no link is listed for '\(group.key)', which is attached to '\(name)'", at: node, path: path,
        hint: "list one, or write attach: {to: \(name), bandwidth: …, latency: …, duplex: …}")
    }
  }
}
