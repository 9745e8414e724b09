public import Graphs
import Machines

/// One way to spread an operator over all levels of a group, with the layouts that follow.
public struct Strategy: Hashable, Sendable {
  /// For each level the rule by which the operator is spread.
  public let rules: [SplitRule]
  /// The layout needed of each input in the forward phase; of a parameter, where it lives.
  public let inputs: [Layout]
  /// The layout left of each output.
  public let outputs: [Layout]
  /// The layout needed of each output's error.
  public let outputErrors: [Layout]
  /// The layout left of each input's error, or of each parameter's gradient.
  public let inputErrors: [Layout]

  /// Creates a strategy from a rule for each level.
  public init(rules: [SplitRule], inputCount: Int, outputCount: Int) {
    self.rules = rules
    inputs = (0..<inputCount).map { index in Layout(rules.map { $0.inputs[index] }) }
    outputs = (0..<outputCount).map { index in Layout(rules.map { $0.outputs[index] }) }
    outputErrors = (0..<outputCount).map { index in Layout(rules.map { $0.outputErrors[index] }) }
    inputErrors = (0..<inputCount).map { index in Layout(rules.map { $0.inputErrors[index] }) }
  }

  /// The names of the rules, from the top level.
  public var names: [String] { rules.map(\.name) }
  /// The levels that split the batch, so that gradients are partial there.
  public var batchLevels: [Int] { rules.indices.filter { rules[$0].axis == .batch } }
  /// The levels over which batch statistics are summed.
  public var statisticsLevels: [Int] { rules.indices.filter { rules[$0].sumsStatistics } }
}
