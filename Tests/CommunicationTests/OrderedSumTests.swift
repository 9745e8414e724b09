import Testing

@testable import Communication

/// Sums of lists against a loop over their elements, in values that no sum keeps exactly.
struct OrderedSumTests {
  private static func value(_ list: Int, _ element: Int) -> Double {
    1 / Double(3 + (list * 31 + element * 17) % 101)
  }

  /// Lengths around the blocks of 4 KiB in which more than five lists are added.
  private static let counts = [0, 1, 7, 511, 512, 513, 1023, 1024, 1025, 5000]

  private static func check<Number: BinaryFloatingPoint>(
    _ type: Number.Type, _ lists: Int, _ count: Int, target: Int?,
    _ sum: ([UnsafeRawPointer], UnsafeMutableRawPointer, Int) -> Void
  ) {
    // One element more, which must stay as it is; places are not aligned to vectors.
    let memory = (0...lists).map { list -> UnsafeMutablePointer<Number> in
      let memory = UnsafeMutablePointer<Number>.allocate(capacity: count + 2)
      for element in 0..<count + 2 { memory[element] = Number(value(list, element)) }
      return memory
    }
    defer { for list in memory { list.deallocate() } }
    let result = memory[target ?? lists] + 1
    let after = result[count]
    sum((0..<lists).map { UnsafeRawPointer(memory[$0] + 1) }, UnsafeMutableRawPointer(result), count)
    for element in 0..<count {
      let terms = (0..<lists).map { Number(value($0, element + 1)) }
      #expect(result[element] == terms.dropFirst().reduce(terms[0], +), "\(lists) lists of \(count)")
    }
    #expect(result[count] == after)
  }

  @Test(arguments: 1...7) func `every element is the sum in the order of the lists`(lists: Int) {
    for count in Self.counts {
      for target in [nil, 0, lists - 1] {
        Self.check(Float.self, lists, count, target: target) { OrderedSum.float32($0, to: $1, count: $2) }
        Self.check(Double.self, lists, count, target: target) { OrderedSum.float64($0, to: $1, count: $2) }
      }
    }
  }
}
