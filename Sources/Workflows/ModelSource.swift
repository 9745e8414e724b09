import Diagnostics
import FoundationEssentials
import Graphs
import ONNXImport

/// A network as the user named it: a built-in name, an ONNX file or a layer table.
struct ModelSource {
  /// The name or path as written.
  let name: String
  /// Texts that stand in for files, by path.
  let texts: [String: String]

  init(_ request: Request) {
    name = request.model
    texts = request.texts
  }

  private enum Form {
    case builtIn
    case onnx
    case table
  }

  private var form: Form {
    if BuiltInNetwork.names.contains(name) { return .builtIn }
    if name.hasSuffix(".csv") { return .table }
    return name.hasSuffix(".onnx") || FileManager.default.fileExists(atPath: name) ? .onnx : .builtIn
  }

  /// The network with a batch bound.
  func graph(batch: Int?) throws(InputError) -> Graph {
    if let batch, !(1...BuiltInNetwork.largestBatch).contains(batch) {
      throw InputError(.usage, "a batch of \(batch) is not between 1 and \(BuiltInNetwork.largestBatch)")
    }
    switch form {
    case .builtIn:
      // That no network has the name is to be said before that its batch is missing.
      let isKnown = BuiltInNetwork.names.contains(name)
      return try BuiltInNetwork.graph(named: name, batch: isKnown ? try required(batch) : batch ?? 1)
    case .table:
      return try readLayerTable(
        csv: try text(of: name, .badModel, texts), file: name, batch: try required(batch))
    case .onnx:
      return try readONNX(path: name, batch: batch).graph
    }
  }

  /// What a file stores for its tensors, by name; nothing of a built-in network.
  func contents() throws(InputError) -> [String: TensorContents] {
    guard form == .onnx else { return [:] }
    let model = try readONNX(path: name, batch: 1)
    var contents: [String: TensorContents] = [:]
    for (index, tensor) in model.graph.tensors.enumerated() where tensor.role.isStatic {
      contents[tensor.name] = model.contents(of: TensorID(index))
    }
    return contents
  }

  /// The operators that cannot be read, each kind with its nodes.
  func unsupported() throws(InputError) -> [UnsupportedOperator] {
    guard form == .onnx else { return [] }
    return try unsupportedOperators(path: name)
  }

  private func required(_ batch: Int?) throws(InputError) -> Int {
    guard let batch else {
      throw InputError(.usage, "'\(name)' has no batch of its own", hint: "say how many samples: --batch 32")
    }
    return batch
  }
}

/// The text of a file, or the one that stands in for it.
func text(
  of path: String, _ kind: DiagnosticKind, _ texts: [String: String] = [:]
) throws(InputError) -> String {
  if let text = texts[path] { return text }
  guard FileManager.default.fileExists(atPath: path) else {
    throw InputError(.missingFile, "there is no such file", at: SourceLocation(file: path))
  }
  guard let data = FileManager.default.contents(atPath: path) else {
    throw InputError(.inputOutput, "the file cannot be read", at: SourceLocation(file: path))
  }
  guard let text = String(bytes: data, encoding: .utf8) else {
    throw InputError(kind, "the file is not UTF-8 text", at: SourceLocation(file: path))
  }
  return text
}
