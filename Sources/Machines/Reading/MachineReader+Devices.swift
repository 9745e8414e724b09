import Diagnostics
import Units

extension MachineReader {
  /// A kind of device as files name it.
  enum Kind: String, CaseIterable {
    case processor, gpu
    case rowStationaryArray = "row-stationary-array"
    case systolicArray = "systolic-array"
    case nearStorage = "near-storage"

    /// The keys that a device of the kind needs beyond those of all kinds.
    var required: [String] {
      switch self {
      case .processor, .gpu: ["peak", "efficiency", "launch"]
      case .rowStationaryArray: ["peak", "efficiency"]
      case .systolicArray: ["rows", "columns", "clock", "dataflow"]
      case .nearStorage: ["array", "flash"]
      }
    }

    /// The keys that a device of the kind may have beyond those of all kinds.
    var optional: [String] {
      switch self {
      case .processor: ["rates", "instruction-set", "threads"]
      case .gpu: ["rates"]
      case .rowStationaryArray, .systolicArray, .nearStorage: []
      }
    }
  }

  /// How data stands in an array; one so far.
  enum Dataflow: String, CaseIterable {
    case weightStationary = "weight-stationary"
  }

  /// Reads `devices:`, a mapping from keys to devices.
  mutating func readDevices(_ node: YAMLNode) {
    guard let block = fields.openBlock(node, path: "devices") else { return }
    if block.keys.isEmpty { fields.fail("there is no device", at: node, path: "devices") }
    for entry in block.keys {
      let path = "devices.\(entry.key.shortened)"
      guard isLegalName(entry.key, line: entry.line, column: entry.column, path: "devices") else { continue }
      readDevice(entry.value, key: entry.key, path: path)
    }
  }

  private mutating func readDevice(_ node: YAMLNode, key: String, path: String) {
    let outline = fields.openBlock(node, path: path)
    let kind = outline.flatMap { readKind(in: $0) }
    var count = 1
    if let outline, outline["count"] != nil {
      count = fields.integer("count", in: outline, 1...Self.deviceLimit) ?? 1
    }
    guard deviceNames.count + count <= Self.deviceLimit else {
      fields.fail("there are more than \(Self.deviceLimit) devices", at: node, path: path)
      return
    }
    // A device with faults keeps its name, so that links to it are not faults as well.
    groups.append(
      Group(key: key, first: deviceNames.count, count: count, hasFlash: kind == nil || kind == .nearStorage))
    deviceNames += count == 1 ? [key] : (0..<count).map { "\(key)[\($0)]" }
    guard let kind,
      let block = fields.block(
        node, path: path, required: ["kind"] + kind.required + ["memory"],
        optional: ["count", "energy-per-mac", "idle-power", "source"] + kind.optional)
    else { return }
    readSource(of: block, required: true)
    let model = readModel(kind, in: block)
    let memory = block["memory"].flatMap { readMemory($0, path: block.path("memory")) }
    let energy: JoulesPerOperation? = fields.quantity("energy-per-mac", in: block, 0...1)
    let power: Watts? = fields.quantity("idle-power", in: block, 0...1e9)
    let instructionSet =
      kind == .processor ? fields.choice("instruction-set", in: block, InstructionSet.self) : nil
    let threads = kind == .processor ? fields.integer("threads", in: block, 1...1024) : nil
    guard fields.diagnostics.isEmpty, let model, let memory else { return }
    for name in deviceNames.suffix(count) {
      devices.append(
        Device(
          name: name, group: key, model: model, memory: memory,
          energyPerMultiplyAccumulate: energy, idlePower: power, instructionSet: instructionSet,
          threads: threads))
    }
  }

  private mutating func readKind(in outline: FieldReader.Block) -> Kind? {
    guard outline["kind"] != nil else {
      let legal = Kind.allCases.map(\.rawValue).joined(separator: ", ")
      fields.fail("the key 'kind' is missing", at: outline.node, path: outline.path, hint: "legal: \(legal)")
      return nil
    }
    return fields.choice("kind", in: outline, Kind.self)
  }

  /// Checks the source of a block's numbers: text, or a list of texts.
  ///
  /// Where one belongs, its absence is a warning.
  mutating func readSource(of block: FieldReader.Block, required: Bool) {
    guard let node = block["source"] else {
      if required {
        fields.warn(
          "no 'source:' says where the numbers come from", at: block.node, path: block.path,
          hint: "name the publication or datasheet, or write that they are assumed or measured")
      }
      return
    }
    guard case .sequence(let items) = node.content else {
      _ = fields.text("source", in: block)
      return
    }
    if items.isEmpty { fields.fail("the list of sources is empty", at: node, path: block.path("source")) }
    for (index, item) in items.enumerated() {
      _ = fields.text(item, path: "\(block.path("source"))[\(index)]")
    }
  }

  private mutating func readModel(_ kind: Kind, in block: FieldReader.Block) -> ComputeModel? {
    switch kind {
    case .processor, .gpu:
      let peaks = readPeaks(in: block)
      let efficiency = readEfficiency(in: block)
      let launch: Seconds? = fields.quantity("launch", in: block, 0...1)
      let rates = block["rates"].flatMap { readRates($0, path: block.path("rates")) }
      guard let peaks, let efficiency, let launch else { return nil }
      let roofline = Roofline(peaks: peaks, efficiency: efficiency, launch: launch, rates: rates)
      return kind == .gpu ? .gpu(roofline) : .processor(roofline)
    case .rowStationaryArray:
      let peaks = readPeaks(in: block)
      let efficiency = readEfficiency(in: block)
      guard let peaks, let efficiency else { return nil }
      return .rowStationaryArray(RowStationaryArray(peaks: peaks, efficiency: efficiency))
    case .systolicArray:
      return readArray(block).map { .systolicArray($0) }
    case .nearStorage:
      let array = block["array"].flatMap { node -> FieldReader.Block? in
        fields.block(
          node, path: block.path("array"), required: ["rows", "columns", "clock"],
          optional: ["dataflow", "source"])
      }
      .flatMap { readArray($0) }
      let flash = block["flash"].flatMap { readFlash($0, path: block.path("flash")) }
      guard let array, let flash else { return nil }
      return .nearStorage(array, flash)
    }
  }

  private mutating func readArray(_ block: FieldReader.Block) -> SystolicArray? {
    readSource(of: block, required: false)
    let rows = fields.integer("rows", in: block, 1...65_536)
    let columns = fields.integer("columns", in: block, 1...65_536)
    let clock: Hertz? = fields.quantity("clock", in: block, 1...1e12)
    _ = fields.choice("dataflow", in: block, Dataflow.self)
    guard let rows, let columns, let clock else { return nil }
    return SystolicArray(rows: rows, columns: columns, clock: clock)
  }

  private mutating func readPeaks(in block: FieldReader.Block) -> PeakRates? {
    guard let node = block["peak"] else { return nil }
    guard
      let peaks = fields.block(
        node, path: block.path("peak"), required: [], optional: Precision.allCases.map(\.rawValue))
    else { return nil }
    if peaks.keys.isEmpty { fields.fail("there is no peak", at: node, path: peaks.path) }
    var rates: [(Precision, FLOPsPerSecond)] = []
    for precision in Precision.allCases {
      guard let rate: FLOPsPerSecond = fields.quantity(precision.rawValue, in: peaks, 1...1e21) else {
        continue
      }
      rates.append((precision, rate))
    }
    return PeakRates(rates)
  }

  /// Reads a fraction, or a list of `{work: 1 MFLOP, fraction: 0.3}` by increasing work.
  private mutating func readEfficiency(in block: FieldReader.Block) -> EfficiencyCurve? {
    guard let node = block["efficiency"] else { return nil }
    guard case .sequence(let items) = node.content else {
      return fields.fraction("efficiency", in: block).map { EfficiencyCurve(constant: $0) }
    }
    let path = block.path("efficiency")
    if items.isEmpty { fields.fail("the list of points is empty", at: node, path: path) }
    // The points of a curve change together: one alone would put them out of order.
    let fractionScale = fields.note(path, node, isZero: items.isEmpty) ? 0.5 : 1
    let workScale = fields.note(path + ".work", node, isZero: items.isEmpty) ? 2.0 : 1
    var points: [EfficiencyCurve.Point] = []
    for (index, item) in items.enumerated() {
      let itemPath = "\(path)[\(index)]"
      guard let point = fields.block(item, path: itemPath, required: ["work", "fraction"]),
        let workNode = point["work"], let fractionNode = point["fraction"]
      else { continue }
      let work = fields.parse(workNode, path: itemPath + ".work") { text throws(QuantityError) in
        try FLOPs(parsing: text)
      }
      let fraction = fields.fraction(fractionNode, path: itemPath + ".fraction")
      guard let work, let fraction else { continue }
      guard 1...1e24 ~= work.value else {
        fields.fail("'\(work)' is outside 1 FLOP to \(FLOPs(1e24))", at: workNode, path: itemPath + ".work")
        continue
      }
      if let last = points.last, last.work >= work * workScale {
        fields.fail(
          "the work does not exceed that of the point before", at: workNode, path: itemPath + ".work")
        continue
      }
      points.append(EfficiencyCurve.Point(work: work * workScale, fraction: fraction * fractionScale))
    }
    return points.isEmpty ? nil : EfficiencyCurve(points: points)
  }

  private mutating func readMemory(_ node: YAMLNode, path: String) -> Memory? {
    guard
      let block = fields.block(
        node, path: path, required: ["capacity", "bandwidth", "efficiency"], optional: ["energy", "source"])
    else { return nil }
    readSource(of: block, required: false)
    let capacity = fields.bytes("capacity", in: block, Bytes(1)...Bytes(1 << 60))
    let bandwidth: BytesPerSecond? = fields.quantity("bandwidth", in: block, 1...1e18)
    let efficiency = fields.fraction("efficiency", in: block)
    let energy: JoulesPerByte? = fields.quantity("energy", in: block, 0...1)
    guard let capacity, let bandwidth, let efficiency else { return nil }
    return Memory(capacity: capacity, bandwidth: bandwidth, efficiency: efficiency, energy: energy)
  }

  private mutating func readFlash(_ node: YAMLNode, path: String) -> Flash? {
    guard
      let block = fields.block(
        node, path: path,
        required: ["channels", "dies-per-channel", "page", "read", "program", "bus", "efficiency"],
        optional: ["source"])
    else { return nil }
    readSource(of: block, required: false)
    let channels = fields.integer("channels", in: block, 1...65_536)
    let dies = fields.integer("dies-per-channel", in: block, 1...65_536)
    let page = fields.bytes("page", in: block, Bytes(1)...Bytes(1 << 30))
    let read: Seconds? = fields.quantity("read", in: block, 1e-9...1)
    let program: Seconds? = fields.quantity("program", in: block, 1e-9...10)
    let bus: BytesPerSecond? = fields.quantity("bus", in: block, 1...1e15)
    let efficiency = fields.fraction("efficiency", in: block)
    guard let channels, let dies, let page, let read, let program, let bus, let efficiency else { return nil }
    return Flash(
      channels: channels, diesPerChannel: dies, page: page, read: read, program: program, bus: bus,
      efficiency: efficiency)
  }
}
