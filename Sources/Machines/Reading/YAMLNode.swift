import Diagnostics
import Yams

/// A YAML document as the reader sees it: text, lists and mappings with unique names, each with its place.
struct YAMLNode {
  /// What a node holds.
  enum Content {
    case scalar(String)
    case sequence([YAMLNode])
    case mapping([Entry])
  }

  /// A key and its value, in the order of the file.
  struct Entry {
    let key: String
    let line: Int
    let column: Int
    let value: YAMLNode
  }

  let content: Content
  let line: Int
  let column: Int

  /// What the node is, for messages.
  var kind: String {
    switch content {
    case .scalar(let text): text.isEmpty ? "nothing" : "'\(text.shortened)'"
    case .sequence: "a list"
    case .mapping: "a mapping"
    }
  }
}

/// The bounds within which a machine file is read; it is untrusted.
enum YAMLLimits {
  /// One mebibyte of text.
  static let bytes = 1 << 20
  /// Nodes after aliases have been replaced.
  static let nodes = 100_000
  /// Lists and mappings inside one another.
  static let depth = 24
  /// Aliases, counted in the text before it is parsed: sixteen of them multiply a document at most 350-fold.
  static let aliases = 16
}

extension YAMLNode {
  /// Parses one document.
  ///
  /// The grammar is that of the YAML library; its own bound of nesting (1000) keeps its recursion finite.
  /// Beyond it are refused: explicit tags, keys that are not text, several documents, and more of anything
  /// than ``YAMLLimits`` allow.
  static func parse(_ yaml: String, file: String) throws(InputError) -> YAMLNode {
    func failure(_ message: String, line: Int? = nil, column: Int? = nil, hint: String? = nil) -> InputError {
      InputError(
        .badMachine, message, at: SourceLocation(file: file, line: line, column: column), hint: hint)
    }
    guard yaml.utf8.count <= YAMLLimits.bytes else {
      throw failure("the file has \(yaml.utf8.count) bytes; at most \(YAMLLimits.bytes) are read")
    }
    guard aliasCount(in: yaml) <= YAMLLimits.aliases else {
      throw failure(
        "the file has more than \(YAMLLimits.aliases) aliases (*name)", hint: "write the values out")
    }
    let root: Node?
    do {
      root = try Parser(yaml: yaml, encoding: .utf8).singleRoot()
    } catch let error as YamlError {
      throw InputError([error.diagnostic(file: file)])
    } catch {
      throw failure("the file is not YAML: \(error)")
    }
    guard let root else { throw failure("the file is empty", line: 1, column: 1) }
    var budget = YAMLLimits.nodes
    return try convert(root, file: file, depth: 0, budget: &budget)
  }

  /// How many asterisks could begin an alias; those inside comments and quotes count, too.
  private static func aliasCount(in yaml: String) -> Int {
    var count = 0
    var previous = UInt8(ascii: "\n")
    for byte in yaml.utf8 {
      if previous == UInt8(ascii: "*"), byte > UInt8(ascii: " "), byte != UInt8(ascii: "*") { count += 1 }
      previous = byte
    }
    return count
  }

  private static func convert(
    _ node: Node, file: String, depth: Int, budget: inout Int
  ) throws(InputError) -> YAMLNode {
    let (line, column) = (node.mark?.line ?? 1, node.mark?.column ?? 1)
    func failure(_ message: String, hint: String? = nil) -> InputError {
      InputError(
        .badMachine, message, at: SourceLocation(file: file, line: line, column: column), hint: hint)
    }
    budget -= 1
    guard budget >= 0 else { throw failure("the file has more than \(YAMLLimits.nodes) values") }
    guard depth <= YAMLLimits.depth else {
      throw failure("lists and mappings stand more than \(YAMLLimits.depth) deep")
    }
    switch node {
    case .scalar(let scalar):
      // Quoted text carries the tag of text; anything else was written by hand.
      guard ["", "tag:yaml.org,2002:str"].contains(scalar.tag.description) else {
        throw failure("the tag '\(scalar.tag.description.shortened)' is not read", hint: "leave the tag out")
      }
      return YAMLNode(content: .scalar(scalar.string), line: line, column: column)
    case .sequence(let sequence):
      guard sequence.tag.description.isEmpty else { throw failure("tags of lists are not read") }
      var items: [YAMLNode] = []
      for item in sequence {
        items.append(try convert(item, file: file, depth: depth + 1, budget: &budget))
      }
      return YAMLNode(content: .sequence(items), line: line, column: column)
    case .mapping(let mapping):
      guard mapping.tag.description.isEmpty else { throw failure("tags of mappings are not read") }
      var entries: [Entry] = []
      for (key, value) in mapping {
        guard case .scalar(let name) = key else { throw failure("a key of this mapping is not text") }
        let mark = key.mark
        entries.append(
          Entry(
            key: name.string, line: mark?.line ?? line, column: mark?.column ?? column,
            value: try convert(value, file: file, depth: depth + 1, budget: &budget)))
      }
      return YAMLNode(content: .mapping(entries), line: line, column: column)
    case .alias:
      throw failure("an alias that names nothing")
    }
  }
}

extension YamlError {
  /// The library's error as a diagnostic of ours.
  fileprivate func diagnostic(file: String) -> Diagnostic {
    switch self {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return Diagnostic(
        .badMachine, "the file is not YAML: \(problem)",
        at: SourceLocation(file: file, line: mark.line, column: mark.column))
    case .reader(let problem, _, _, _):
      return Diagnostic(.badMachine, "the file is not text: \(problem)", at: SourceLocation(file: file))
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.map { "'\($0.shortened)'" }.joined(separator: ", ")
      return Diagnostic(
        .badMachine, "duplicate key \(names)",
        at: SourceLocation(file: file, line: context.mark.line, column: context.mark.column),
        hint: "each key stands once in a mapping; the place is that of its first use")
    case .no, .memory, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
      return Diagnostic(.badMachine, "the file is not YAML", at: SourceLocation(file: file))
    }
  }
}

extension String {
  /// The text for a message: at most 60 characters, and none that would move a terminal's cursor.
  var shortened: String { printable(60) }

  /// The text with at most `limit` characters, control characters replaced.
  func printable(_ limit: Int) -> String {
    let printable = unicodeScalars.prefix(limit).map { scalar in
      scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value ? "?" : Character(scalar)
    }
    return String(printable) + (unicodeScalars.count > limit ? "…" : "")
  }
}
