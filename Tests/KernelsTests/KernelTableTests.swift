import Glibc
import Graphs
import Kernels
import Testing

/// For each operator and phase which code computes it, over all cases of the tests.
private func kernelTable() throws -> String {
  var rows: [String: [String: Set<String>]] = [:]
  for library in fastLibraries {
    for test in kernelCases {
      let types = test.shapes.map { TensorType(.float32, $0) }
      let outputs = try test.operator.rules.outputTypes(inputs: types)
      let operations = test.operator.rules.gradient(inputs: types, outputs: outputs).operations
      let steps: [(String, KernelRequest.Step)] =
        [("forward", .forward)] + operations.map { ($0.phase.rawValue, .backward($0)) }
      for (phase, step) in steps {
        let request = KernelRequest(test.operator, step, inputTypes: types, outputTypes: outputs)
        rows["\(test.operator.kind)", default: [:]][phase, default: []]
          .insert(try library.source(of: request).rawValue)
      }
    }
  }
  let columns = ["forward", "error", "weight-gradient"]
  let names = ["forward", Phase.error.rawValue, Phase.weightGradient.rawValue]
  var lines = ["| operator | \(columns.joined(separator: " | ")) |", "|---|---|---|---|"]
  for kind in rows.keys.sorted() {
    let cells = names.map { phase in
      let sources = rows[kind]?[phase] ?? []
      return sources.isEmpty ? "–" : sources.sorted().joined(separator: ", ")
    }
    lines.append("| `\(kind)` | \(cells.joined(separator: " | ")) |")
  }
  return lines.joined(separator: "\n") + "\n"
}

// Expected: the page that people read. Where oneDNN is missing its rows cannot be seen.
@Test func thePageSaysWhichKernelRuns() throws {
  guard fastLibraries[0].hasOneDNN else {
    return print("skipped: oneDNN is not installed; make deps installs it")
  }
  let path =
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/Documentation/kernels.md"
  let file = try #require(fopen(path, "r"), "\(path) cannot be opened")
  defer { fclose(file) }
  var page: [UInt8] = []
  var buffer = [UInt8](repeating: 0, count: 1 << 16)
  while case let count = fread(&buffer, 1, buffer.count, file), count > 0 { page += buffer[..<count] }
  let table = try kernelTable()
  #expect(String(decoding: page, as: UTF8.self).contains(table), "the table should be\n\(table)")
}
