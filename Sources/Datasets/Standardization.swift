internal import Glibc

/// How stored numbers become what a network reads: `(u · x − mean) ∕ deviation`, by channel.
///
/// With the stored number `x`; `u` is 1 ∕ 255 for bytes and 1 otherwise, so that bytes are in [0, 1]. Mean
/// and standard deviation are those of the training set: of each channel of images, of each column of rows of
/// features, and of all numbers where rows are bytes. They are taken over all samples, or over 8192 of them
/// that are evenly spaced. What never changes is divided by one.
struct Standardization: Hashable, Sendable {
  /// The most samples that are looked at.
  static let largestSample = 8192

  /// The mean and the deviation of one group.
  struct Group: Hashable, Sendable {
    let mean: Double
    let deviation: Double
  }

  let unit: Double
  let groups: [Group]

  /// Leaves the numbers of a set as they are.
  init(leaving store: SampleStore) {
    unit = 1
    groups = [Group](repeating: Group(mean: 0, deviation: 1), count: store.shape[0])
  }

  /// Measures a training set.
  init(of store: SampleStore) {
    let isBytes = store.coding.kind == .uint8
    unit = isBytes ? 1.0 / 255 : 1
    let groupCount = isBytes && store.shape.count == 1 ? 1 : store.shape[0]
    let looked = min(store.count, Self.largestSample)
    let samples = (0..<looked).map { $0 * store.count / looked }
    let moments =
      isBytes
      ? Self.byteMoments(store, groupCount, samples) : Self.moments(store, groupCount, samples)
    let unit = unit
    groups = moments.map { mean, variance in
      let deviation = unit * variance.squareRoot()
      // Rounding leaves a trace where all numbers are equal.
      let isConstant = !(deviation > 1e-7 * max(1, abs(unit * mean)))
      return Group(mean: unit * mean, deviation: isConstant ? 1 : deviation)
    }
  }

  /// The groups' means and variances from counts of each byte, which is exact.
  private static func byteMoments(
    _ store: SampleStore, _ groupCount: Int, _ samples: [Int]
  ) -> [(Double, Double)] {
    let inner = store.elementCount / groupCount
    let strides = groupCount == 1 && store.shape.count == 1 ? (group: 0, element: 1) : store.strides
    return (0..<groupCount).map { group in
      var counts = [Int](repeating: 0, count: 256)
      counts.withUnsafeMutableBufferPointer { counts in
        for sample in samples {
          let start = store.start(of: sample) + group * strides.group
          for element in 0..<inner {
            counts[Int((start + element * strides.element).load(as: UInt8.self))] += 1
          }
        }
      }
      let count = Double(max(1, counts.reduce(0, +)))
      let sum = counts.indices.reduce(0) { $0 + $1 * counts[$1] }
      let mean = Double(sum) / count
      let squares = counts.indices.reduce(0.0) {
        $0 + (Double($1) - mean) * (Double($1) - mean) * Double(counts[$1])
      }
      return (mean, squares / count)
    }
  }

  private static func moments(
    _ store: SampleStore, _ groupCount: Int, _ samples: [Int]
  ) -> [(Double, Double)] {
    let inner = store.elementCount / groupCount
    let strides = store.strides
    let size = store.coding.size
    return (0..<groupCount).map { group in
      let count = Double(max(1, samples.count * inner))
      func sum(_ term: (Double) -> Double) -> Double {
        var total = 0.0
        for sample in samples {
          let start = store.start(of: sample) + group * strides.group * size
          for element in 0..<inner {
            total += term(store.coding.load(start + element * strides.element * size))
          }
        }
        return total
      }
      let mean = sum { $0 } / count
      return (mean, sum { ($0 - mean) * ($0 - mean) } / count)
    }
  }

  /// For each group what each byte becomes, one table after the other.
  var byteTables: [Float] {
    groups.flatMap { group in
      (0..<256).map { Float((unit * Double($0) - group.mean) / group.deviation) }
    }
  }
}

extension Standardization {
  /// What is done to the numbers, in a sentence.
  var note: String {
    let scaled = unit == 1 ? "Numbers" : "Bytes are divided by 255 and"
    guard groups.count <= 4 else { return "\(scaled) are standardised by the training set." }
    let moments = groups.map { "mean \(shortened($0.mean)), deviation \(shortened($0.deviation))" }
    return "\(scaled) are standardised by the training set: \(moments.joined(separator: "; "))."
  }

  private func shortened(_ number: Double) -> String {
    let rounded = (abs(number) * 10_000).rounded() / 10_000
    return "\(number < 0 && rounded != 0 ? "-" : "")\(rounded)"
  }
}
