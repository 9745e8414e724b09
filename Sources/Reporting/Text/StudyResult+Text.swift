public import Results

extension StudyResult {
  /// Returns the study for a terminal, at most 100 columns wide.
  ///
  /// A normal report counts the claims of a large group and shows those that miss; a full one shows all.
  public func text(_ detail: Detail = .normal) -> String {
    var page = TextPage()
    page.title("\(study): \(source)")
    let count = { (verdict: Verdict) in claims.count { $0.verdict == verdict } }
    page.facts([
      ("holds", "\(count(.holds))"), ("misses", "\(count(.misses))"), ("context", "\(count(.context))"),
    ])
    for group in Wording.runs(of: claims, by: \.group) {
      let misses = group.filter { $0.verdict == .misses }
      let isLarge = group.count > TextPage.screen
      if detail == .brief && misses.isEmpty { continue }
      let shown = detail == .full || (detail == .normal && !isLarge) ? group : misses
      let held = group.count { $0.verdict == .holds }
      let claimed = group.count { $0.verdict != .context }
      let summary =
        claimed == 0
        ? "\(Wording.number(group.count, "claim")) without a target" : "\(held) of \(claimed) hold"
      page.heading("\(group[0].group): \(summary)")
      if shown.isEmpty {
        page.add(["  each of them with --verbose"])
        continue
      }
      let columns: [TextTable.Column] = [
        .words("claim"), .numbers("published"), .numbers("reproduced"), .words("verdict"), .words("note"),
      ]
      page.add(TextTable(columns: columns, rows: shown.map(\.cells)).lines())
    }
    page.assumptions(assumptions, detail: detail)
    return page.text
  }
}

extension Claim {
  /// The figure or table that the claim belongs to: its name up to the first point.
  fileprivate var group: String { String(id.prefix { $0 != "." }) }

  fileprivate var cells: [String] {
    [id, published?.text ?? "-", reproduced.text, verdict.rawValue, note]
  }
}

extension ClaimValue {
  fileprivate var text: String {
    switch self {
    case .number(let value): Wording.rounded(value, digits: 4)
    case .text(let text): text
    }
  }
}
