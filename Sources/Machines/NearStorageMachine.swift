/// A member of the family `dpt-vision/D`: D near-storage drives that feed one NPU through a shared root.
struct NearStorageMachine {
  /// The names that lists show; every count from 1 to 16 is read.
  static var names: [String] { ["dpt-vision"] + [1, 2, 4, 8, 16].map { "dpt-vision/\($0)" } }

  let name: String
  /// How many drives there are.
  let drives: Int

  init?(name: String) {
    self.name = name
    if name == "dpt-vision" {
      self.drives = 4
    } else {
      guard let drives = (1...16).first(where: { name == "dpt-vision/\($0)" }) else { return nil }
      self.drives = drives
    }
  }

  /// The machine file.
  var yaml: String {
    """
    # \(drives == 1 ? "One drive" : "\(drives) drives") with an array beside the flash, one NPU and a host
    # on a shared PCI Express root. The publication (DPT, IEEE CAL 2021) names neither networks nor machine:
    # the sources say what is assumed.
    schema: partita.machine/1
    name: \(name)
    devices:
      host:
        kind: processor
        peak: {float32: 400 GFLOP/s, bfloat16: 400 GFLOP/s, float16: 400 GFLOP/s}
        efficiency: 1
        launch: 0 s
        memory: {capacity: 64 GiB, bandwidth: 40 GB/s, efficiency: 1}
        source: "assumed: one socket that adds gradients at 40 GB/s, with arithmetic that never limits it"
      npu:
        kind: systolic-array
        rows: 64
        columns: 64
        clock: 700 MHz
        dataflow: weight-stationary
        memory: {capacity: 16 GiB, bandwidth: 256 GB/s, efficiency: 0.8}
        source:
          - "array: assumed; the clock is that of TPU v1"
          - "memory bandwidth: one HBM2 stack, 1024 bit x 2.0 Gb/s (JESD235); efficiency and capacity assumed"
      drive:
        kind: near-storage
        count: \(drives)
        array: {rows: 32, columns: 32, clock: 200 MHz, dataflow: weight-stationary}
        memory: {capacity: 4 GiB, bandwidth: 19.2 GB/s, efficiency: 0.8}
        flash: {channels: 8, dies-per-channel: 8, page: 16 KiB, read: 75 us, program: 750 us, bus: 333 MT/s,
                efficiency: 0.75}
        source:
          - "array: assumed; 1024 cells of 16 bits fit an FPGA of the KU15P class (1968 multipliers)"
          - "memory bandwidth: DDR4-2400, 64 bits (JESD79-4); efficiency and capacity assumed"
          - "flash: assumed; 8 channels x 333 MB/s x 0.75 = 2 GB/s a drive"
    switches: [root]
    links:
      - from: drive
        to: root
        bandwidth: 3.2 GB/s
        duplex: full
        latency: 4 us
        source: "PCI Express 3.0: 4 lanes, 3.94 GB/s less protocol; latency assumed"
      - from: root
        to: host
        bandwidth: 12 GB/s
        duplex: full
        latency: 2 us
        source: "PCI Express 3.0: 16 lanes, 15.75 GB/s less protocol; latency assumed"
      - from: root
        to: npu
        bandwidth: 12 GB/s
        duplex: full
        latency: 2 us
        source: "PCI Express 3.0: 16 lanes, 15.75 GB/s less protocol; latency assumed"
    samples: {on: drive, bytes-per-element: 1}

    """
  }
}
