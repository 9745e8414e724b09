import Testing

/// The direction of the layers, which the package manager does not enforce: in an incremental build an
/// undeclared import of a sibling succeeds.
struct ArchitectureTests {
  static let manifest = Manifest(text: PackageFolder.text(of: "Package.swift") ?? "")

  /// Modules that come with the compiler and that any target may import.
  ///
  /// `Foundation` is none of them: it makes the binary ten times as large.
  static let system: Set<String> = ["Swift", "FoundationEssentials", "Glibc", "Musl", "Synchronization"]

  /// The layer of each target; an import goes down, or along one of the edges in `within`.
  static let layers: [String: Int] = [
    "Units": 0, "Diagnostics": 0, "Documents": 0, "CDigest": 0,
    "Graphs": 1, "ONNXImport": 1, "Differentiation": 1, "Machines": 1, "Results": 1,
    "Datasets": 1,
    "COneDNN": 1, "CTransport": 1, "Devices": 2, "Plans": 2, "Kernels": 2, "Communication": 2,
    "Planning": 3, "Pricing": 3, "Simulation": 3, "Execution": 3,
    "Studies": 4, "Reporting": 4, "Workflows": 4,
    "partita": 5, "RankProbe": 5,
  ]

  /// The edges inside a layer.
  static let within: Set<String> = [
    "Documents→Diagnostics", "Documents→CDigest", "ONNXImport→Graphs", "Differentiation→Graphs",
    "Plans→Devices",
    "Studies→Workflows",
  ]

  /// What a target must never reach, directly or through others.
  static let forbidden: [String: [String]] = [
    "Graphs": ["Machines"],
    "ONNXImport": ["Machines", "Plans"],
    "Differentiation": ["ONNXImport", "Machines"],
    "Machines": ["Graphs"],
    "Results": ["Graphs", "Machines", "Devices", "Plans"],
    "Devices": ["Plans"],
    "Plans": ["Planning", "Pricing", "Simulation"],
    "Datasets": ["Graphs", "Plans"],
    "Kernels": ["Machines", "Plans"],
    "Communication": ["Graphs", "Plans"],
    "Pricing": ["Simulation", "Planning", "Execution"],
    "Simulation": ["Pricing", "Planning", "Execution"],
    "Planning": ["Pricing", "Simulation", "Execution"],
    "Execution": ["Pricing", "Simulation", "Planning"],
    "Workflows": ["Studies", "Reporting"],
    "Reporting": [
      "Graphs", "Machines", "Devices", "Plans", "Planning", "Pricing", "Simulation", "Workflows",
    ],
  ]

  /// The modules of other packages and the only target that may import each.
  static let external: [String: String] = ["ArgumentParser": "partita", "Yams": "Machines"]

  static var targets: [Manifest.Target] { manifest.libraries + manifest.executables }

  @Test func `the manifest is read: every folder of Sources and Tests is one target`() {
    let all = Self.targets + Self.manifest.declarations
    #expect(all.map(\.name).sorted() == PackageFolder.folders(in: "Sources"))
    let tests = Self.manifest.tests + Self.manifest.support
    #expect(tests.map(\.name).sorted() == PackageFolder.folders(in: "Tests"))
    let machines = Self.targets.first { $0.name == "Machines" }
    #expect(machines?.dependencies == ["Units", "Diagnostics", "Yams"])
    #expect(machines?.products == ["Yams"])
  }

  @Test func `every import of a source is a declared dependency`() {
    for target in Self.targets {
      for (file, module) in imports(below: "Sources/\(target.name)") where !Self.system.contains(module) {
        #expect(target.dependencies.contains(module), "\(file) imports \(module), which is not declared")
      }
    }
  }

  @Test func `every import of a test is a declared dependency`() {
    for target in Self.manifest.tests + Self.manifest.support {
      for (file, module) in imports(below: "Tests/\(target.name)")
      where !Self.system.contains(module) && module != "Testing" && module != "Foundation" {
        #expect(target.dependencies.contains(module), "\(file) imports \(module), which is not declared")
      }
    }
  }

  @Test func `a declared dependency points to a lower layer`() throws {
    for target in Self.targets {
      let layer = try #require(Self.layers[target.name], "\(target.name) has no layer")
      for dependency in target.dependencies where !target.products.contains(dependency) {
        let below = try #require(Self.layers[dependency], "\(dependency) has no layer")
        let edge = "\(target.name)→\(dependency)"
        #expect(below < layer || Self.within.contains(edge), "\(edge) goes up or along a layer")
      }
    }
  }

  @Test func `what tests share is imported by tests alone`() {
    let shared = Set(Self.manifest.support.map(\.name))
    #expect(!shared.isEmpty)
    for target in Self.targets + Self.manifest.support {
      #expect(shared.isDisjoint(with: target.dependencies), "\(target.name) imports what tests share")
    }
  }

  @Test func `no target reaches what it must never import`() {
    for target in Self.targets {
      let reached = reachable(from: target.name)
      for name in Self.forbidden[target.name] ?? [] {
        #expect(!reached.contains(name), "\(target.name) reaches \(name)")
      }
    }
  }

  @Test func `each external package has one user`() {
    for target in Self.targets {
      for product in target.products {
        #expect(Self.external[product] == target.name, "\(target.name) uses \(product)")
      }
    }
  }

  @Test func `every library has tests`() {
    let tested = Set(Self.manifest.tests.map(\.name))
    for target in Self.manifest.libraries {
      #expect(tested.contains("\(target.name)Tests"), "\(target.name) has no tests")
      let sources = PackageFolder.files(below: "Tests/\(target.name)Tests")
      #expect(
        sources.contains { (PackageFolder.text(of: $0) ?? "").contains("@Test") },
        "Tests/\(target.name)Tests holds no test")
    }
  }

  @Test func `the reader of imports sees every form`() {
    #expect(ArchitectureTests.module(importedBy: "import Units") == "Units")
    #expect(ArchitectureTests.module(importedBy: "  public import Graphs // why") == "Graphs")
    #expect(ArchitectureTests.module(importedBy: "@testable internal import Plans") == "Plans")
    #expect(ArchitectureTests.module(importedBy: "import struct Machines.Machine") == "Machines")
    #expect(ArchitectureTests.module(importedBy: "let important = 1") == nil)
    #expect(ArchitectureTests.module(importedBy: "// import Units") == nil)
  }

  private func imports(below folder: String) -> [(file: String, module: String)] {
    PackageFolder.files(below: folder).filter { $0.hasSuffix(".swift") }.flatMap { file in
      PackageFolder.lines(of: file).compactMap { line in
        Self.module(importedBy: line).map { (file, $0) }
      }
    }
  }

  /// The module that a line imports, or nil if it is no import.
  static func module(importedBy line: Substring) -> String? {
    var words = line.split { $0 == " " || $0 == "\t" || $0 == ";" }
    let modifiers: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    while let word = words.first, word.hasPrefix("@") || modifiers.contains(word) { words.removeFirst() }
    guard words.first == "import", words.count > 1 else { return nil }
    words.removeFirst()
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    if kinds.contains(words[0]), words.count > 1 { words.removeFirst() }
    return words[0].split(separator: ".").first.map(String.init)
  }

  private func reachable(from name: String) -> Set<String> {
    var reached: Set<String> = []
    var waiting = [name]
    while let next = waiting.popLast() {
      for dependency in Self.targets.first(where: { $0.name == next })?.dependencies ?? []
      where reached.insert(dependency).inserted {
        waiting.append(dependency)
      }
    }
    return reached
  }
}
