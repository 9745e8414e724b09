import FoundationEssentials

/// The package's files as the tests of its layout see them.
enum PackageFolder {
  /// The folder of the manifest.
  static let root: String = {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }()

  /// The paths of all files below a folder of the package, relative to its root, in alphabetical order.
  static func files(below folder: String) -> [String] {
    guard let found = try? FileManager.default.subpathsOfDirectory(atPath: "\(root)/\(folder)") else {
      return []
    }
    return found.map { "\(folder)/\($0)" }.filter { !isFolder($0) && !$0.contains("__pycache__") }.sorted()
  }

  /// The names of the folders directly in a folder of the package.
  static func folders(in folder: String) -> [String] {
    guard let found = try? FileManager.default.contentsOfDirectory(atPath: "\(root)/\(folder)") else {
      return []
    }
    return found.filter { isFolder("\(folder)/\($0)") }.sorted()
  }

  /// Every file that belongs to the project: sources, documents and scripts, but nothing built or downloaded.
  static let projectFiles: [String] = {
    let top = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let skipped: Set = [".git", ".deps", ".swiftpm", "Package.resolved"]
    let kept = top.filter { !skipped.contains($0) && !$0.hasPrefix(".build") }
    return kept.filter { !isFolder($0) }.sorted() + kept.filter(isFolder).sorted().flatMap(files(below:))
  }()

  /// The text of a file, or nil if it is not UTF-8.
  static func text(of file: String) -> String? {
    guard let data = FileManager.default.contents(atPath: "\(root)/\(file)") else { return nil }
    return String(validating: data, as: UTF8.self)
  }

  /// The lines of a file that is text.
  static func lines(of file: String) -> [Substring] {
    (text(of: file) ?? "").split(separator: "\n", omittingEmptySubsequences: false)
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: "\(root)/\(path)", isDirectory: &isDirectory) && isDirectory
  }
}
