public import Graphs
public import Plans
public import Units

/// What the best plan has least of.
public enum Objective: String, Hashable, Sendable, CaseIterable {
  case time, energy, communication, memory
}

/// How the plan space is searched.
public enum SearchStrategy: String, Hashable, Sendable, CaseIterable {
  /// All levels together.
  case exact
  /// One level after another from the top, each choice final (HyPar, Algorithm 2).
  case hierarchical
  /// Every plan, each lowered and priced as a whole; for small spaces only.
  case exhaustive
}

/// Where the network may be cut between unlike devices.
public enum CutChoice: Hashable, Sendable {
  /// Wherever it pays.
  case search
  /// Nowhere.
  case none
  /// After the node of this index in the graph with explicit forks.
  case after(Int)
}

/// The region of the plan space that is searched, and what for.
public struct SearchOptions: Hashable, Sendable {
  /// What the best plan has least of.
  public let objective: Objective
  /// How the space is searched.
  public var strategy: SearchStrategy
  /// The axes along which weighted operators may be split; the order breaks ties.
  public let axes: [AxisRole]
  /// The longest step accepted.
  public let deadline: Seconds?
  /// Where the network may be cut.
  public var cut: CutChoice
  /// For some nodes, by name, the rules that are kept.
  public let fixed: [String: [String]]
  /// For some nodes, by name, the group of devices that is kept.
  public let fixedGroups: [String: String]
  /// For some groups of devices, by name, the shares that are kept.
  public let fixedShares: [String: Shares]
  /// Whether the shares of unlike devices are refined from the best of the usual ones, step by step; only the
  /// usual ones are searched as `strategy` says.
  public let refinesShares: Bool
  /// The groups of devices that may run operators, in the order of the data; nil where all may, in any order.
  public let onlyGroups: [String]?

  /// Creates options.
  public init(
    objective: Objective = .time, strategy: SearchStrategy = .exact,
    axes: [AxisRole] = [.batch, .inputChannel, .outputChannel], deadline: Seconds? = nil,
    cut: CutChoice = .search, fixed: [String: [String]] = [:], fixedGroups: [String: String] = [:],
    fixedShares: [String: Shares] = [:], refinesShares: Bool = true, onlyGroups: [String]? = nil
  ) {
    self.objective = objective
    self.strategy = strategy
    self.axes = axes
    self.deadline = deadline
    self.cut = cut
    self.fixed = fixed
    self.fixedGroups = fixedGroups
    self.fixedShares = fixedShares
    self.refinesShares = refinesShares
    self.onlyGroups = onlyGroups
  }
}
