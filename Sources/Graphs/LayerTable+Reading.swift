public import Diagnostics

/// Returns the graph of a layer table in CSV form for a global mini-batch.
///
/// The graph is named after the file. The columns and rules are those of ``LayerTable``.
///
/// - Parameters:
///   - csv: The text of the file.
///   - file: The file's name as the user wrote it, for messages.
///   - batch: The global mini-batch.
/// - Throws: `InputError` with every fault of the text, each with line and column.
public func readLayerTable(csv: String, file: String, batch: Int) throws(InputError) -> Graph {
  let table = try LayerTable(csv: csv, file: file)
  var name = file.split(separator: "/").last.map(String.init) ?? file
  if name.hasSuffix(".csv") && name.utf8.count > 4 { name.removeLast(4) }
  return try table.graph(name: name, batch: batch)
}

extension LayerTable {
  /// The most layers of a table.
  public static let largestLayerCount = 4096

  /// Reads a table from CSV.
  ///
  /// Lines that are empty or begin with `#` say nothing; spaces around a value do not count; a value is
  /// never quoted. The first other line names the columns.
  ///
  /// - Parameters:
  ///   - csv: The text.
  ///   - file: The file's name as the user wrote it, for messages.
  /// - Throws: `InputError` with every fault, each with line and column.
  public init(csv: String, file: String) throws(InputError) {
    var reader = LayerTableReader(file: file)
    reader.read(csv)
    if reader.faults.isEmpty && reader.layers.isEmpty {
      reader.fault(
        "the table has no layers", line: nil, column: nil,
        hint: "begin with the line “\(Column.legal.joined(separator: ","))”, then one line for each layer")
    }
    guard reader.faults.isEmpty else { throw InputError(reader.faults) }
    self.init(layers: reader.layers)
  }
}

extension LayerTable.Column {
  fileprivate static let legal = allCases.map(\.rawValue)
}

/// Reads line by line and collects the faults, so that one run shows them all.
private struct LayerTableReader {
  /// A value and the column where it begins, from one.
  private struct Field {
    let text: String
    let column: Int
  }

  let file: String
  private(set) var layers: [LayerTable.Layer] = []
  private(set) var faults: [Diagnostic] = []
  private var columns: [LayerTable.Column]?
  /// The line of each name.
  private var names: [String: Int] = [:]
  /// The layer of the row before, if it could be read.
  private var previous: LayerTable.Layer?
  /// Those of every tensor with a batch of one, in all.
  private var elements = 0

  init(file: String) { self.file = file }

  /// Further faults help nobody, and a hostile file could bring millions.
  private static let mostFaults = 50

  mutating func read(_ csv: String) {
    // Scalars, because a carriage return and a line feed are one character.
    var rest = csv.unicodeScalars[...]
    if rest.first == "\u{FEFF}" { rest.removeFirst() }
    var number = 0
    while !rest.isEmpty {
      let text = rest.prefix { $0 != "\n" }
      rest = rest[text.endIndex...].dropFirst()
      number += 1
      guard faults.count < Self.mostFaults else { return }
      let line = text.last == "\r" ? text.dropLast() : text
      guard let first = line.first(where: { !isBlank($0) }), first != "#" else { continue }
      let fields = Self.fields(of: line)
      if columns == nil {
        guard readHeader(fields, line: number) else { return }
      } else {
        guard layers.count < LayerTable.largestLayerCount else {
          return fault("more than \(LayerTable.largestLayerCount) layers", line: number, column: 1)
        }
        readLayer(fields, line: number)
      }
    }
  }

  mutating func fault(_ message: String, line: Int?, column: Int?, hint: String? = nil) {
    faults.append(
      Diagnostic(
        .badModel, message, at: SourceLocation(file: file, line: line, column: column), hint: hint))
  }

  private static func fields(of line: Substring.UnicodeScalarView) -> [Field] {
    var fields: [Field] = []
    var column = 1
    // No more than it takes to see that there are too many.
    let parts = line.split(
      separator: ",", maxSplits: 2 * LayerTable.Column.legal.count, omittingEmptySubsequences: false)
    for part in parts {
      let leading = part.prefix { isBlank($0) }.count
      var text = part.dropFirst(leading)
      while let last = text.last, isBlank(last) { text.removeLast() }
      fields.append(Field(text: String(text), column: column + (text.isEmpty ? 0 : leading)))
      column += part.count + 1
    }
    return fields
  }

  /// Returns whether the rows below can be read.
  private mutating func readHeader(_ fields: [Field], line: Int) -> Bool {
    var columns: [LayerTable.Column] = []
    guard fields.contains(where: { LayerTable.Column(rawValue: $0.text) != nil }) else {
      fault(
        "the first line does not name the columns", line: line, column: fields.first?.column,
        hint: "begin with the line “\(LayerTable.Column.legal.joined(separator: ","))”")
      return false
    }
    for field in fields {
      guard let column = LayerTable.Column(rawValue: field.text) else {
        fault(
          "there is no column “\(shown(field.text))”", line: line, column: field.column,
          hint: nearestName(to: shown(field.text), among: LayerTable.Column.legal).map {
            "did you mean “\($0)”?"
          }
            ?? "the columns are \(LayerTable.Column.legal.joined(separator: ","))")
        guard faults.count < Self.mostFaults else { return false }
        continue
      }
      if columns.contains(column) {
        fault("the column “\(field.text)” stands twice", line: line, column: field.column)
      }
      columns.append(column)
    }
    let missing = LayerTable.Column.allCases.filter { !columns.contains($0) }
    if faults.isEmpty && !missing.isEmpty {
      fault(
        "missing columns: \(missing.map(\.rawValue).joined(separator: ", "))", line: line, column: 1,
        hint: "begin with the line “\(LayerTable.Column.legal.joined(separator: ","))”")
    }
    self.columns = columns
    return faults.isEmpty
  }

  private mutating func readLayer(_ fields: [Field], line: Int) {
    guard let columns else { return }
    guard fields.count == columns.count else {
      return fault(
        "the header names \(columns.count) columns, but the row has "
          + (fields.count > columns.count ? "more values" : "\(fields.count) values"), line: line,
        column: fields.count > columns.count ? fields[columns.count].column : 1)
    }
    let faultsBefore = faults.count
    var values: [LayerTable.Column: Field] = [:]
    for (column, field) in zip(columns, fields) { values[column] = field }

    func value(_ column: LayerTable.Column) -> Field { values[column] ?? Field(text: "", column: 1) }
    let name = readName(value(.name), line: line)
    let kind = readKind(value(.kind), line: line)
    let layer = LayerTable.Layer(
      name: name, kind: kind,
      weights: readCount(value(.weights), .weights, line: line),
      input: readCount(value(.input), .input, line: line),
      output: readCount(value(.output), .output, line: line),
      forward: readCount(value(.forward), .forward, line: line),
      error: readCount(value(.error), .error, line: line),
      weightGradient: readCount(value(.weightGradient), .weightGradient, line: line))
    // After a faulty row nothing is known of what enters the next.
    let entering = previous
    previous = faults.count == faultsBefore ? layer : nil
    guard faults.count == faultsBefore else { return }

    if let entering, entering.output != layer.input {
      fault(
        "“\(shown(layer.name))” reads \(layer.input) elements a sample, but “\(shown(entering.name))” leaves "
          + "\(entering.output)", line: line, column: value(.input).column,
        hint: "count a map on the same side of its pooling in both rows")
    }
    elements += layer.weights + layer.output + (layers.isEmpty ? layer.input : 0)
    if elements > LayerTable.largestCount {
      fault("the table's tensors are larger than 2⁴⁸ bytes", line: line, column: 1)
    }
    layers.append(layer)
  }

  private mutating func readName(_ field: Field, line: Int) -> String {
    if field.text.isEmpty {
      fault("the layer has no name", line: line, column: field.column)
    } else if field.text.unicodeScalars.contains(where: { $0 == "\"" || $0.value < 32 }) {
      fault(
        "the name \(shown(field.text).debugDescription) holds a quote or a control character", line: line,
        column: field.column, hint: "values stand as they are, without quotes")
    } else if let first = names[field.text] {
      fault(
        "the layer “\(shown(field.text))” stands twice", line: line, column: field.column,
        hint: "it already stands in line \(first)")
    } else {
      names[field.text] = line
    }
    return field.text
  }

  private mutating func readKind(_ field: Field, line: Int) -> LayerTable.Layer.Kind {
    if let kind = LayerTable.Layer.Kind(rawValue: field.text) { return kind }
    let legal = LayerTable.Layer.Kind.allCases.map(\.rawValue)
    fault(
      field.text.isEmpty ? "the layer has no kind" : "there is no kind of layer “\(shown(field.text))”",
      line: line,
      column: field.column,
      hint: nearestName(to: shown(field.text), among: legal).map { "did you mean “\($0)”?" }
        ?? "the kinds are \(legal.joined(separator: " and "))")
    return .dense
  }

  /// Returns a count, or 1 with a fault.
  private mutating func readCount(_ field: Field, _ column: LayerTable.Column, line: Int) -> Int {
    let isWork = column == .forward || column == .error || column == .weightGradient
    let largest = isWork ? 1 << 53 : LayerTable.largestCount
    let digits = field.text.utf8
    let title = column.rawValue
    func isDigits(_ text: Substring.UTF8View) -> Bool {
      !text.isEmpty && text.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
    }
    if digits.isEmpty {
      fault("“\(title)” is missing", line: line, column: field.column)
    } else if digits.first == UInt8(ascii: "-") && isDigits(digits.dropFirst()) {
      fault("“\(title)” is negative: \(shown(field.text))", line: line, column: field.column)
    } else if !isDigits(digits[...]) {
      fault(
        "“\(title)” is not a whole number: \(shown(field.text))", line: line, column: field.column,
        hint: "write digits only, such as 4096")
    } else if let count = Int(field.text), count <= largest {
      if count > 0 || isWork { return count }
      fault("“\(title)” is zero", line: line, column: field.column)
    } else {
      fault(
        "“\(title)” is larger than 2\(isWork ? "⁵³" : "⁴⁶"): \(shown(field.text))", line: line,
        column: field.column)
    }
    return 1
  }
}

/// The text as messages show it: whole, unless it is longer than any sensible value.
private func shown(_ text: String) -> String { text.count <= 40 ? text : text.prefix(40) + "…" }

private func isBlank(_ scalar: Unicode.Scalar) -> Bool { scalar == " " || scalar == "\t" }
