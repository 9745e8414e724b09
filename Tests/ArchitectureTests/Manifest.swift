/// The targets that the manifest declares, read from its text.
///
/// Asking the package manager from inside a test would wait for ever for the one that runs the test.
struct Manifest {
  /// A target and what it may import.
  struct Target {
    let name: String
    let dependencies: [String]
    /// The modules of other packages among the dependencies.
    let products: [String]
  }

  let libraries: [Target]
  let executables: [Target]
  /// Targets in C, which import nothing.
  let declarations: [Target]
  let tests: [Target]
  /// What tests of several targets share.
  let support: [Target]

  /// Reads calls of the manifest's helpers `library`, `tests` and `support`, and of `.executableTarget`.
  init(text: String) {
    let text = text.split(separator: "\n", omittingEmptySubsequences: false)
      .filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
    libraries = Manifest.calls(of: "library(\"", in: text) + Manifest.calls(of: "library(\n", in: text)
    tests = Manifest.calls(of: "tests(\"", in: text) + Manifest.calls(of: "tests(\n", in: text)
    support = Manifest.calls(of: "support(\"", in: text)
    declarations = Manifest.calls(of: ".target(name: \"", in: text)
    executables = Manifest.calls(of: ".executableTarget(", in: text)
  }

  private static func calls(of opening: String, in text: String) -> [Target] {
    var targets: [Target] = []
    var rest = Substring(text)
    while let range = firstRange(of: opening, in: rest) {
      let start = rest.index(before: range.upperBound)
      let isCall = opening.hasSuffix("(") ? rest[range.upperBound...] : rest[start...]
      if let target = target(arguments: balanced(isCall)) { targets.append(target) }
      rest = rest[range.upperBound...]
    }
    return targets
  }

  /// The text up to the parenthesis that closes the call.
  private static func balanced(_ text: Substring) -> Substring {
    var depth = 1
    for index in text.indices {
      if text[index] == "(" { depth += 1 }
      if text[index] == ")" { depth -= 1 }
      if depth == 0 { return text[..<index] }
    }
    return text
  }

  private static func target(arguments: Substring) -> Target? {
    var text = arguments
    for end in ["resources:", "swiftSettings:", "linkerSettings:", "cSettings:"] {
      if let range = firstRange(of: end, in: text) { text = text[..<range.lowerBound] }
    }
    // Everything in quotes is a name, apart from the package of a product.
    let quoted = text.split(separator: "\"", omittingEmptySubsequences: false)
    var names: [String] = []
    var products: [String] = []
    for index in stride(from: 1, to: quoted.count, by: 2) {
      let before = quoted[index - 1]
      if before.hasSuffix("package: ") { continue }
      if before.hasSuffix(".product(name: ") { products.append(String(quoted[index])) }
      names.append(String(quoted[index]))
    }
    guard let name = names.first else { return nil }
    return Target(name: name, dependencies: Array(names.dropFirst()), products: products)
  }
}

/// Returns the first place of a text in another.
func firstRange(of needle: String, in text: Substring) -> Range<Substring.Index>? {
  text.firstRange(of: needle)
}
