/// A number of physics in a machine file: one that carries a unit, or an efficiency.
///
/// Counts that say what the machine is made of, such as rows, ways and channels, are none. Zero is none
/// either: twice nothing is nothing.
public struct PhysicsField: Hashable, Sendable {
  /// Where it stands, such as `devices.npu.memory.bandwidth` or `links[0].latency`.
  public let path: String
  /// Its line in the file, from one.
  public let line: Int

  /// Creates a field.
  public init(path: String, line: Int) {
    self.path = path
    self.line = line
  }
}
