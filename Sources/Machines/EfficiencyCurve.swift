public import Units

#if canImport(Glibc)
  import Glibc
#endif

/// A fraction of a peak rate that is reached, by the size of the work.
public struct EfficiencyCurve: Hashable, Sendable {
  /// One point of the curve.
  public struct Point: Hashable, Sendable {
    /// The floating-point operations of one task.
    public let work: FLOPs
    /// The fraction reached, in (0, 1].
    public let fraction: Double
    /// Creates a point.
    public init(work: FLOPs, fraction: Double) {
      self.work = work
      self.fraction = fraction
    }
  }

  /// The points by increasing work; at least one.
  public let points: [Point]

  /// Creates a curve.
  ///
  /// - Precondition: There is a point, and each has more work than the one before.
  public init(points: [Point]) {
    precondition(!points.isEmpty, "an efficiency curve needs a point")
    for (low, high) in zip(points, points.dropFirst()) {
      precondition(low.work < high.work, "work \(high.work) does not exceed \(low.work)")
    }
    self.points = points
  }

  /// Creates a curve that is the same for every size.
  public init(constant fraction: Double) { self.init(points: [Point(work: .zero, fraction: fraction)]) }

  /// The fraction reached by `work`: linear in its logarithm between points, constant outside them.
  public func fraction(at work: FLOPs) -> Double {
    guard points.count > 1 else { return points[0].fraction }
    guard let next = points.firstIndex(where: { $0.work > work }) else {
      return points[points.count - 1].fraction
    }
    guard next > 0, points[next - 1].work > .zero else { return points[max(0, next - 1)].fraction }
    let (low, high) = (points[next - 1], points[next])
    let position = log(work / low.work) / log(high.work / low.work)
    return low.fraction + position * (high.fraction - low.fraction)
  }
}
