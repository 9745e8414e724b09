import Diagnostics
import FoundationEssentials
import TestSupport
import Testing

@testable import Graphs

struct LayerTableTests {
  static let header = "name,kind,weights,input,output,macs_forward,macs_error,macs_weight_gradient"
  static let valid = """
    \(header)
    conv1,convolution,500,784,2880,392000,392000,392000
    conv2,convolution,25000,2880,800,3600000,3600000,3600000
    fc1,dense,400000,800,500,400000,400000,400000

    """

  private func faults(_ csv: String, batch: Int = 4) -> [Diagnostic] {
    do {
      _ = try readLayerTable(csv: csv, file: "table.csv", batch: batch)
      return []
    } catch { return error.diagnostics }
  }

  @Test func aTableIsAChainThatEndsInALoss() throws {
    let graph = try readLayerTable(csv: Self.valid, file: "tables/three layers.csv", batch: 4)
    #expect(graph.name == "three layers")
    #expect(graph.batch == 4)
    #expect(
      graph.nodes.map(\.operator.rules.kind)
        == ["tabulated-convolution", "tabulated-convolution", "tabulated-dense", "tabulated-loss"])
    #expect(graph.nodes.dropLast().map(\.name) == ["conv1", "conv2", "fc1"])
    #expect(graph.nodes[1].inputs[0] == graph.nodes[0].outputs[0])
    #expect(graph.outputTypes(of: graph.nodes[1])[0].shape == [4, 800])
    let count = try GraphCount(graph)
    #expect(count.parameters == 425_500)
    #expect(count.forward == 4 * 4_392_000)
  }

  @Test func phasesHaveTheirOwnCounts() throws {
    let csv = "\(Self.header)\nfc1,dense,6,2,3,10,0,30\n"
    let graph = try readLayerTable(csv: csv, file: "t.csv", batch: 2)
    let node = graph.nodes[0]
    let work = [Phase.forward, .error, .weightGradient].map {
      node.operator.rules.work($0, inputs: graph.inputTypes(of: node), outputs: graph.outputTypes(of: node))
        .multiplyAccumulates
    }
    #expect(work == [20, 0, 60])
  }

  @Test func columnsMayStandInAnyOrder() throws {
    let columns = Self.header.split(separator: ",").map(String.init)
    let turned = Self.valid.split(separator: "\n").map {
      $0.split(separator: ",").reversed().joined(separator: ",")
    }
    #expect(turned[0] == columns.reversed().joined(separator: ","))
    let table = try LayerTable(csv: turned.joined(separator: "\n"), file: "t.csv")
    #expect(try table == LayerTable(csv: Self.valid, file: "t.csv"))
  }

  @Test func commentsBlankLinesSpacesAndWindowsLineEndsAreAccepted() throws {
    let csv =
      "\u{FEFF}# a comment, with commas\r\n\r\n"
      + Self.valid.split(separator: "\n").map { " " + $0.replacing(",", with: " ,\t") + " \r\n" }.joined()
    #expect(try LayerTable(csv: csv, file: "t.csv") == LayerTable(csv: Self.valid, file: "t.csv"))
  }

  @Test(arguments: HyParNetwork.all)
  func writingAndReadingGiveTheSameTable(network: HyParNetwork) throws {
    let table = network.layerTable
    #expect(try LayerTable(csv: table.csv, file: "t.csv") == table)
  }

  @Test func aLayerMayBeCalledSamples() throws {
    let csv = "\(Self.header)\nsamples,dense,6,2,3,6,6,6\n"
    let graph = try readLayerTable(csv: csv, file: "t.csv", batch: 1)
    #expect(graph.nodes[0].name == "samples")
  }

  /// A table with one row changed, and the fault that it must give: its line, column and a part of its text.
  static let bad: [(csv: String, line: Int?, column: Int?, words: String)] = [
    ("", nil, nil, "no layers"),
    ("# nothing\n\n", nil, nil, "no layers"),
    (header, nil, nil, "no layers"),
    ("conv1,convolution,500,784,2880,1,1,1", 1, 1, "does not name the columns"),
    (header.replacing("weights", with: "weigths"), 1, 11, "did you mean “weights”?"),
    (header + ",nam", 1, 77, "did you mean “name”?"),
    (header + ",name", 1, 77, "stands twice"),
    (header.replacing(",output", with: ""), 1, 1, "missing columns: output"),
    (row("conv1,convolution,,784,2880,1,1,1"), 2, 19, "“weights” is missing"),
    (row("conv1,convolution,-5,784,2880,1,1,1"), 2, 19, "“weights” is negative: -5"),
    (row("conv1,convolution, 5.0,784,2880,1,1,1"), 2, 20, "not a whole number: 5.0"),
    (row("conv1,convolution,1e6,784,2880,1,1,1"), 2, 19, "not a whole number: 1e6"),
    (row("conv1,convolution,+6,784,2880,1,1,1"), 2, 19, "not a whole number: +6"),
    (row("conv1,convolution,٣,784,2880,1,1,1"), 2, 19, "not a whole number: ٣"),
    (row("conv1,convolution,0,784,2880,1,1,1"), 2, 19, "“weights” is zero"),
    (row("conv1,convolution,99999999999999999999,784,2880,1,1,1"), 2, 19, "larger than 2⁴⁶"),
    (row("conv1,convolution,70368744177665,784,2880,1,1,1"), 2, 19, "larger than 2⁴⁶"),
    (row("conv1,convolution,5,784,2880,9007199254740993,1,1"), 2, 30, "larger than 2⁵³"),
    (row("conv1,convolution,70368744177664,784,2880,1,1,1"), 2, 1, "2⁴⁸ bytes"),
    (row("conv1,convoluton,5,784,2880,1,1,1"), 2, 7, "did you mean “convolution”?"),
    (row("conv1,pooling,5,784,2880,1,1,1"), 2, 7, "the kinds are convolution and dense"),
    (row("conv1,,5,784,2880,1,1,1"), 2, 7, "no kind"),
    (row(",dense,5,784,2880,1,1,1"), 2, 1, "no name"),
    (row("\"a\",dense,5,784,2880,1,1,1"), 2, 1, "without quotes"),
    (row("a,dense,5,784,2880,1,1"), 2, 1, "names 8 columns, but the row has 7 values"),
    (row("a,dense,5,784,2880,1,1,1,9"), 2, 26, "names 8 columns, but the row has more values"),
    (
      row("a,dense,5,784,10,1,1,1\nb,dense,5,9,2,1,1,1"), 3, 11,
      "“b” reads 9 elements a sample, but “a” leaves 10"
    ),
    (row("a,dense,5,784,10,1,1,1\na,dense,5,10,2,1,1,1"), 3, 1, "“a” stands twice"),
  ]

  private static func row(_ text: String) -> String { "\(header)\n\(text)\n" }

  @Test(arguments: bad)
  func aFaultSaysWhereAndWhat(csv: String, line: Int?, column: Int?, words: String) throws {
    let fault = try #require(faults(csv).first)
    #expect(fault.location == SourceLocation(file: "table.csv", line: line, column: column))
    #expect("\(fault.message) \(fault.hint ?? "")".contains(words), "\(fault)")
    #expect(fault.kind == .badModel)
    #expect(faults(csv).count == 1)
  }

  @Test func everyFaultIsReportedAtOnce() {
    let csv = Self.valid.replacing("500,784", with: "x,784").replacing("fc1,dense", with: "fc1,danse")
    #expect(faults(csv).map(\.location?.line) == [2, 4])
  }

  @Test func reportingStopsWhereItHelpsNobody() {
    let csv = Self.header + "\n" + String(repeating: "a\n", count: 10_000)
    #expect(faults(csv).count == 50)
  }

  /// A line of a million commas is one fault, like any other row that does not fit.
  @Test func aLineWithoutEndIsOneFault() {
    let commas = String(repeating: ",", count: 1_000_000)
    #expect(faults(Self.header + "\n" + commas).count == 1)
    #expect(faults(commas).count == 1)
    #expect(faults("name" + commas).count == 16)
  }

  @Test func tooManyLayersAreRefused() {
    func rows(_ count: Int) -> String {
      Self.header + "\n" + (0..<count).map { "l\($0),dense,1,1,1,1,1,1\n" }.joined()
    }
    #expect(faults(rows(LayerTable.largestLayerCount)).isEmpty)
    #expect(faults(rows(LayerTable.largestLayerCount + 1)).count == 1)
  }

  @Test(arguments: [0, -3, Int.max])
  func aBatchThatCannotBeIsAUsageError(batch: Int) {
    #expect(faults(Self.valid, batch: batch).map(\.kind) == [.usage])
  }

  /// The example is the built-in table, with its source above.
  @Test func theExampleIsTheBuiltInTable() throws {
    let root = #filePath.split(separator: "/").dropLast(4).joined(separator: "/")
    let csv = try String(contentsOfFile: "/\(root)/Examples/hypar-lenet-c.csv", encoding: .utf8)
    let network = try #require(HyParNetwork.all.first { $0.name == "lenet-c" })
    #expect(try LayerTable(csv: csv, file: "example") == network.layerTable)
    #expect(try readLayerTable(csv: csv, file: "hypar-lenet-c.csv", batch: 1).name == "hypar-lenet-c")
  }

  /// Any text gives a graph or faults that point into it, and never a trap.
  @Test(arguments: [1, 2, 3] as [UInt64])
  func noTextTraps(seed: UInt64) {
    var generator = SplitMix64(seed: seed)
    let pieces: [[UInt8]] = [
      ",", "\n", "\r\n", "-", "0", "9", "99999999999999999999", "\"", "#", " ", "\t", "é", "\0", "dense",
      "name", Self.header, "1e9", "samples", "conv1", "70368744177664",
    ].map { Array($0.utf8) }
    var accepted = 0
    for trial in 0..<1500 {
      var text = Array(Self.valid.utf8)
      for _ in 0...generator.below(2) {
        let at = generator.below(text.count + 1)
        switch generator.below(4) {
        case 0: text.insert(contentsOf: pieces[generator.below(pieces.count)], at: at)
        case 1: text.removeSubrange(at..<min(text.count, at + generator.below(12)))
        case 2 where at < text.count: text[at] = UInt8(truncatingIfNeeded: generator.next())
        default: text.insert(contentsOf: text[..<min(text.count, generator.below(80))], at: at)
        }
      }
      let csv = String(decoding: text, as: UTF8.self)
      let batch = [1, 256, 1 << 36][generator.below(3)]
      let found = faults(csv, batch: batch)
      if found.isEmpty { accepted += 1 }
      let lines = csv.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false)
      for fault in found {
        guard let line = fault.location?.line, let column = fault.location?.column else { continue }
        #expect(
          1...lines.count ~= line && 1...(lines[line - 1].count + 1) ~= column,
          "seed \(seed), trial \(trial): \(fault)")
      }
    }
    #expect(accepted > 20 && accepted < 1400, "seed \(seed): \(accepted) accepted")
  }
}
