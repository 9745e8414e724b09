import Diagnostics
import Documents
import Glibc
import Graphs
import Testing

@testable import Execution

struct CheckpointTests {
  let folder: CheckpointPlace

  init() throws { folder = try CheckpointPlace() }

  static let tensors = [
    NamedArray(name: "fc.weight", shape: [2, 3], elements: [1, -2, .pi, 0, .leastNonzeroMagnitude, 3e38]),
    NamedArray(name: "optimizer.0:fc.weight", shape: [2, 3], elements: [0, 1, 2, 3, 4, 5]),
    NamedArray(name: "empty", shape: [0], elements: []), NamedArray(name: "one", shape: [], elements: [7]),
  ]

  static func state(step: Int) -> RunState {
    RunState(
      step: step, epoch: 2, seed: .max, batch: 64, cells: 16, optimizer: "momentum", schedule: "0.1 cosine",
      schedulePosition: step, ledger: "3-00", model: "abc",
      settings: [.init("data", "fashion-mnist"), .init("quoted", "a \"b\"\n")])
  }

  private func save(step: Int, to place: CheckpointFolder) throws {
    try withTensorViews(of: Self.tensors) { (views) throws(InputError) in
      try place.save(Self.state(step: step), tensors: views)
    }
  }

  @Test func `a folder is made before the run, and one that cannot be is refused`() throws {
    let place = CheckpointFolder("\(folder.path)/a/b")
    try place.prepare()
    #expect(access("\(folder.path)/a/b", W_OK) == 0)
    try place.prepare()
    #expect(try place.latest() == nil)
    try save(step: 1, to: place)
    // A file stands where a folder should be.
    let file = place.path(ofStep: 1)
    let error = #expect(throws: InputError.self) { try CheckpointFolder("\(file)/run").prepare() }
    #expect(error?.diagnostics.first?.kind == .inputOutput)
  }

  @Test func `everything that was written is read again`() throws {
    let place = CheckpointFolder("\(folder.path)/a/b/")
    try save(step: 12, to: place)
    let found = try #require(try place.latest())
    #expect(found.refused.isEmpty)
    #expect(found.checkpoint.state == Self.state(step: 12))
    #expect(found.checkpoint.state["data"] == "fashion-mnist")
    #expect(found.checkpoint.path == "\(folder.path)/a/b/step-000000000012.checkpoint")
    for tensor in Self.tensors {
      #expect(found.checkpoint.tensors.floats(of: tensor.name) == tensor.elements)
      #expect(found.checkpoint.tensors[tensor.name]?.type.shape == tensor.shape)
    }
    #expect(found.checkpoint.tensors.floats(of: "none") == nil)
    // Every tensor begins at a multiple of 64, so that it can be mapped.
    for entry in found.checkpoint.tensors.entries { #expect(entry.range.lowerBound % 64 == 0) }
  }

  @Test func `the last two are kept`() throws {
    let place = CheckpointFolder(folder.path)
    for step in [10, 20, 30, 1_234_567_890_123] { try save(step: step, to: place) }
    #expect(try place.steps() == [30, 1_234_567_890_123])
  }

  @Test func `a folder that is missing or empty has none`() throws {
    #expect(try CheckpointFolder("\(folder.path)/none").latest() == nil)
    #expect(try CheckpointFolder(folder.path).latest() == nil)
    try CheckpointFolder(folder.path).requireNoCheckpoints()
  }

  @Test func `a new run does not mix its checkpoints with others`() throws {
    let place = CheckpointFolder(folder.path)
    try save(step: 5, to: place)
    let error = #expect(throws: InputError.self) { try place.requireNoCheckpoints() }
    #expect(error?.diagnostics.first?.kind == .usage)
    #expect(error?.diagnostics.first?.hint?.contains("--resume") == true)
  }

  // Flips one bit at many places, the trailer among them, and cuts the file at many lengths.
  @Test func `a damaged checkpoint is refused by name and the one before it loads`() throws {
    let place = CheckpointFolder(folder.path)
    try save(step: 1, to: place)
    try save(step: 2, to: place)
    let path = place.path(ofStep: 2)
    let sound = try readWhole(path)
    var damaged: [[UInt8]] = stride(from: 0, to: sound.count, by: 37).map { index in
      var bytes = sound
      bytes[index] ^= 1 << UInt8(index % 8)
      return bytes
    }
    damaged += stride(from: 0, to: sound.count, by: 53).map { Array(sound[..<$0]) }
    damaged.append(sound + [0])
    for bytes in damaged {
      try folder.write("step-000000000002.checkpoint", bytes)
      let found = try #require(try place.latest())
      #expect(found.checkpoint.state.step == 1)
      #expect(found.refused.count == 1)
      #expect(found.refused.first?.location?.file == path)
      #expect(found.refused.first?.message.contains("damaged") == true)
    }
    try folder.write("step-000000000001.checkpoint", [1, 2, 3])
    let error = #expect(throws: InputError.self) { try place.latest() }
    #expect(error?.diagnostics.count == 2)
  }

  // A wrong head with a right digest: what another program may have written. Nothing of it may stop the
  // process.
  @Test func `heads that say nonsense are errors`() throws {
    let sound =
      #"{"schema":"partita.checkpoint/1","step":1,"epoch":0,"seed":"1","batch":1,"cells":1,"#
      + #""optimizer":"sgd","schedule":"","schedule_position":0,"ledger":"","#
      + #""model":"","settings":{},"tensors":[T]}"#
    let tensor = #"{"name":"w","type":"float32","shape":[2],"offset":0,"bytes":8}"#
    func read(_ head: String) throws -> Checkpoint {
      let text = Array(head.utf8)
      let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
      let content = Checkpoint.mark + length + text + [UInt8](repeating: 0, count: 8)
      return try Checkpoint(
        reading: folder.write("x.checkpoint", content + SHA256.digest(of: content).bytes))
    }
    let right = sound.replacing("T", with: tensor)
    #expect(try read(right).tensors.floats(of: "w") == [0, 0])
    for (old, new) in [
      ("\"offset\":0", "\"offset\":8"), ("\"offset\":0", "\"offset\":-1"), ("\"bytes\":8", "\"bytes\":4"),
      ("\"offset\":0", "\"offset\":9223372036854775807"), ("[2]", "[2,9223372036854775807]"),
      ("[2]", "[-2]"), ("float32", "float31"), ("\"step\":1", "\"step\":-1"),
      ("checkpoint/1", "checkpoint/2"),
      ("\"seed\":\"1\"", "\"seed\":\"x\""), ("}]}", "}]"), ("\"name\"", "\"nam\""),
    ] {
      #expect(throws: InputError.self, "\(old) → \(new)") { try read(right.replacing(old, with: new)) }
    }
  }

  @Test(arguments: FaultPoint.allCases)
  func `a process that ends while it writes leaves a sound checkpoint`(point: FaultPoint) throws {
    let place = CheckpointFolder(folder.path)
    try save(step: 1, to: place)
    var passed: [FaultPoint] = []
    let killed = InputError(.inputOutput, "killed")
    let error = #expect(throws: InputError.self) {
      try withTensorViews(of: Self.tensors) { (views) throws(InputError) in
        try place.save(
          Self.state(step: 2), tensors: views,
          at: { (now) throws(InputError) in
            passed.append(now)
            if now == point { throw killed }
          })
      }
    }
    #expect(error == killed)
    #expect(
      passed == Array(FaultPoint.allCases[...(try #require(FaultPoint.allCases.firstIndex(of: point)))]))
    let found = try #require(try place.latest())
    #expect(found.checkpoint.state.step == (point == .afterRename ? 2 : 1))
    #expect(found.refused.isEmpty)
    let leavesFile = point == .midWrite || point == .beforeRename
    #expect(folder.names().contains { $0.hasSuffix(".partial") } == leavesFile)
    // The next checkpoint removes what was left.
    try save(step: 3, to: place)
    #expect(folder.names().allSatisfy { !$0.hasSuffix(".partial") })
    #expect(try place.latest()?.checkpoint.state.step == 3)
  }

  @Test func `temporary files of processes that live stay`() throws {
    // Process 1 is always there.
    try folder.write(".step-000000000009.checkpoint.1.partial", [1])
    try folder.write(".step-000000000009.checkpoint.4194303.partial", [1])
    try save(step: 1, to: CheckpointFolder(folder.path))
    #expect(folder.names().filter { $0.hasSuffix(".partial") } == [".step-000000000009.checkpoint.1.partial"])
  }

  @Test func `a full disk is named`() throws {
    let descriptor = open("/dev/full", O_WRONLY)
    try #require(descriptor >= 0)
    defer { close(descriptor) }
    var writer = FileWriter(descriptor: descriptor, path: "x.checkpoint", size: 4096)
    var caught: InputError?
    do throws(InputError) { try writer.write([UInt8](repeating: 1, count: 4096)) } catch { caught = error }
    let diagnostic = try #require(caught?.diagnostics.first)
    #expect(diagnostic.kind == .inputOutput)
    #expect(diagnostic.message == "cannot be written: No space left on device")
    #expect(diagnostic.hint?.contains("4096 bytes") == true)
  }

  @Test func `a folder that cannot be made is an error`() throws {
    try folder.write("file", [1])
    let error = #expect(throws: InputError.self) {
      try save(step: 1, to: CheckpointFolder("\(folder.path)/file/inside"))
    }
    #expect(error?.diagnostics.first?.kind == .inputOutput)
  }

  @Test func `another run does not go on from a checkpoint`() throws {
    let state = Self.state(step: 3)
    try state.requireSameRun(as: Self.state(step: 9), file: "x")
    let other = RunState(
      step: 3, epoch: 2, seed: 1, batch: 32, cells: 16, optimizer: "momentum", schedule: "0.1 cosine",
      model: "abc")
    let error = #expect(throws: InputError.self) { try state.requireSameRun(as: other, file: "x") }
    #expect(
      error?.diagnostics.map(\.message) == [
        "the checkpoint is of another run: --seed was 18446744073709551615, not 1",
        "the checkpoint is of another run: --batch was 64, not 32",
      ])
  }

  @Test func `fingerprints tell networks apart and not batches`() throws {
    let lenet = try BuiltInNetwork.graph(named: "lenet", batch: 1)
    #expect(
      modelFingerprint(of: lenet) == modelFingerprint(of: try BuiltInNetwork.graph(named: "lenet", batch: 8)))
    let other = try BuiltInNetwork.graph(named: "resnet18", batch: 1)
    #expect(modelFingerprint(of: lenet) != modelFingerprint(of: other))
  }
}

/// A folder of a test's own that is removed at the end.
final class CheckpointPlace {
  let path: String

  init() throws {
    let template = strdup("/tmp/partita-checkpoints-\(String(repeating: "X", count: 6))")
    defer { free(template) }
    path = String(cString: try #require(template.flatMap { mkdtemp($0) }))
  }

  deinit { Self.remove(path) }

  /// Writes a file and returns its path.
  @discardableResult func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = try #require(fopen("\(path)/\(name)", "wb"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return "\(path)/\(name)"
  }

  /// The names in the folder, sorted.
  func names() -> [String] { Self.names(in: path) }

  private static func names(in path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  private static func remove(_ path: String) {
    for name in names(in: path) { remove("\(path)/\(name)") }
    Glibc.remove(path)
  }
}
