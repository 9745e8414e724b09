internal import CTransport

/// Sums of several lists of numbers, element by element, in the order of the lists: `((a₀ + a₁) + a₂) + …`.
///
/// They take one pass over memory and the widest vectors of the processor; the bits do not depend on these.
public enum OrderedSum {
  /// Adds numbers in float32.
  ///
  /// - Parameters:
  ///   - addends: Where each list begins.
  ///   - target: Where the sums go, which may be the place of an addend.
  ///   - count: The numbers of a list.
  public static func float32(_ addends: [UnsafeRawPointer], to target: UnsafeMutableRawPointer, count: Int) {
    precondition(!addends.isEmpty && count >= 0, "a sum of \(addends.count) lists of \(count)")
    addends.withUnsafeBytes { addends in
      transport_sum_float32(
        target, addends.bindMemory(to: UnsafeRawPointer?.self).baseAddress, addends.count / stride, count)
    }
  }

  /// Adds numbers in float64.
  ///
  /// - Parameters:
  ///   - addends: Where each list begins.
  ///   - target: Where the sums go, which may be the place of an addend.
  ///   - count: The numbers of a list.
  public static func float64(_ addends: [UnsafeRawPointer], to target: UnsafeMutableRawPointer, count: Int) {
    precondition(!addends.isEmpty && count >= 0, "a sum of \(addends.count) lists of \(count)")
    addends.withUnsafeBytes { addends in
      transport_sum_float64(
        target, addends.bindMemory(to: UnsafeRawPointer?.self).baseAddress, addends.count / stride, count)
    }
  }

  private static let stride = MemoryLayout<UnsafeRawPointer>.stride
}
