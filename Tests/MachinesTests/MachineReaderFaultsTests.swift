import Diagnostics
import Machines
import Testing

@Suite struct MachineReaderFaultsTests {
  /// Each replacement makes one fault, whose message has the third text and whose hint has the fourth.
  static let cases: [(old: String, new: String, message: String, hint: String)] = [
    ("bandwidth: 80 GB/s", "bandwith: 80 GB/s, bandwidth: 80 GB/s", "unknown key 'bandwith'", "'bandwidth'"),
    ("schema: partita.machine/1", "schema: partita.machine/2", "is not read", "partita.machine/1"),
    ("name: one", "title: x\nname: one", "unknown key 'title'", ""),
    ("bandwidth: 80 GB/s", "bandwidth: 80", "has no unit", "GB/s"),
    ("bandwidth: 80 GB/s", "bandwidth: 80 GBps", "'GBps' in '80 GBps'", "did you mean"),
    ("bandwidth: 80 GB/s", "bandwidth: 80 W", "'W' in '80 W'", "legal units"),
    ("bandwidth: 80 GB/s", "bandwidth: 0 GB/s", "is outside", ""),
    ("bandwidth: 80 GB/s", "bandwidth: -80 GB/s", "below zero", ""),
    ("bandwidth: 80 GB/s", "bandwidth: .nan", "does not begin with a number", ""),
    ("bandwidth: 80 GB/s", "bandwidth: 1e300 GB/s", "is too large", ""),
    ("bandwidth: 80 GB/s", "bandwidth: [80 GB/s]", "found a list", ""),
    ("bandwidth: 80 GB/s", "bandwidth: 1e30 B/s", "is outside", ""),
    ("bandwidth: 80 GB/s", "bandwidth: ''", "found nothing", ""),
    ("capacity: 64 GiB", "capacity: 0.3 B", "whole number of bytes", ""),
    ("capacity: 64 GiB", "capacity: 64 KB", "'KB'", "kB"),
    ("capacity: 64 GiB", "capacity: 2 EiB", "is outside", ""),
    ("efficiency: 0.5", "efficiency: 1.5", "is outside", ""),
    ("efficiency: 0.5", "efficiency: 0", "is outside", ""),
    ("efficiency: 0.5", "efficiency: 50 %", "expected a fraction", "0.8"),
    ("efficiency: 0.5", "efficiency: []", "the list of points is empty", ""),
    ("work: 1 GFLOP", "work: 1 kFLOP", "does not exceed", ""),
    ("work: 1 GFLOP", "work: 0 FLOP", "is outside", ""),
    ("fraction: 0.3", "fraction: 3", "is outside", ""),
    ("kind: processor", "kind: prozessor", "not a legal kind", "'processor'"),
    (
      "{kind: processor, ", "{kind: processor, instruction-set: sse4, ", "not a legal instruction-set",
      "'sse41'"
    ),
    ("{kind: processor, ", "{kind: processor, instruction-set: [avx], ", "found a list", ""),
    ("kind: gpu\n", "kind: gpu\n    instruction-set: avx2\n", "unknown key 'instruction-set'", ""),
    ("{kind: processor, ", "{kind: processor, threads: 0, ", "0 is outside 1 to 1024", ""),
    ("{kind: processor, ", "{kind: processor, threads: 1.5, ", "expected a whole number", ""),
    ("{kind: processor, ", "{kind: processor, threads: -1, ", "expected a whole number", ""),
    ("kind: gpu\n", "kind: gpu\n    threads: 2\n", "unknown key 'threads'", ""),
    ("{kind: processor, ", "{", "the key 'kind' is missing", "near-storage"),
    ("peak: {float32: 1.2 TFLOP/s}, ", "", "the key 'peak' is missing", ""),
    ("efficiency: 0.5, ", "", "the key 'efficiency' is missing", "or 1 for all"),
    ("launch: 5 us,", "", "the key 'launch' is missing", ""),
    (", efficiency: 0.9}", "}", "the key 'efficiency' is missing", ""),
    ("peak: {float32: 1.2 TFLOP/s}", "peak: {}", "there is no peak", ""),
    ("peak: {float32: 1.2 TFLOP/s}", "peak: {float33: 1.2 TFLOP/s}", "unknown key 'float33'", "'float32'"),
    ("rows: 64", "rows: 0", "0 is outside", ""),
    ("rows: 64", "rows: 6.4", "expected a whole number", ""),
    ("rows: 64", "rows: 99999999999999999999", "expected a whole number", ""),
    (
      "dataflow: weight-stationary", "dataflow: output-stationary", "not a legal dataflow",
      "weight-stationary"
    ),
    ("count: 4", "count: 65537", "is outside", ""),
    ("count: 4", "count: 65530", "more than 65536 devices", ""),
    ("source: assumed", "source: []", "the list of sources is empty", ""),
    ("source: assumed", "source: {}", "expected text, found a mapping", ""),
    ("  npu:", "  n pu:", "is not a legal name", "letters"),
    ("  npu:", "  mesh:", "the name 'mesh' is taken", ""),
    ("switches: [root]", "switches: [root, host]", "the name 'host' is taken", ""),
    ("from: drive, to: host", "from: drives, to: host", "no device or switch is named 'drives'", "'drive'"),
    ("from: drive, to: host", "from: drive, to: gpu", "both ends are several", ""),
    ("from: host, to: npu", "from: host, to: host", "to itself", ""),
    ("\"gpu[3]\"", "\"gpu[8]\"", "is named 'gpu[8]'", ""),
    ("duplex: half", "duplex: both", "not a legal duplex", "half, full"),
    ("over: [gpu]", "over: [gpu, gpu]", "stands twice", ""),
    ("over: [gpu]", "over: [cpu]", "no device is named 'cpu'", "'npu'"),
    ("over: [gpu]", "over: []", "over nothing", ""),
    ("ways: 2", "ways: 3", "3 × 2 × 2 = 12 devices, but the mesh has 8", ""),
    ("ways: 2", "ways: 1", "1 is outside", ""),
    ("ways: 2, ", "", "the key 'ways' is missing", ""),
    ("shape: [2, 2]", "shape: [2, 2], ways: 4", "both 'ways' and 'shape'", ""),
    ("shape: [2, 2]", "shape: []", "1 to 8 extents", ""),
    ("ways: 2", "shape: [2]", "a fully-connected has no shape", ""),
    ("{name: top", "{name: grid-0", "the name 'grid-0' is taken", ""),
    ("{to: host, bandwidth: 32", "{to: gpu, bandwidth: 32", "its own device", ""),
    ("{on: drive", "{on: npu", "'npu' has no storage", "near-storage"),
    ("{on: drive", "{on: drives", "no device is named 'drives'", "'drive'"),
    ("bytes-per-element: 1", "bytes-per-element: 0", "0 is outside", ""),
    ("{kind: processor", "{kind: !gpu processor", "the tag '!gpu' is not read", ""),
    ("  - {from: host, to: npu", "  - {from: host, to: root", "nothing joins the device 'npu'", ""),
  ]

  @Test(arguments: cases.indices) func aFaultIsOneErrorWithItsPlace(index: Int) throws {
    let (old, new, message, hint) = MachineReaderFaultsTests.cases[index]
    let found = try faults(replacing: old, by: new)
    let matching = found.filter { $0.message.contains(message) && ($0.hint ?? "").contains(hint) }
    #expect(matching.count >= 1, "\(new): \(found.map { "\($0.message) — \($0.hint ?? "")" })")
    // A wrong name may also leave its device without a link, but nothing else follows from a fault.
    #expect(found.count <= 3, "\(new): \(found.map(\.message))")
    for diagnostic in found {
      #expect(diagnostic.kind == .badMachine)
      #expect(diagnostic.location?.file == "machine.yaml")
      #expect(diagnostic.location?.line != nil)
    }
  }

  // Line 5 is '         memory: {capacity: 64 GiB, …'.
  @Test func aFaultHasItsLineAndColumn() throws {
    let found = try faults(replacing: "bandwidth: 80 GB/s", by: "bandwith: 80 GB/s")
    let lines = wholeMachine.split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(lines.firstIndex { $0.contains("bandwidth: 80") })
    let prefix = try #require(lines[line].split(separator: "bandwidth").first)
    let misspelt = try #require(found.first { $0.message == "unknown key 'bandwith'" })
    #expect(misspelt.location?.line == line + 1)
    #expect(misspelt.location?.column == prefix.count + 1)
    #expect(misspelt.location?.part == "devices.host.memory")
  }

  @Test func faultsAreReportedTogetherInTheOrderOfTheFile() {
    let yaml = wholeMachine.replacingFirst("launch: 5 us", by: "launch: 5")
      .replacingFirst("to: npu", by: "to: nowhere")
      .replacingFirst("rows: 64", by: "rows: many")
      .replacingFirst("schema: partita.machine/1", by: "schema: none")
    let found = faults(yaml)
    #expect(found.count == 4)
    let lines = found.compactMap { $0.location?.line }
    #expect(lines == lines.sorted())
  }

  // What is left out: the efficiency of arithmetic, the launch time, the efficiency of memory.
  @Test func thereAreNoSilentDefaults() {
    let yaml = """
      schema: partita.machine/1
      name: sketch
      devices:
        host:  {kind: processor, peak: {float32: 1.2 TFLOP/s}, memory: {capacity: 64 GiB, bandwidth: 80 GB/s}}
      """
    #expect(
      faults(yaml).map(\.message) == [
        "the key 'efficiency' is missing", "the key 'launch' is missing", "the key 'efficiency' is missing",
      ])
  }

  @Test(arguments: [
    "", "   \n", "# nothing", "- a list", "just text", "{", "[", "a: b: c", "\t- x", "a: 'open",
    "--- a\n--- b",
    "%YAML 9.9\n---\na", "? [1, 2]\n: 3", "&a [*a]", "*a", "a: *b", "\u{0}", "\u{FEFF}", "!!binary x",
    "<<: {a: b}",
    "a: !!int 3", "schema: [", "{a, b}", "'", "\"\\u0000\"", "? a\n? b", "- - - -",
    "devices: {a: {kind: gpu}}",
  ]) func whatIsNoMachineIsAnError(text: String) {
    #expect(!faults(text).isEmpty)
  }

  @Test func aKeyThatStandsTwiceIsAnError() throws {
    let found = try faults(replacing: "rows: 64", by: "rows: 64, rows: 32")
    #expect(found.map(\.message) == ["duplicate key 'rows'"])
    #expect(found.first?.location?.line != nil)
  }

  @Test func bombsAreRefused() {
    let openers = String(repeating: "[", count: 100_000)
    let mappings = String(repeating: "{a: ", count: 100_000)
    let dashes = String(repeating: "- ", count: 100_000)
    let questions = String(repeating: "? ", count: 100_000)
    let indents = (0..<1400).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    let closed = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
    for text in [openers, mappings, dashes, questions, indents, closed] { #expect(!faults(text).isEmpty) }
    var laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for level in 1..<12 {
      let names = [String](repeating: "*a\(level - 1)", count: 9).joined(separator: ", ")
      laughs += "a\(level): &a\(level) [\(names)]\n"
    }
    #expect(faults(laughs).first?.message.contains("aliases") == true)
    #expect(faults(String(repeating: "#", count: (1 << 20) + 1)).first?.message.contains("bytes") == true)
    let wide = "[" + String(repeating: "a,", count: 200_000) + "]"
    #expect(faults(wide).first?.message.contains("values") == true)
    let keys = "{" + (0..<100_000).map { "k\($0): 1" }.joined(separator: ", ") + "}"
    #expect(!faults(keys).isEmpty)
  }
}
