/// A member of the family `local/N`: N equal devices of the computer that trains, each one core and one
/// process.
///
/// Its figures are assumptions for a core of today; `partita calibrate` measures those of a real computer.
public struct LocalMachine {
  /// The names that lists show.
  static let names = ["local/1", "local/2", "local/4", "local/8"]
  /// The most devices.
  static let limit = 64

  /// The number of devices.
  let count: Int

  /// The member of so many devices.
  public init(count: Int) { self.count = count }

  /// The name of the group that all its devices form.
  public var group: String { count == 1 ? "core" : DeviceGroup.meshName }

  init?(name: String) {
    let words = name.split(separator: "/", omittingEmptySubsequences: false)
    guard words.count == 2, words[0] == "local", let count = Int(words[1]), (1...Self.limit).contains(count)
    else { return nil }
    self.count = count
  }

  /// The machine file.
  var yaml: String {
    var text = """
      # \(count == 1 ? "One core" : "\(count) cores") of the computer that trains, each a process of its own.
      schema: partita.machine/1
      name: local/\(count)
      devices:
        core:
          kind: processor\(count == 1 ? "" : "\n    count: \(count)")
          peak: {float32: 96 GFLOP/s}
          efficiency:
            - {work: 1 MFLOP, fraction: 0.3}
            - {work: 1 GFLOP, fraction: 0.8}
          launch: 2 us
          memory: {capacity: 8 GiB, bandwidth: 10 GB/s, efficiency: 0.8}
          source:
            - "peak: 3.0 GHz x 32 operations a cycle (one 512-bit fused multiply-add a cycle); assumed"
            - "efficiency, launch time, memory: assumed; 'partita calibrate' measures them"

      """
    guard count > 1 else { return text }
    text += """
      mesh:
        over: [core]
        levels:
          - name: shared-memory
            ways: \(count)
            topology: fully-connected
            bandwidth: 8 GB/s
            duplex: full
            latency: 1 us
            moved-by: devices
            source: "assumed; 'partita calibrate' measures it"

      """
    return text
  }
}
