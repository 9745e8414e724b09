public import Units

/// A reason why a plan cannot run, as data.
public enum PlanViolation: Error, Hashable, Sendable {
  /// The machine has no such group of devices.
  case unknownGroup(String)
  /// The stages do not cover the operators once each in order.
  case stagesDoNotCover(expected: Int, found: Int)
  /// An operator has no such rule on a level.
  case unknownRule(node: String, level: Int, rule: String)
  /// Some device would be left without a part of an axis.
  case axisTooShort(node: String, rule: [String])
  /// A layout cannot be brought into another, such as a whole into addends.
  case noConversion(tensor: String, from: String, to: String)
  /// A device does not know the precision.
  case precision(device: String, precision: String)
  /// Two devices are not joined.
  case noRoute(from: String, to: String)
  /// A device's memory does not hold the peak.
  case memory(device: String, peak: Bytes, capacity: Bytes, task: String)
  /// Batch statistics over the whole batch cannot be had from a pipeline of micro-batches.
  case statisticsAcrossMicroBatches(node: String)
  /// The tasks take longer than is counted.
  case tooLong
  /// The batch does not fall into equal micro-batches.
  case microBatches(batch: Int, count: Int)
  /// The micro-batches do not hold whole cells of the batch, equally many of equal size.
  case cellsAcrossMicroBatches(cells: Int, count: Int)
}

/// Why a plan cannot run: every reason found.
public struct PlanViolations: Error, Hashable, Sendable {
  /// The reasons, at least one.
  public let violations: [PlanViolation]
  /// Creates a list.
  public init(_ violations: [PlanViolation]) { self.violations = violations }
}

extension PlanViolation: CustomStringConvertible {
  /// The reason in words.
  public var description: String {
    switch self {
    case .unknownGroup(let name): "the machine has no devices named '\(name)'"
    case .stagesDoNotCover(let expected, let found):
      "the stages hold \(found) operators, the training graph has \(expected)"
    case .unknownRule(let node, let level, let rule):
      "'\(node)' cannot be split by '\(rule)' on level \(level + 1)"
    case .axisTooShort(let node, let rule): "'\(node)' is too small for \(rule.joined(separator: ", "))"
    case .noConversion(let tensor, let from, let to): "'\(tensor)' cannot change from layout \(from) to \(to)"
    case .precision(let device, let precision): "'\(device)' gives no peak for \(precision)"
    case .noRoute(let from, let to): "no links lead from '\(from)' to '\(to)'"
    case .memory(let device, let peak, let capacity, let task):
      "'\(device)' needs \(peak) at \(task) and has \(capacity)"
    case .statisticsAcrossMicroBatches(let node):
      "'\(node)' needs statistics over the whole batch, which micro-batches cannot give: "
        + "use --batch-norm cell or frozen"
    case .tooLong: "its tasks add up to more than 46 days, which is longer than is counted"
    case .microBatches(let batch, let count):
      "a batch of \(batch) does not fall into \(count) equal micro-batches"
    case .cellsAcrossMicroBatches(let cells, let count):
      "\(count) micro-batches do not each hold as many whole cells of one size: "
        + "the batch has \(cells) cells (--cells)"
    }
  }
}
