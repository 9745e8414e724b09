import Diagnostics
import Units

/// Reads the fields of a document one by one and collects every fault, so that one run reports all of them.
///
/// A field that is absent or wrong reads as nil; the caller goes on, and at the end no fault may be left.
struct FieldReader {
  /// A mapping whose keys have been checked.
  struct Block {
    /// Where it stands in the document, such as `devices.npu`.
    let path: String
    let node: YAMLNode
    fileprivate let entries: [YAMLNode.Entry]

    /// The value of a key, if it is there.
    subscript(key: String) -> YAMLNode? { entries.first { $0.key == key }?.value }
    /// The keys in the order of the file.
    var keys: [YAMLNode.Entry] { entries }
  }

  /// The most faults that are collected; the rest is left for the next run.
  static let diagnosticLimit = 100

  let file: String
  /// The path of the field that is read as twice what it is.
  let doubled: String?
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var warnings: [Diagnostic] = []
  private(set) var fields: [PhysicsField] = []

  init(file: String, doubled: String?) {
    self.file = file
    self.doubled = doubled
  }

  // MARK: Faults

  /// The place of a node.
  func location(line: Int, column: Int, path: String) -> SourceLocation {
    SourceLocation(file: file, line: line, column: column, part: path.isEmpty ? nil : path)
  }

  /// Notes a fault at a node.
  mutating func fail(
    _ message: String, at node: YAMLNode, path: String, hint: @autoclosure () -> String? = nil
  ) {
    fail(message, at: location(line: node.line, column: node.column, path: path), hint: hint())
  }

  /// Notes a fault at a place.
  ///
  /// A hint costs a search among names, so beyond the limit none is made.
  mutating func fail(_ message: String, at place: SourceLocation, hint: @autoclosure () -> String? = nil) {
    guard diagnostics.count < FieldReader.diagnosticLimit else { return }
    diagnostics.append(Diagnostic(.badMachine, message, at: place, hint: hint()))
  }

  /// Notes something doubtful at a node.
  mutating func warn(_ message: String, at node: YAMLNode, path: String, hint: String? = nil) {
    guard warnings.count < FieldReader.diagnosticLimit else { return }
    let place = location(line: node.line, column: node.column, path: path)
    warnings.append(Diagnostic(.badMachine, message, at: place, hint: hint))
  }

  // MARK: Structure

  /// Opens a mapping, whose keys must be among `required` and `optional`, with all that are required.
  mutating func block(
    _ node: YAMLNode, path: String, required: [String], optional: [String] = []
  ) -> Block? {
    guard let block = openBlock(node, path: path) else { return nil }
    let legal = required + optional
    for entry in block.entries where !legal.contains(entry.key) {
      let place = location(line: entry.line, column: entry.column, path: path)
      fail(
        "unknown key '\(entry.key.shortened)'", at: place,
        hint: FieldReader.hint(for: entry.key, among: legal))
    }
    for key in required where block[key] == nil {
      fail("the key '\(key)' is missing", at: node, path: path, hint: FieldReader.hint(forMissing: key))
    }
    return block
  }

  /// Opens a mapping with any keys.
  mutating func openBlock(_ node: YAMLNode, path: String) -> Block? {
    guard case .mapping(let entries) = node.content else {
      fail("expected a mapping, found \(node.kind)", at: node, path: path)
      return nil
    }
    return Block(path: path, node: node, entries: entries)
  }

  /// The items of a list; nil where the node is none.
  mutating func list(_ node: YAMLNode, path: String) -> [YAMLNode]? {
    guard case .sequence(let items) = node.content else {
      fail("expected a list, found \(node.kind)", at: node, path: path)
      return nil
    }
    return items
  }

  /// The nearest of the legal names, or the first of them.
  static func hint(for name: String, among legal: [String]) -> String {
    suggestion(for: name.shortened, among: Array(legal.prefix(256)))
      ?? "legal: " + legal.prefix(20).joined(separator: ", ")
  }

  private static func hint(forMissing key: String) -> String? {
    switch key {
    case "efficiency": "write the fraction of the peak that is reached, or 1 for all of it"
    case "launch": "write the time that each task costs before it starts, or 0 s"
    case "latency": "write the time of one hop, or 0 s"
    default: nil
    }
  }

  // MARK: Text and counts

  /// Text that is not empty.
  mutating func text(_ key: String, in block: Block) -> String? {
    guard let node = block[key] else { return nil }
    return text(node, path: block.path(key))
  }

  /// Text that is not empty.
  mutating func text(_ node: YAMLNode, path: String) -> String? {
    guard case .scalar(let text) = node.content, !text.isEmpty else {
      fail("expected text, found \(node.kind)", at: node, path: path)
      return nil
    }
    guard text.utf8.count <= 4096 else {
      fail("the text has \(text.utf8.count) bytes; at most 4096 are read", at: node, path: path)
      return nil
    }
    return text
  }

  /// A whole number within bounds.
  mutating func integer(_ key: String, in block: Block, _ range: ClosedRange<Int>) -> Int? {
    guard let node = block[key] else { return nil }
    return integer(node, path: block.path(key), range)
  }

  /// A whole number within bounds.
  mutating func integer(_ node: YAMLNode, path: String, _ range: ClosedRange<Int>) -> Int? {
    guard case .scalar(let text) = node.content, !text.isEmpty, text.utf8.count <= 18,
      text.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let value = Int(text)
    else {
      fail("expected a whole number, found \(node.kind)", at: node, path: path)
      return nil
    }
    guard range ~= value else {
      fail("\(value) is outside \(range.lowerBound) to \(range.upperBound)", at: node, path: path)
      return nil
    }
    return value
  }

  /// One of a closed set of names.
  mutating func choice<Choice: RawRepresentable & CaseIterable>(
    _ key: String, in block: Block, _ type: Choice.Type
  ) -> Choice? where Choice.RawValue == String {
    guard let node = block[key], let text = text(node, path: block.path(key)) else { return nil }
    if let choice = Choice(rawValue: text) { return choice }
    let legal = Choice.allCases.map(\.rawValue)
    let nearest = nearestName(to: text.shortened, among: legal).map { "did you mean '\($0)'? " } ?? ""
    fail(
      "'\(text.shortened)' is not a legal \(key)", at: node, path: block.path(key),
      hint: nearest + "legal: " + legal.joined(separator: ", "))
    return nil
  }

  // MARK: Physics

  /// A quantity with its unit, within bounds given in base units.
  mutating func quantity<Value: Quantity>(
    _ key: String, in block: Block, _ range: ClosedRange<Double>
  ) -> Value? {
    guard let node = block[key] else { return nil }
    let path = block.path(key)
    guard
      let value: Value = parse(node, path: path, { text throws(QuantityError) in try Value(parsing: text) })
    else { return nil }
    guard range ~= value.value else {
      let (low, high) = (Value(range.lowerBound), Value(range.upperBound))
      fail("'\(value)' is outside \(low) to \(high)", at: node, path: path)
      return nil
    }
    return note(path, node, isZero: value.value == 0) ? value * 2 : value
  }

  /// An amount of data with its unit.
  mutating func bytes(_ key: String, in block: Block, _ range: ClosedRange<Bytes>) -> Bytes? {
    guard let node = block[key] else { return nil }
    let path = block.path(key)
    guard let value = parse(node, path: path, { text throws(QuantityError) in try Bytes(parsing: text) })
    else { return nil }
    guard range ~= value else {
      fail("'\(value)' is outside \(range.lowerBound) to \(range.upperBound)", at: node, path: path)
      return nil
    }
    return note(path, node, isZero: false) ? value * 2 : value
  }

  /// A bare fraction above zero, at most one; halved where others are doubled, so that it stays one.
  mutating func fraction(_ key: String, in block: Block) -> Double? {
    guard let node = block[key] else { return nil }
    let path = block.path(key)
    guard let value = fraction(node, path: path) else { return nil }
    return note(path, node, isZero: false) ? value / 2 : value
  }

  /// A bare fraction above zero, at most one, that is not a field of its own.
  mutating func fraction(_ node: YAMLNode, path: String) -> Double? {
    guard case .scalar(let text) = node.content, text.utf8.count <= 32,
      text.utf8.allSatisfy({ 0x30...0x39 ~= $0 || $0 == UInt8(ascii: ".") }), let value = Double(text)
    else {
      fail(
        "expected a fraction, found \(node.kind)", at: node, path: path,
        hint: "write a number above 0 and at most 1, such as 0.8")
      return nil
    }
    guard value >= 1e-6, value <= 1 else {
      fail("\(text) is outside 0.000001 to 1", at: node, path: path)
      return nil
    }
    return value
  }

  /// Notes a field of physics, and says whether it is the one to be doubled.
  ///
  /// Zero stays out of the fields: twice nothing is nothing, so that doubling it says nothing.
  mutating func note(_ path: String, _ node: YAMLNode, isZero: Bool) -> Bool {
    if !isZero { fields.append(PhysicsField(path: path, line: node.line)) }
    return path == doubled
  }

  /// Reads the text of a quantity and turns what is wrong into a fault.
  mutating func parse<Value>(
    _ node: YAMLNode, path: String, _ read: (String) throws(QuantityError) -> Value
  ) -> Value? {
    guard case .scalar(let text) = node.content, !text.isEmpty else {
      fail("expected a number with its unit, found \(node.kind)", at: node, path: path)
      return nil
    }
    do {
      return try read(text)
    } catch {
      let units = "legal units: " + error.legalUnits.joined(separator: ", ")
      let hint: String?
      switch error.problem {
      case .unknownUnit(let unit):
        let nearest = nearestName(to: unit.shortened, among: error.legalUnits)
        hint = (nearest.map { "did you mean '\($0)'? " } ?? "") + units
      case .notANumber, .missingUnit: hint = units
      case .negative, .tooLarge, .tooSmall, .notWhole: hint = nil
      }
      fail(error.message.printable(200), at: node, path: path, hint: hint)
      return nil
    }
  }
}

extension FieldReader.Block {
  /// The path of a key of the block.
  func path(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
