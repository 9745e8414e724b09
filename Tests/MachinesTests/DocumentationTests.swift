import Glibc
import Machines
import Testing

@Suite struct DocumentationTests {
  // The first block of the page is a whole machine, the second the rates of a device, the third a mesh.
  @Test func theMachineOfThePageIsRead() throws {
    let folder = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    let page = try #require(text(of: "/\(folder)/Documentation/machine-files.md"))
    let blocks = page.split(separator: "```").filter { $0.hasPrefix("yaml\n") }.map {
      String($0.dropFirst(5))
    }
    try #require(blocks.count == 3)
    let file = try MachineFile(yaml: blocks[0], file: "machine-files.md")
    #expect(file.warnings.isEmpty)
    #expect(file.machine.devices.count == 6)
    let device = """
      kind: row-stationary-array, peak: {float32: 84 GFLOP/s}, efficiency: 1, source: assumed,
           memory: {capacity: 16 GiB, bandwidth: 320 GB/s, efficiency: 1}
      """
    let array = """
      schema: partita.machine/1
      name: array
      devices: {accelerator: {count: 32, \(device)}, host: {\(device)}}
      links: [{from: accelerator, to: host, bandwidth: 1 GB/s, latency: 0 s, duplex: full, source: assumed}]

      """
    let mesh = try readMachine(yaml: array + blocks[2], file: "machine-files.md").mesh
    #expect(mesh?.levels.map(\.ways) == [2, 4, 4])
    let core = """
      schema: partita.machine/1
      name: core
      devices:
        core:
          kind: processor
          peak: {float32: 100 GFLOP/s}
          efficiency: 1
          launch: 1 us
          source: assumed
          memory: {capacity: 16 GiB, bandwidth: 20 GB/s, efficiency: 1}

      """
    let rates = blocks[1].split(separator: "\n").map { "    \($0)\n" }.joined()
    let measured = try readMachine(yaml: core + rates, file: "machine-files.md")
    #expect(measured.devices[0].kernelRates != nil)
  }

  private func text(of path: String) -> String? {
    guard let file = fopen(path, "r") else { return nil }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
