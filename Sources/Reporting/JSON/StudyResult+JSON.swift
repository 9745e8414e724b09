public import Documents
public import Results

extension StudyResult {
  /// The document `partita.study/1`.
  public var json: JSONValue {
    [
      "schema": "partita.study/1", "study": .string(study), "source": .string(source),
      "claims": .array(claims.map(\.json)), "assumptions": .array(assumptions.map(\.json)),
    ]
  }
}

extension Claim {
  fileprivate var json: JSONValue {
    [
      "id": .string(id), "what": .string(what), "source": .string(source),
      "published": published?.json ?? .null, "reproduced": reproduced.json, "tolerance": .number(tolerance),
      "verdict": .string(verdict.rawValue), "note": .string(note),
    ]
  }
}

extension ClaimValue {
  fileprivate var json: JSONValue {
    switch self {
    case .number(let value): .double(value)
    case .text(let text): .string(text)
    }
  }
}
