/// How much of an operation is done at once.
public enum OperationPart: Hashable, Sendable {
  /// All of it.
  case whole
  /// What goes before the devices sum statistics over the batch.
  case beforeStatistics
  /// What needs the sums.
  case afterStatistics
}
