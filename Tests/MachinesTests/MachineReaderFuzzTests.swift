import Diagnostics
import Machines
import TestSupport
import Testing

@Suite struct MachineReaderFuzzTests {
  static let fragments: [String] = [
    "{", "}", "[", "]", ":", ",", "- ", "? ", "&a ", "*a", "!x ", "|\n", ">-\n", "\n", "\n\n", "  ", "\t",
    "#", "'", "\"",
    "\\", "%", "@", "---\n", "...\n", "0", "-1", "1e999", "1e-999 s", "99999999999999999999", ".inf", "nan",
    "GB/s",
    "null", "~", "true", "count: 65536", "ways: 65536", "shape: [256, 256]", "over: [gpu, gpu]", "\u{0}",
    "\u{FEFF}",
    "é", "𝔘", "\r\n", "<<: *a", "devices:", "links:", "mesh:", "kind: gpu", "efficiency: []", "source:",
  ]

  /// The text with one to four random pieces removed, doubled, moved or replaced.
  static func mutated(_ text: [UInt8], by generator: inout SplitMix64) -> [UInt8] {
    var text = text
    for _ in 0..<Int.random(in: 1...4, using: &generator) {
      guard !text.isEmpty else { return text }
      let start = Int.random(in: 0..<text.count, using: &generator)
      let end = min(text.count, start + Int.random(in: 0...30, using: &generator))
      let fragment = Array(fragments[Int.random(in: fragments.indices, using: &generator)].utf8)
      switch Int.random(in: 0..<5, using: &generator) {
      case 0: text.removeSubrange(start..<end)
      case 1: text.insert(contentsOf: fragment, at: start)
      case 2: text.replaceSubrange(start..<end, with: fragment)
      case 3:
        text.insert(contentsOf: text[start..<end], at: Int.random(in: 0...text.count, using: &generator))
      default: text[start] = UInt8.random(in: 0...255, using: &generator)
      }
    }
    return text
  }

  // No input may trap, and what is refused is refused with a reason. 300 mutations of each of 9 machines.
  @Test(arguments: [
    "hypar/16", "hypar/torus-4x4", "dpt-vision", "laptop", "workstation", "gpu-server-8", "whole",
  ])
  func noMutationTraps(name: String) throws {
    let seed: UInt64 = 20_260_101
    let text = Array(
      (name == "whole" ? wholeMachine : try #require(MachineCatalogue().yaml(named: name))).utf8)
    var generator = SplitMix64(seed: seed)
    var refused = 0
    for round in 0..<500 {
      let mutant = String(decoding: MachineReaderFuzzTests.mutated(text, by: &generator), as: UTF8.self)
      do throws(InputError) {
        let file = try MachineFile(yaml: mutant, file: "mutant")
        // What is accepted is a machine whose parts refer to each other.
        let devices = file.machine.devices.count
        #expect(
          file.machine.mesh.map { $0.devices.allSatisfy { $0.index < devices } } ?? true,
          "seed \(seed) \(round)")
        #expect(file.machine.groups.flatMap(\.devices).count == devices, "seed \(seed), round \(round)")
      } catch {
        refused += 1
        #expect(!error.diagnostics.isEmpty, "seed \(seed), round \(round)")
      }
    }
    #expect(refused > 100, "mutations of \(name) hardly ever matter")
  }
}
