/// A table of aligned columns that fits the width of a terminal.
struct TextTable {
  /// The most columns of a line.
  static let width = 100

  /// One column.
  struct Column {
    /// On which side cells of unequal length line up.
    enum Alignment {
      case left, right
    }

    let title: String
    let alignment: Alignment

    /// Creates a column of words.
    static func words(_ title: String) -> Column { Column(title: title, alignment: .left) }
    /// Creates a column of numbers.
    static func numbers(_ title: String) -> Column { Column(title: title, alignment: .right) }
  }

  let columns: [Column]
  var rows: [[String]] = []

  /// The fewest characters that remain of a cell that is cut.
  private static let least = 8
  /// The longest word that a column of words makes room for before others have to give way.
  private static let longWord = 32

  /// Returns the lines of the table, two spaces indented; none where it has no rows.
  ///
  /// Where the table is too wide, columns of words continue on further lines, the widest first. Only where
  /// single words are too long, the widest columns are cut in the middle.
  func lines() -> [String] {
    guard !rows.isEmpty else { return [] }
    let header = columns.map(\.title)
    let content = [header] + rows
    var widths = columns.indices.map { column in content.map { $0[column].count }.max() ?? 0 }
    let narrowest = columns.indices.map { column in
      guard columns[column].alignment == .left else { return widths[column] }
      let words = content.flatMap { $0[column].split(separator: " ").map(\.count) }
      return min(words.max() ?? 0, TextTable.longWord)
    }
    let separators = 2 * columns.count
    for floors in [narrowest, columns.map { _ in TextTable.least }] {
      while widths.reduce(separators, +) > TextTable.width,
        let widest = widths.indices.filter({ widths[$0] > floors[$0] }).max(by: { widths[$0] < widths[$1] })
      {
        widths[widest] -= 1
      }
    }
    var lines: [String] = []
    for row in header.allSatisfy(\.isEmpty) ? rows : content { lines += wrapped(row, widths: widths) }
    return lines
  }

  private func wrapped(_ row: [String], widths: [Int]) -> [String] {
    let cells = columns.indices.map { column in
      columns[column].alignment == .left
        ? TextTable.broken(row[column], width: widths[column])
        : [TextTable.cut(row[column], width: widths[column])]
    }
    return (0..<(cells.map(\.count).max() ?? 0)).map { number in
      var line = ""
      for (column, parts) in cells.enumerated() {
        let text = number < parts.count ? parts[number] : ""
        let space = String(repeating: " ", count: widths[column] - text.count)
        line += "  " + (columns[column].alignment == .left ? text + space : space + text)
      }
      return TextTable.trimmed(line)
    }
  }

  /// Returns the text with its middle left out where it is too long: both ends of a name tell it from others.
  static func cut(_ text: String, width: Int) -> String {
    guard text.count > width else { return text }
    let tail = (width - 1) / 2
    return "\(text.prefix(width - 1 - tail))…\(text.suffix(tail))"
  }

  /// Returns the text as lines of at most `width` characters, broken at spaces; at least one line.
  ///
  /// What fits stays as it is, with the spaces that it begins with.
  static func broken(_ text: String, width: Int) -> [String] {
    guard text.count > width else { return [text] }
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if line.isEmpty {
        line = String(word)
      } else if line.count + 1 + word.count <= width {
        line += " \(word)"
      } else {
        lines.append(line)
        line = String(word)
      }
    }
    return (lines + [line]).map { cut($0, width: width) }
  }

  private static func trimmed(_ line: String) -> String {
    var line = line
    while line.last == " " { line.removeLast() }
    return line
  }
}
