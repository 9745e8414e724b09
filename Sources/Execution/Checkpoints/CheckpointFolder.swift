public import Diagnostics
internal import Glibc

/// The folder in which a run keeps its checkpoints: the last one and the one before it.
///
/// ```swift
/// let folder = CheckpointFolder("checkpoints")
/// try folder.save(state, tensors: views)
/// if let found = try folder.latest() { … }
/// ```
public struct CheckpointFolder: Hashable, Sendable {
  /// The folder.
  public let path: String

  /// The checkpoint to go on from.
  public struct Latest: Hashable, Sendable {
    /// The newest one that is sound.
    public let checkpoint: Checkpoint
    /// Why each newer one was refused.
    public let refused: [Diagnostic]
  }

  /// Names a folder, which need not be there yet.
  public init(_ path: String) {
    self.path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
  }

  /// The path of the checkpoint after a number of steps.
  public func path(ofStep step: Int) -> String {
    let digits = String(step)
    let zeros = String(repeating: "0", count: max(0, 12 - digits.utf8.count))
    return "\(path)/\(Self.prefix)\(zeros)\(digits)\(Self.suffix)"
  }

  /// Writes a checkpoint as a whole or not at all, and then removes all but it and the one before it.
  ///
  /// Newer ones, which a run leaves that went on from an older one, stay until they are overwritten.
  ///
  /// - Parameters:
  ///   - state: What is known of the run.
  ///   - tensors: Weights, running statistics and states of the optimizer, with unique names.
  ///   - faultPoint: Called at each ``FaultPoint``; an error stands for the end of the process.
  /// - Throws: `InputError` where the folder cannot be written or the disk is full; earlier checkpoints stay.
  public func save(
    _ state: RunState, tensors: [TensorView],
    at faultPoint: @escaping (FaultPoint) throws(InputError) -> Void = { (_) throws(InputError) in }
  ) throws(InputError) {
    precondition(
      Set(tensors.map(\.name)).count == tensors.count, "two tensors of a checkpoint have one name")
    try create()
    removeStaleFiles()
    try Checkpoint.write(state, tensors, to: path(ofStep: state.step), at: faultPoint)
    let earlier = try steps().filter { $0 < state.step }
    for step in earlier.dropLast() { unlink(path(ofStep: step)) }
  }

  /// Makes the folder where it is not there, and checks that it can be written to.
  public func prepare() throws(InputError) {
    try create()
    guard access(path, W_OK | X_OK) == 0 else { throw fault("cannot be written", errno) }
  }

  /// Returns the newest checkpoint that is sound, nil where there is none at all.
  ///
  /// - Throws: `InputError` with every reason where all are damaged.
  public func latest() throws(InputError) -> Latest? {
    guard access(path, F_OK) == 0 else { return nil }
    var refused: [Diagnostic] = []
    for step in try steps().reversed() {
      do throws(InputError) {
        return Latest(checkpoint: try Checkpoint(reading: path(ofStep: step)), refused: refused)
      } catch {
        refused += error.diagnostics
      }
    }
    guard refused.isEmpty else { throw InputError(refused) }
    return nil
  }

  /// Checks that a run which begins anew would not mix its checkpoints with those of another.
  public func requireNoCheckpoints() throws(InputError) {
    guard access(path, F_OK) == 0, let last = try steps().last else { return }
    throw InputError(
      .usage, "the folder already has checkpoints, up to step \(last)", at: SourceLocation(file: path),
      hint: "go on with --resume, or name another folder")
  }

  /// The steps after which there are checkpoints, in their order.
  public func steps() throws(InputError) -> [Int] {
    try names().compactMap(Self.step).sorted()
  }

  private static let prefix = "step-"
  private static let suffix = ".checkpoint"

  private static func step(of name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    let digits = name.dropFirst(prefix.count).dropLast(suffix.count)
    guard digits.utf8.count >= 12, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
    return Int(digits)
  }

  /// Removes temporary files of processes that are gone.
  private func removeStaleFiles() {
    guard let names = try? names() else { return }
    for name in names where name.hasPrefix(".\(Self.prefix)") && name.hasSuffix(temporarySuffix) {
      let words = name.dropLast(temporarySuffix.count).split(separator: ".")
      guard let word = words.last, let process = pid_t(word) else { continue }
      let isGone = kill(process, 0) != 0 && errno == ESRCH
      if isGone || process == getpid() { unlink("\(path)/\(name)") }
    }
  }

  private func create() throws(InputError) {
    var made = path.hasPrefix("/") ? "/" : ""
    for component in path.split(separator: "/") {
      made += made.isEmpty || made.hasSuffix("/") ? String(component) : "/\(component)"
      guard mkdir(made, 0o777) == 0 || errno == EEXIST else { throw fault("cannot be made", errno) }
    }
  }

  private func names() throws(InputError) -> [String] {
    guard let stream = opendir(path) else { throw fault("cannot be read", errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names
  }

  private func fault(_ what: String, _ code: Int32) -> InputError {
    InputError(
      .inputOutput, "the folder \(what): \(String(cString: strerror(code)))",
      at: SourceLocation(file: path))
  }
}
