import Diagnostics
import Documents
import Graphs
import Machines
import Plans
import Results

/// A plan as a file: what is decided for which layers, and how the step is run.
///
/// `layers` are the weighted layers and `operators` all others; either may be left out when a plan is written
/// by hand, and whatever is not said is searched. The same document as a planning result can be read back.
struct PlanFile {
  /// A layer's devices and the axis on each level.
  struct Entry {
    let name: String
    let devices: String?
    let axes: [String]
    let element: JSONElement
  }

  let model: String?
  let machine: String?
  let batch: Int?
  let step: Step
  let entries: [Entry]
  let shares: [Share]
  let file: String

  /// How the step is run; what is not said is left to flags and defaults.
  struct Step {
    var optimizer: Request.Optimizer?
    var precision: Precision?
    var batchNormalization: Request.BatchNormalization?
    var overlap: Overlap?
    var cells: Int?
    var microBatches: Int?
    var reduction: ReductionTiming?
  }

  static let schema = "partita.plan/1"

  /// Keys of a planning result that decide nothing.
  private static let reportKeys = [
    "search", "cost", "memory", "alternatives", "why", "bottlenecks", "assumptions", "warnings",
  ]

  init(text: String, file: String) throws(InputError) {
    self.file = file
    let root = try JSONElement(parsing: Array(text.utf8), file: file, kind: .badModel)
    let fields = try root.fields(
      required: ["schema"],
      optional: ["model", "machine", "batch", "step", "layers", "operators", "shares"] + Self.reportKeys)
    let schema = try fields["schema"].string()
    guard schema == Self.schema else {
      throw fields["schema"].fault("the schema '\(schema)' is not \(Self.schema)")
    }
    model = try fields.optional("model")?.string()
    machine = try fields.optional("machine")?.string()
    batch = try fields.optional("batch")?.integer(in: 1...Int(Int32.max))
    step = try fields.optional("step").map(Self.step) ?? Step()
    var entries: [Entry] = []
    for key in ["layers", "operators"] {
      guard let list = fields.optional(key) else { continue }
      for element in try list.array() { entries.append(try Self.entry(element)) }
    }
    self.entries = entries
    var shares: [Share] = []
    if let list = fields.optional("shares") {
      for element in try list.array() { shares.append(try Share(element)) }
    }
    self.shares = shares
  }

  private static func step(_ element: JSONElement) throws(InputError) -> Step {
    let fields = try element.fields(
      required: [],
      optional: [
        "optimizer", "precision", "batch_normalization", "overlap", "cells", "micro_batches", "reduction",
      ])
    func choice<Choice>(_ key: String, _ type: Choice.Type) throws(InputError) -> Choice?
    where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
      try fields.optional(key)?.choice(type)
    }
    return Step(
      optimizer: try choice("optimizer", Request.Optimizer.self),
      precision: try choice("precision", Precision.self),
      batchNormalization: try choice("batch_normalization", Request.BatchNormalization.self),
      overlap: try choice("overlap", Overlap.self),
      cells: try fields.optional("cells")?.integer(in: 1...Int(Int32.max)),
      microBatches: try fields.optional("micro_batches")?.integer(in: 1...(1 << 20)),
      reduction: try choice("reduction", ReductionTiming.self))
  }

  private static func entry(_ element: JSONElement) throws(InputError) -> Entry {
    let fields = try element.fields(required: ["name"], optional: ["devices", "axes"])
    var axes: [String] = []
    if let list = fields.optional("axes") { for axis in try list.array() { axes.append(try axis.string()) } }
    return Entry(
      name: try fields["name"].string(), devices: try fields.optional("devices")?.string(), axes: axes,
      element: element)
  }

  /// Checks every entry against the network and the machine, and returns the rules and groups to keep.
  func decisions(
    for graph: Graph, on machine: Machine
  ) throws(InputError) -> (rules: [String: [String]], groups: [String: String]) {
    var rules: [String: [String]] = [:]
    var groups: [String: String] = [:]
    let names = graph.nodes.map(\.name)
    let known = Dictionary(
      names.enumerated().map { ($0.element, $0.offset) }, uniquingKeysWith: { first, _ in first })
    var faults: [Diagnostic] = []
    for entry in entries {
      guard let index = known[entry.name] else {
        let near = suggestion(for: entry.name, among: names)
        faults += entry.element.fault("the network has no layer '\(entry.name)'", hint: near).diagnostics
        continue
      }
      if let name = entry.devices {
        let isKnown =
          machine.groups.contains { $0.name == name } || machine.devices.contains { $0.name == name }
        guard isKnown else {
          let legal = machine.groups.map(\.name).joined(separator: ", ")
          faults +=
            entry.element.fault("the machine has no devices '\(name)'", hint: "it has: \(legal)").diagnostics
          continue
        }
        groups[entry.name] = name
      }
      let legal = OperatorProfile(NodeID(index), in: graph).rules.map(\.name)
      if let wrong = entry.axes.first(where: { !legal.contains($0) }) {
        faults +=
          entry.element.fault(
            "'\(entry.name)' cannot be split by '\(wrong)'", hint: "legal: \(legal.joined(separator: ", "))"
          ).diagnostics
        continue
      }
      let group =
        machine.groups.first { $0.name == entry.devices } ?? machine.firstGroupOfSeveral
      if !entry.axes.isEmpty, let group, entry.axes.count != group.levels.count {
        faults +=
          entry.element.fault(
            "'\(entry.name)' has \(entry.axes.count) axes, '\(group.name)' has \(group.levels.count) levels"
          ).diagnostics
        continue
      }
      rules[entry.name] = entry.axes
    }
    if !faults.isEmpty { throw InputError(faults) }
    return (rules, groups)
  }
}

extension Plan {
  /// The plan as a document that can be read back.
  func document(_ graph: Graph, settings: JSONValue, shares: [PlanReport.Share]) -> JSONValue {
    var layers: [JSONValue] = []
    var operators: [JSONValue] = []
    for stage in stages {
      for (node, rules) in zip(stage.nodes, stage.rules) {
        let entry: JSONValue = .object([
          .init("name", .string(graph.nodes[node].name)), .init("devices", .string(stage.group)),
          .init("axes", .array(rules.map { .string($0) })),
        ])
        if graph.nodes[node].operator.rules.isWeighted {
          layers.append(entry)
        } else {
          operators.append(entry)
        }
      }
    }
    let sharing = shares.map { share -> JSONValue in
      .object([
        .init("devices", .string(share.devices)), .init("level", .string(share.level)),
        .init("weights", .array(share.weights.map(JSONValue.integer))),
      ])
    }
    return .object(
      [
        .init("schema", .string(PlanFile.schema)), .init("model", .string(model)),
        .init("machine", .string(machine)),
        .init("batch", .integer(batch)), .init("step", settings), .init("layers", .array(layers)),
        .init("operators", .array(operators)),
      ] + (sharing.isEmpty ? [] : [.init("shares", .array(sharing))]))
  }
}

extension Request {
  /// The request with the batch and the step of a plan file wherever nothing else was asked for.
  func adopting(_ file: PlanFile) -> Request {
    var result = self
    let step = file.step
    if batch == nil { result.batch = file.batch }
    if let value = step.optimizer, !stated.contains(.optimizer) { result.optimizer = value }
    if let value = step.precision, !stated.contains(.precision) { result.precision = value }
    if let value = step.batchNormalization, !stated.contains(.batchNormalization) {
      result.batchNormalization = value
    }
    if let value = step.overlap, !stated.contains(.overlap) { result.overlap = value }
    if let value = step.reduction, !stated.contains(.reduction) { result.reduction = value }
    result.cells = cells ?? step.cells
    result.microBatches = microBatches ?? step.microBatches
    return result
  }
}
