import Diagnostics
import Units

extension MachineReader {
  /// What a connection says of itself, whether a link or a level.
  struct Connection {
    let bandwidth: BytesPerSecond
    let duplex: Duplex
    let latency: Seconds
    let energy: JoulesPerByte?
    let mover: Mover
  }

  /// Reads `links:`, a list of connections between devices and switches.
  ///
  /// A key of several devices stands for one link from each of them; `key[2]` stands for one device.
  mutating func readLinks(_ node: YAMLNode) {
    guard let items = fields.list(node, path: "links") else { return }
    for (index, item) in items.enumerated() {
      let path = "links[\(index)]"
      guard
        let block = fields.block(
          item, path: path, required: ["from", "to", "bandwidth", "latency", "duplex"],
          optional: ["energy", "moved-by", "source"])
      else { continue }
      readSource(of: block, required: true)
      let connection = readConnection(in: block)
      let from = readEnd("from", in: block)
      let to = readEnd("to", in: block)
      guard let connection, let from, let to else { continue }
      if from.count > 1 && to.count > 1 {
        fields.fail(
          "both ends are several devices", at: item, path: path,
          hint: "join each side to a switch, or name single devices such as gpu[0]")
        continue
      }
      for start in from {
        for end in to where !connect(start, end, connection) {
          fields.fail("the link joins '\(name(of: start))' to itself", at: item, path: path)
        }
      }
      guard links.count <= Self.linkLimit else {
        fields.fail("there are more than \(Self.linkLimit) links", at: item, path: path)
        return
      }
    }
  }

  /// Reads bandwidth, latency, duplex, energy and who moves the data.
  mutating func readConnection(in block: FieldReader.Block) -> Connection? {
    let bandwidth: BytesPerSecond? = fields.quantity("bandwidth", in: block, 1...1e18)
    let latency: Seconds? = fields.quantity("latency", in: block, 0...1000)
    let duplex = fields.choice("duplex", in: block, Duplex.self)
    let energy: JoulesPerByte? = fields.quantity("energy", in: block, 0...1)
    guard let bandwidth, let latency, let duplex else { return nil }
    let mover = block["moved-by"] == nil ? .links : fields.choice("moved-by", in: block, Mover.self)
    guard let mover else { return nil }
    return Connection(
      bandwidth: bandwidth, duplex: duplex, latency: latency, energy: energy, mover: mover)
  }

  /// Reads the name of one end: a key, a device of a key, or a switch.
  mutating func readEnd(_ key: String, in block: FieldReader.Block) -> [Endpoint]? {
    guard let text = fields.text(key, in: block), let node = block[key] else { return nil }
    if let index = switches.firstIndex(of: text) { return [.switch(index)] }
    if let group = groups.first(where: { $0.key == text }) {
      return group.ids.map { .device(DeviceID($0)) }
    }
    if text.last == "]", let bracket = text.firstIndex(of: "[") {
      let number = text[text.index(after: bracket)...].dropLast()
      if let group = groups.first(where: { $0.key == text[..<bracket] }), number.utf8.count <= 6,
        number.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let index = Int(number), index < group.count
      {
        return [.device(DeviceID(group.first + index))]
      }
    }
    fields.fail(
      "no device or switch is named '\(text.shortened)'", at: node, path: block.path(key),
      hint: FieldReader.hint(for: text, among: groups.map(\.key) + switches))
    return nil
  }

  /// Adds the two directions of a connection; false where both ends are one.
  mutating func connect(_ start: Endpoint, _ end: Endpoint, _ connection: Connection) -> Bool {
    guard start != end else { return false }
    let (startName, endName) = (name(of: start), name(of: end))
    let there = unique("\(startName)→\(endName)")
    let back = unique("\(endName)→\(startName)")
    let wire = wireNames.count
    switch connection.duplex {
    case .half: wireNames.append(unique("\(startName)↔\(endName)"))
    case .full: wireNames += [there, back]
    }
    func link(_ name: String, _ from: Endpoint, _ to: Endpoint, wire: Int) -> Link {
      Link(
        name: name, from: from, to: to, bandwidth: connection.bandwidth, latency: connection.latency,
        energy: connection.energy, wire: wire, mover: connection.mover)
    }
    links.append(link(there, start, end, wire: wire))
    links.append(link(back, end, start, wire: connection.duplex == .half ? wire : wire + 1))
    return true
  }

  /// The name of an end for links and messages.
  func name(of endpoint: Endpoint) -> String {
    switch endpoint {
    case .switch(let index): switches[index]
    case .device(let device): deviceNames[device.index]
    }
  }

  /// A name that no other link has: a second one between the same ends gets `#2`.
  private mutating func unique(_ name: String) -> String {
    linkNames[name, default: 0] += 1
    let uses = linkNames[name, default: 1]
    return uses == 1 ? name : "\(name)#\(uses)"
  }
}
