public import Results
import Units

extension Inspection {
  /// Returns the inspection for a terminal, at most 100 columns wide.
  public func text(_ detail: Detail = .normal) -> String {
    var page = TextPage()
    page.title("\(model), batch \(batch)")
    page.facts([
      ("parameters", Wording.count(Double(parameters))),
      ("multiply-accumulates", "\(Wording.count(multiplyAccumulates.total)) a step"),
      ("  forward", Wording.count(multiplyAccumulates.forward)),
      ("  error", Wording.count(multiplyAccumulates.error)),
      ("  weight gradient", Wording.count(multiplyAccumulates.weightGradient)),
      ("saved activations", savedActivations.description),
    ])
    if !unsupported.isEmpty {
      page.section(
        "Unsupported operators, not counted above",
        TextTable(
          columns: [.words("kind"), .numbers("count"), .words("nodes")],
          rows: unsupported.map { [$0.kind, "\($0.nodes.count)", $0.nodes.joined(separator: ", ")] }))
    }
    guard detail != .brief else { return page.text }
    page.section(
      "Operators",
      TextTable(
        columns: [.words("kind"), .numbers("count")], rows: operators.map { [$0.kind, "\($0.count)"] }))
    // The heaviest come first in a short list; a full one follows the network.
    let shown =
      detail == .full
      ? rows
      : rows.enumerated().sorted { left, right in
        let (a, b) = (left.element.multiplyAccumulates.total, right.element.multiplyAccumulates.total)
        return a != b ? a > b : left.offset < right.offset
      }.prefix(TextPage.screen).map(\.element)
    let columns: [TextTable.Column] = [
      .words("name"), .words("kind"), .words("output"), .numbers("parameters"), .numbers("MACs"),
      .numbers("saved"),
    ]
    page.section(
      detail == .full || rows.count == shown.count ? "Every operator" : "The heaviest operators",
      TextTable(columns: columns, rows: shown.map(\.cells)))
    page.note(hidden: rows.count, detail: detail)
    return page.text
  }
}

extension Inspection.Row {
  fileprivate var cells: [String] {
    [
      name, kind, outputShape.map(String.init).joined(separator: "×"),
      parameters == 0 ? "-" : Wording.count(Double(parameters)),
      multiplyAccumulates.total == 0 ? "-" : Wording.count(multiplyAccumulates.total),
      savedActivations == .zero ? "-" : savedActivations.description,
    ]
  }
}
