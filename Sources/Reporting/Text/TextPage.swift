/// A report for a terminal, line by line.
struct TextPage {
  private var lines: [String] = []

  /// The report with a line break at its end.
  var text: String { lines.map { $0 + "\n" }.joined() }

  /// Adds the first line, cut where a name in it is too long.
  mutating func title(_ text: String) { lines += TextTable.broken(text, width: TextTable.width) }

  /// Adds a heading after an empty line.
  mutating func heading(_ text: String) { lines += ["", text] }

  /// Adds lines that belong under a heading.
  mutating func add(_ more: [String]) { lines += more }

  /// Adds a table under a heading, or nothing where the table is empty.
  mutating func section(_ heading: String, _ table: TextTable) {
    guard !table.rows.isEmpty else { return }
    self.heading(heading)
    add(table.lines())
  }

  /// Adds sentences under a heading, one for each dash, or nothing where there are none.
  mutating func section(_ heading: String, sentences: [String]) {
    guard !sentences.isEmpty else { return }
    self.heading(heading)
    for sentence in sentences {
      for (index, line) in TextTable.broken(sentence, width: TextTable.width - 4).enumerated() {
        lines.append((index == 0 ? "  - " : "    ") + line)
      }
    }
  }

  /// Adds pairs of a term and its value.
  mutating func facts(_ facts: [(String, String)]) {
    add(TextTable(columns: [.words(""), .words("")], rows: facts.map { [$0.0, $0.1] }).lines())
  }
}

/// How much a text report shows.
public enum Detail: Hashable, Sendable {
  /// The result alone.
  case brief
  /// What fits a screen or two; long lists are shortened, and say so.
  case normal
  /// Everything.
  case full
}
