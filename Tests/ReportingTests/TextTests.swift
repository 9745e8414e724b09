import Diagnostics
import Reporting
import Results
import Testing
import Units

struct TextTests {
  private static let details: [Detail] = [.brief, .normal, .full]

  private static var reports: [String] {
    details.flatMap { detail in
      [
        Samples.inspection.text(detail), Samples.plan.text(detail), Samples.simulation.text(detail),
        Samples.study.text(detail),
      ]
    } + [text(of: Samples.models), text(of: Samples.machines)]
  }

  @Test func `no line is wider than 100 columns, ends in a space, or holds a tab`() {
    for report in Self.reports {
      #expect(report.hasSuffix("\n") && !report.hasSuffix("\n\n"))
      for line in report.split(separator: "\n", omittingEmptySubsequences: false) {
        #expect(line.count <= 100, "\(line)")
        #expect(line.last != " ", "\(line)|")
        #expect(!line.contains("\t"))
      }
    }
  }

  @Test func `a plan says what it costs, why, and what was tried`() {
    let text = Samples.plan.text()
    for expected in [
      "lenet on two devices, batch 256", "13 ms simulated; the price, a lower bound, is 12.35 ms", "1.25 J",
      "3 MiB",
      "exact, least time: no plan of the space is better (81 states compared)",
      "yes: the fullest memory is npu[0–15] (16) with 900 MiB of 1 GiB", "conv1 … conv2 (2)",
      "batch at all 2 levels",
      "input-channel, batch", "75 % : 25 %", "- fc1 has many parameters", "8 ms a step", "data-parallel",
      "needs 2 GiB of 1 GiB", "900 MiB", "weights 800 MiB, activations",
      "arithmetic", "80 %", "`idle-power` changed no number",
    ] {
      #expect(text.contains(expected), "\(expected) is not in\n\(text)")
    }
    #expect(!text.contains("workspace 0"))
  }

  @Test func `columns of numbers line up at their right ends`() {
    let lines = Samples.plan.text().split(separator: "\n")
    let start = lines.firstIndex { $0.hasPrefix("Bottlenecks") } ?? 0
    let widths = Set(lines[(start + 1)...(start + 3)].map(\.count))
    // The column `doubled` is the last and the header and first row reach its right end; `-` stands there,
    // too.
    #expect(widths.count == 1, "\(lines[(start + 1)...(start + 3)])")
  }

  @Test func `an inspection shows the heaviest operators first and all of them when asked`() {
    let normal = Samples.inspection.text()
    #expect(normal.contains("NonZero") && normal.contains("n1, n2"))
    #expect(normal.contains("… and 4 more, with --verbose"))
    let last = normal.ranges(of: "conv19").first?.lowerBound ?? normal.endIndex
    let middle = normal.ranges(of: "conv10").first?.lowerBound ?? normal.startIndex
    #expect(last < middle)
    #expect(!normal.contains("conv0 "))
    #expect(Samples.inspection.text(.full).contains("conv0 "))
    #expect(!Samples.inspection.text(.brief).contains("conv19"))
  }

  @Test func `a study counts large groups and names what misses`() {
    let text = Samples.study.text()
    #expect(text.contains("fig5: 39 of 40 hold"))
    #expect(text.contains("fig5.SFC.H3 "))
    #expect(!text.contains("fig5.SFC.H4 "))
    #expect(text.contains("fig6: 1 of 1 hold"))
    #expect(Samples.study.text(.full).contains("fig5.SFC.H4 "))
    #expect(Samples.study.text(.brief).contains("fig5.SFC.H3 "))
  }

  @Test func `a simulation adds up its critical path by kind of work`() {
    let text = Samples.simulation.text()
    // 9 ms of 13 ms are 69.2 %.
    #expect(text.contains("69.2 %"))
    #expect(text.contains("npu[0–1] (2)"))
    #expect(Samples.simulation.text(.full).contains("fc1 gradient"))
    #expect(!text.contains("fc1 gradient"))
  }

  @Test func `a fault stands on one line, as compilers write it`() {
    let place = SourceLocation(file: "m.yaml", line: 3, column: 7)
    let fault = InputError(.badMachine, "unknown key `nam`", at: place, hint: "did you mean `name`?")
    #expect(fault.text == "m.yaml:3:7: unknown key `nam` (did you mean `name`?)")
    let binary = InputError(.badModel, "cut", at: SourceLocation(file: "m.onnx", byteOffset: 12, part: "n1"))
    #expect(binary.text == "m.onnx: byte 12: n1: cut")
    #expect(InputError(.usage, "no").text == "no")
    #expect(InputError([Diagnostic(.usage, "a"), Diagnostic(.usage, "b")]).text == "a\nb")
  }

  @Test func `a name out of a file moves no cursor`() {
    let fault = InputError(.badModel, "unknown `\u{1B}[2J\n`")
    #expect(fault.text == "unknown `\u{FFFD}[2J\u{FFFD}`")
  }
}
