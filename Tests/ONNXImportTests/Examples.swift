import Glibc
import Graphs
import ONNXImport
import Testing

/// Models of the repository, and small ones written for the tests.
enum Examples {
  /// The path of a file under Examples/.
  static func path(_ name: String, file: String = #filePath) -> String {
    let root = file.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    return "\(root)/Examples/\(name)"
  }

  /// The bytes of Examples/lenet.onnx.
  static func lenet() throws -> [UInt8] { try bytes(path("lenet.onnx")) }

  static func bytes(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "rb"), "\(path) is not there")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  /// Small models that use much of the format.
  static func soundModels() throws -> [[UInt8]] {
    // The weights of lenet lie at its end; a mutation of them would change nothing.
    let networks = ["lenet", "resnet18", "mobilenet-v2", "densenet121"]
    var models = [Proto.relu()]
    for name in networks {
      let graph = try BuiltInNetwork.graph(named: name, batch: 2)
      models.append(try writeONNX(graph, batch: name == "lenet" ? .symbolic("N") : .fixed))
    }
    return models
  }
}
