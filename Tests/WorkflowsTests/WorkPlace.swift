import Diagnostics
import Documents
import FoundationEssentials
import Testing
import Workflows

/// A folder of its own for each test, for the files that requests name.
final class WorkPlace {
  let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/partita-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  /// Writes a file and returns its path.
  func file(_ name: String, _ text: String) throws -> String {
    let path = "\(folder)/\(name)"
    try #require(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
    return path
  }
}

/// A request that nothing overlaps in, small enough to plan in a moment.
func request(_ model: String = "lenet", on machine: String = "hypar/4", batch: Int = 32) -> Request {
  var request = Request(model: model)
  request.machine = machine
  request.batch = batch
  return request
}

/// The faults of a piece of work that must fail.
func faults<Value>(_ work: () throws(InputError) -> Value) -> [Diagnostic] {
  do throws(InputError) {
    _ = try work()
    Issue.record("nothing was refused")
    return []
  } catch {
    return error.diagnostics
  }
}
