import Synchronization

/// What a ``Cut`` has found out about axes whose blocks are not all equal.
///
/// A search asks for the same few axes millions of times. Entries follow from the cut alone, so that it makes
/// no difference who asks first.
final class CutTables: Sendable {
  /// The sizes of the parts that devices hold.
  struct Parts {
    /// For each device the size of its part.
    let values: [Int]
    /// Whether all are equal.
    let areEqual: Bool
  }

  private struct Key: Hashable {
    let axis: Int
    let levels: UInt64
  }

  private let starts = Mutex<[Int: [Int]]>([:])
  private let parts = Mutex<[Key: Parts]>([:])

  /// The first step of each block of an axis, and the end.
  func starts(of axis: Int, _ make: () -> [Int]) -> [Int] {
    starts.withLock { known in
      if let found = known[axis] { return found }
      let made = make()
      known[axis] = made
      return made
    }
  }

  /// The part of an axis that each device holds where some levels cut it.
  func parts(of axis: Int, levels: UInt64, _ make: () -> [Int]) -> Parts {
    let key = Key(axis: axis, levels: levels)
    return parts.withLock { known in
      if let found = known[key] { return found }
      let values = make()
      let made = Parts(values: values, areEqual: values.allSatisfy { $0 == values[0] })
      known[key] = made
      return made
    }
  }
}
