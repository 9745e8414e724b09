import Graphs
import Machines

/// A run of operators in topological order on one group of devices, with a rule for each operator and level.
public struct Stage: Hashable, Sendable {
  /// The name of the group in ``Machine/groups``.
  public let group: String
  /// The nodes of the forward graph, which are consecutive over the stages.
  public let nodes: Range<Int>
  /// For each node and each level of the group the name of a ``SplitRule``.
  public let rules: [[String]]
  /// How large a share each coordinate of each level takes.
  public let shares: Shares

  /// Creates a stage; there is one list of rules for each node.
  public init(group: String, nodes: Range<Int>, rules: [[String]], shares: Shares) {
    precondition(rules.count == nodes.count, "\(rules.count) rules for \(nodes.count) nodes")
    self.group = group
    self.nodes = nodes
    self.rules = rules
    self.shares = shares
  }
}

/// For one training graph on one machine: which devices run which operators, along which axes they are split,
/// and how the step is run.
///
/// Stages follow the topological order of the graph with explicit forks, so that a boundary between two
/// stages is a cut of the network, and everything alive there crosses it.
public struct Plan: Hashable, Sendable {
  /// The network's name.
  public let model: String
  /// The machine's name.
  public let machine: String
  /// The global batch.
  public let batch: Int
  /// The stages in the order of the data.
  public let stages: [Stage]
  /// How the step is run.
  public let options: StepOptions

  /// Creates a plan.
  public init(model: String, machine: String, batch: Int, stages: [Stage], options: StepOptions) {
    self.model = model
    self.machine = machine
    self.batch = batch
    self.stages = stages
    self.options = options
  }
}
