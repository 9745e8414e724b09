import Diagnostics
import Units

extension MachineReader {
  /// The most tables, points of an axis, and rates of a table.
  private static let tableLimit = 512
  private static let pointLimit = 64
  private static let rateLimit = 65_536

  /// Reads `rates:`, a list of tables, one for each kernel, phase, window, stride, filling and number of
  /// devices.
  ///
  /// All rates are one number of physics: doubled together, they keep what they say of each other.
  mutating func readRates(_ node: YAMLNode, path: String) -> KernelRates? {
    guard let items = fields.list(node, path: path) else { return nil }
    if items.isEmpty { fields.fail("the list of tables is empty", at: node, path: path) }
    let factor = fields.note(path, node, isZero: items.isEmpty) ? 2.0 : 1
    var tables: [RateTable] = []
    for (index, item) in items.enumerated() {
      guard index < Self.tableLimit else {
        fields.fail("there are more than \(Self.tableLimit) tables", at: item, path: path)
        return nil
      }
      guard let table = readTable(item, path: "\(path)[\(index)]") else { continue }
      let isKnown = tables.contains {
        $0.kernel == table.kernel && $0.phase == table.phase && $0.window == table.window
          && $0.stride == table.stride && $0.filling == table.filling && $0.devices == table.devices
      }
      if isKnown {
        fields.fail(
          "'\(table.kernel.rawValue)' has two tables of the phase, window, stride, filling and devices",
          at: item, path: "\(path)[\(index)]")
      }
      tables.append(factor == 1 ? table : table.scaled(by: factor))
    }
    return KernelRates(tables)
  }

  private mutating func readTable(_ node: YAMLNode, path: String) -> RateTable? {
    guard
      let block = fields.block(
        node, path: path, required: ["kernel", "phase", "extents", "rates"],
        optional: ["window", "stride", "blocks", "filling", "devices", "source"])
    else { return nil }
    readSource(of: block, required: false)
    let kernel = fields.choice("kernel", in: block, RatedKernel.self)
    let phase = fields.choice("phase", in: block, RatedPhase.self)
    let window = block["window"] == nil ? 1 : fields.integer("window", in: block, 1...1_000_000)
    let stride = block["stride"] == nil ? 1 : fields.integer("stride", in: block, 1...65_536)
    let filling =
      block["filling"] == nil ? .whole : fields.choice("filling", in: block, RateTable.Filling.self)
    let devices = block["devices"] == nil ? 1 : fields.integer("devices", in: block, 1...1_000_000)
    guard let extents = block["extents"], let ratesNode = block["rates"] else { return nil }
    var blocks: [RateExtent: Int] = [:]
    if let node = block["blocks"] {
      guard let read = readBlocks(node, path: block.path("blocks")) else { return nil }
      blocks = read
    }
    let axes = readAxes(extents, blocks, path: block.path("extents"))
    let rates = readRows(ratesNode, path: block.path("rates"))
    guard let kernel, let phase, let window, let stride, let filling, let devices, let axes, let rates
    else { return nil }
    let count = axes.reduce(1) { $0 * $1.points.count }
    guard rates.values.count == count else {
      let product = axes.map { "\($0.points.count)" }.joined(separator: " × ")
      fields.fail(
        "there are \(rates.values.count) rates for \(product) = \(count) points of the extents",
        at: ratesNode,
        path: block.path("rates"))
      return nil
    }
    return RateTable(
      kernel: kernel, phase: phase, window: window, stride: stride, filling: filling, devices: devices,
      unit: rates.unit, axes: axes, rates: rates.values)
  }

  /// Reads `extents:`, a mapping from extents to their points.
  private mutating func readAxes(
    _ node: YAMLNode, _ blocks: [RateExtent: Int], path: String
  ) -> [RateTable.Axis]? {
    let legal = RateExtent.allCases.map(\.rawValue)
    guard let block = fields.block(node, path: path, required: [], optional: legal) else { return nil }
    var axes: [RateTable.Axis] = []
    var isWhole = true
    var count = 1
    for entry in block.keys {
      guard let extent = RateExtent(rawValue: entry.key) else { continue }
      let points = readPoints(entry.value, path: block.path(entry.key))
      count *= max(1, points?.count ?? 1)
      guard let points, count <= Self.rateLimit else {
        if count > Self.rateLimit {
          fields.fail("the extents have more than \(Self.rateLimit) points", at: node, path: path)
          return nil
        }
        isWhole = false
        continue
      }
      axes.append(RateTable.Axis(extent, points, block: blocks[extent] ?? 1))
    }
    return isWhole ? axes : nil
  }

  /// Reads `blocks:`, a mapping from extents to the blocks in which kernels compute them.
  private mutating func readBlocks(_ node: YAMLNode, path: String) -> [RateExtent: Int]? {
    let legal = RateExtent.allCases.map(\.rawValue)
    guard let block = fields.block(node, path: path, required: [], optional: legal) else { return nil }
    var blocks: [RateExtent: Int] = [:]
    for entry in block.keys {
      guard let extent = RateExtent(rawValue: entry.key),
        let size = fields.integer(entry.key, in: block, 1...65_536)
      else { return nil }
      blocks[extent] = size
    }
    return blocks
  }

  private mutating func readPoints(_ node: YAMLNode, path: String) -> [Int]? {
    guard let items = fields.list(node, path: path) else { return nil }
    guard 1...Self.pointLimit ~= items.count else {
      fields.fail(
        "\(items.count) points: an extent has 1 to \(Self.pointLimit)", at: node, path: path)
      return nil
    }
    var points: [Int] = []
    for (index, item) in items.enumerated() {
      guard let point = fields.integer(item, path: "\(path)[\(index)]", 1...1_000_000_000_000) else {
        return nil
      }
      if let last = points.last, last >= point {
        fields.fail("\(point) does not exceed the point before, \(last)", at: item, path: "\(path)[\(index)]")
        return nil
      }
      points.append(point)
    }
    return points
  }

  /// Reads rows of numbers, each with its unit at the end: `12.5 31 44 GFLOP/s`.
  private mutating func readRows(
    _ node: YAMLNode, path: String
  ) -> (values: [Double], unit: RateTable.Unit)? {
    guard let items = fields.list(node, path: path) else { return nil }
    var values: [Double] = []
    var unit: RateTable.Unit?
    for (index, item) in items.enumerated() {
      guard let row = readRow(item, path: "\(path)[\(index)]") else { return nil }
      if let unit, row.unit != unit {
        fields.fail(
          "rates of operations and of bytes stand in one table", at: item, path: "\(path)[\(index)]")
        return nil
      }
      unit = row.unit
      values += row.values
      guard values.count <= Self.rateLimit else {
        fields.fail("there are more than \(Self.rateLimit) rates", at: node, path: path)
        return nil
      }
    }
    guard let unit else {
      fields.fail("the list of rates is empty", at: node, path: path)
      return nil
    }
    return (values, unit)
  }

  private mutating func readRow(
    _ node: YAMLNode, path: String
  ) -> (values: [Double], unit: RateTable.Unit)? {
    guard let text = fields.text(node, path: path) else { return nil }
    let words = text.split(separator: " ").map(String.init)
    guard words.count >= 2, let name = words.last else {
      fields.fail(
        "expected rates with their unit, found \(node.kind)", at: node, path: path,
        hint: "write the numbers and then the unit, such as 12.5 31 44 GFLOP/s")
      return nil
    }
    var values: [Double] = []
    let isOfBytes = name.hasSuffix("B/s") || name.hasSuffix("b/s")
    for word in words.dropLast() {
      let written = YAMLNode(content: .scalar("\(word) \(name)"), line: node.line, column: node.column)
      let value =
        isOfBytes
        ? fields.parse(written, path: path) { text throws(QuantityError) in
          try BytesPerSecond(parsing: text).value
        }
        : fields.parse(written, path: path) { text throws(QuantityError) in
          try FLOPsPerSecond(parsing: text).value
        }
      guard let value else { return nil }
      guard 1...1e21 ~= value else {
        fields.fail("'\(word) \(name)' is outside 1 to 10²¹ each second", at: node, path: path)
        return nil
      }
      values.append(value)
    }
    return (values, isOfBytes ? .bytes : .operations)
  }
}
