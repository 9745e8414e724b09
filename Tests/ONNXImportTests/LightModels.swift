import Glibc
import Testing

/// The nine networks that the package `onnx` carries for its own tests.
enum LightModels {
  /// The folder, or a failure that says how to get it.
  static func folder(file: String = #filePath) throws -> String {
    var candidates: [String] = []
    if let given = getenv("PARTITA_DEPS") { candidates.append(String(cString: given)) }
    var parent = file
    while let slash = parent.lastIndex(of: "/") {
      parent = String(parent[..<slash])
      candidates.append("\(parent)/.deps")
    }
    for candidate in candidates {
      let pattern =
        "\(candidate)/venv/lib/python3*/site-packages/onnx/backend/test/data/light/light_resnet50.onnx"
      var matches = glob_t()
      defer { globfree(&matches) }
      guard glob(pattern, 0, nil, &matches) == 0, let first = matches.gl_pathv[0] else { continue }
      let path = String(cString: first)
      return String(path.dropLast("/light_resnet50.onnx".count))
    }
    throw MissingModels()
  }
}

struct MissingModels: Error, CustomStringConvertible {
  var description: String { "the light networks of the package onnx are not there: run `make deps`" }
}
