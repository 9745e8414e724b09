/// Which samples each step of an evaluation reads: all of them once, in the order of the set.
///
/// The last step may have fewer than a batch; whoever runs whole batches fills it up and passes over what was
/// added.
public struct EvaluationOrder: Hashable, Sendable {
  /// The samples of the set.
  public let count: Int
  /// The samples of a step but the last.
  public let batch: Int

  /// Creates an order.
  public init(count: Int, batch: Int) {
    precondition(count >= 0 && batch >= 1, "batches of \(batch) of \(count) samples")
    self.count = count
    self.batch = batch
  }

  /// The steps until every sample was read.
  public var stepCount: Int { (count + batch - 1) / batch }

  /// The samples of a step, counted from zero.
  public func samples(ofStep step: Int) -> Range<Int> {
    precondition(step >= 0 && step < stepCount, "step \(step) of \(stepCount)")
    return step * batch..<min(count, (step + 1) * batch)
  }
}
