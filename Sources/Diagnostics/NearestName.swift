/// Returns the legal name nearest to a misspelt one, or nil where none is near.
///
/// Near means a Levenshtein distance of at most a third of the longer name, and at least one.
///
/// - Complexity: O(names × length²).
public func nearestName(to name: String, among legal: [String]) -> String? {
  var best: (name: String, distance: Int)?
  for candidate in legal {
    let distance = editDistance(Array(name.utf8), Array(candidate.utf8))
    if distance < (best?.distance ?? Int.max) { best = (candidate, distance) }
  }
  guard let best else { return nil }
  let longest = max(name.utf8.count, best.name.utf8.count)
  return best.distance <= max(1, longest / 3) ? best.name : nil
}

/// Returns the question whether the nearest legal name was meant, or nil where none is near.
public func suggestion(for name: String, among legal: [String]) -> String? {
  nearestName(to: name, among: legal).map { "did you mean '\($0)'?" }
}

private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
  var row = Array(0...right.count)
  for (i, byte) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in right.indices {
      let substituted = diagonal + (byte == right[j] ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[right.count]
}
