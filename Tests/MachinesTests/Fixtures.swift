import Diagnostics
import Machines
import Testing

/// A small machine of every part; tests replace a piece of it.
let wholeMachine = """
  schema: partita.machine/1
  name: one NPU fed by four near-storage drives
  devices:
    host: {kind: processor, peak: {float32: 1.2 TFLOP/s}, efficiency: 0.5, launch: 5 us,
           memory: {capacity: 64 GiB, bandwidth: 80 GB/s, efficiency: 0.9}, idle-power: 30 W, source: assumed}
    npu: {kind: systolic-array, rows: 64, columns: 64, dataflow: weight-stationary, clock: 700 MHz,
          memory: {capacity: 16 GiB, bandwidth: 256 GB/s, efficiency: 0.8, energy: 20 pJ/B},
          energy-per-mac: 1 pJ, source: assumed}
    drive: {kind: near-storage, count: 4, array: {rows: 32, columns: 32, clock: 200 MHz}, source: assumed,
            memory: {capacity: 4 GiB, bandwidth: 19.2 GB/s, efficiency: 0.8},
            flash: {channels: 8, dies-per-channel: 8, page: 16 KiB, read: 75 us, program: 750 us,
                    bus: 333 MT/s, efficiency: 0.75}}
    gpu:
      kind: gpu
      count: 8
      peak: {float32: 10 TFLOP/s, bfloat16: 100 TFLOP/s}
      efficiency: [{work: 1 MFLOP, fraction: 0.3}, {work: 1 GFLOP, fraction: 0.8}]
      launch: 4 us
      memory: {capacity: 80 GB, bandwidth: 2 TB/s, efficiency: 0.9}
      source: [one datasheet, another]
  switches: [root]
  links:
    - {from: drive, to: host, bandwidth: 3.2 GB/s, latency: 4 us, duplex: full, source: assumed}
    - {from: host, to: npu, bandwidth: 12 GB/s, latency: 2 us, duplex: half, energy: 5 pJ/B, source: assumed}
    - {from: "gpu[3]", to: root, bandwidth: 1 GB/s, latency: 0 s, duplex: full, source: assumed}
  mesh:
    over: [gpu]
    attach: {to: host, bandwidth: 32 GB/s, latency: 1 us, duplex: full, source: assumed}
    levels:
      - {name: top, ways: 2, topology: fully-connected, bandwidth: 50 GB/s, duplex: full, latency: 1 us,
         source: assumed}
      - {name: grid, topology: torus, shape: [2, 2], bandwidth: 9 GB/s, duplex: half, latency: 2 us,
         energy: 1 pJ/b, source: assumed}
  samples: {on: drive, bytes-per-element: 1}

  """

/// The faults of a text; empty where it is read.
func faults(_ yaml: String) -> [Diagnostic] {
  do throws(InputError) {
    _ = try readMachine(yaml: yaml, file: "machine.yaml")
    return []
  } catch {
    return error.diagnostics
  }
}

/// The faults of ``wholeMachine`` after a replacement, which must apply.
func faults(replacing old: String, by new: String) throws -> [Diagnostic] {
  let changed = wholeMachine.replacingFirst(old, by: new)
  try #require(changed != wholeMachine, "'\(old)' is not in the machine")
  return faults(changed)
}

extension String {
  /// The text with the first occurrence of `old` replaced.
  func replacingFirst(_ old: String, by new: String) -> String {
    guard let found = firstRange(of: old) else { return self }
    return String(self[..<found.lowerBound]) + new + String(self[found.upperBound...])
  }

  private func firstRange(of text: String) -> Range<Index>? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}
