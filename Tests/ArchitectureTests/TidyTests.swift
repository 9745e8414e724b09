import Testing

/// Habits that no compiler checks.
struct TidyTests {
  static let swiftFiles = PackageFolder.projectFiles.filter { $0.hasSuffix(".swift") }
  static let libraryFiles = swiftFiles.filter {
    $0.hasPrefix("Sources/") && !$0.hasPrefix("Sources/partita/") && !$0.hasPrefix("Sources/RankProbe/")
  }

  @Test func `there is something to check`() {
    #expect(Self.libraryFiles.count > 50)
    #expect(PackageFolder.projectFiles.contains("README.md"))
    #expect(PackageFolder.projectFiles.contains("Makefile"))
  }

  @Test func `no source is longer than 600 lines`() {
    for file in Self.swiftFiles {
      let count = PackageFolder.lines(of: file).count - 1
      #expect(count <= 600, "\(file) has \(count) lines")
    }
  }

  @Test func `no line of a source is wider than 110 columns`() {
    for file in Self.swiftFiles {
      for (index, line) in PackageFolder.lines(of: file).enumerated() where line.count > 110 {
        Issue.record("\(file):\(index + 1) has \(line.count) columns")
      }
    }
  }

  @Test func `libraries neither stop the process, nor print, nor ask the clock, chance or environment`() {
    let calls = ["fatalError(", "print(", "debugPrint(", "Date()", "getenv(", "exit(", "abort("]
    let anywhere = [
      "try!", "as!", ".random(", ".shuffled()", "ProcessInfo", "ContinuousClock", "gettimeofday",
    ]
    for file in Self.libraryFiles {
      for (index, line) in PackageFolder.lines(of: file).enumerated() where !Self.isComment(line) {
        for call in calls where Self.calls(call, in: line) {
          Issue.record("\(file):\(index + 1) calls \(call)")
        }
        for word in anywhere where line.contains(word) {
          Issue.record("\(file):\(index + 1) uses \(word)")
        }
      }
    }
  }

  @Test func `libraries do without Foundation`() {
    for file in Self.libraryFiles {
      for line in PackageFolder.lines(of: file) {
        #expect(ArchitectureTests.module(importedBy: line) != "Foundation", "\(file) imports Foundation")
      }
    }
  }

  @Test func `nothing unfinished is left behind`() {
    // In two halves, so that this file does not hold them.
    let markers = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]
    for file in PackageFolder.projectFiles {
      for (index, line) in PackageFolder.lines(of: file).enumerated() {
        for word in line.split(whereSeparator: { !$0.isLetter }) where markers.contains(String(word)) {
          Issue.record("\(file):\(index + 1) says \(word)")
        }
      }
    }
  }

  @Test func `no file holds a path of somebody's machine`() {
    let paths = ["work", "root", "home", "Users"].map { "/" + $0 + "/" }
    for file in PackageFolder.projectFiles {
      for (index, line) in PackageFolder.lines(of: file).enumerated() {
        for path in paths where Self.startsWord(path, in: line) {
          Issue.record("\(file):\(index + 1) names \(path)")
        }
      }
    }
  }

  @Test func `every document has one title, in its first line`() {
    for file in PackageFolder.projectFiles where file.hasSuffix(".md") {
      var titles: [Int] = []
      var isCode = false
      for (index, line) in PackageFolder.lines(of: file).enumerated() {
        if line.hasPrefix("```") { isCode.toggle() }
        if !isCode && line.hasPrefix("# ") { titles.append(index) }
      }
      #expect(titles == [0], "\(file) has titles in lines \(titles.map { $0 + 1 })")
    }
  }

  @Test func `no placeholder is left`() {
    for file in Self.swiftFiles { #expect(!file.hasSuffix("/Placeholder.swift"), "\(file)") }
  }

  @Test func `the finder of calls knows a call from a longer name`() {
    #expect(Self.calls("print(", in: "  print(1)"))
    #expect(!Self.calls("print(", in: "  footprint(1)"))
    #expect(!Self.calls("exit(", in: "  node.exit(1)"))
    #expect(Self.startsWord("/x/", in: "see /x/y"))
    #expect(!Self.startsWord("/x/", in: "a/x/y"))
  }

  private static func isComment(_ line: Substring) -> Bool { line.drop { $0 == " " }.hasPrefix("//") }

  /// Whether a line calls a function of exactly this name.
  private static func calls(_ call: String, in line: Substring) -> Bool {
    line.ranges(of: call).contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      let before = line[line.index(before: range.lowerBound)]
      return !before.isLetter && !before.isNumber && before != "_" && before != "."
    }
  }

  private static func startsWord(_ path: String, in line: Substring) -> Bool {
    line.ranges(of: path).contains { range in
      guard range.lowerBound > line.startIndex else { return true }
      let before = line[line.index(before: range.lowerBound)]
      return !before.isLetter && !before.isNumber && !".*]})_-/".contains(before)
    }
  }
}
