import Datasets
import Diagnostics
import Testing

/// Samples whose numbers count on.
private struct Counting: Dataset {
  let name = "counting"
  let count = 2
  let sampleShape: [Int]
  let classCount = 3

  func copySample(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
    for element in 0..<sampleElements { destination[element] = Float(index * sampleElements + element + 1) }
  }

  func label(of index: Int) -> Int { index }
}

struct FittedDatasetTests {
  @Test func `rows become images of as many numbers`() throws {
    let fitted = try Counting(sampleShape: [4]).fitted(to: [1, 2, 2], classes: 3)
    #expect(fitted.sampleShape == [1, 2, 2])
    #expect(fitted.sample(1) == [5, 6, 7, 8])
    #expect(fitted.label(of: 1) == 1)
    #expect(try Counting(sampleShape: [1, 2, 2]).fitted(to: [4], classes: 3).sampleShape == [4])
  }

  @Test func `a batch is its samples in order`() {
    var numbers = [Float](repeating: 0, count: 4)
    var labels = [Int64](repeating: 9, count: 2)
    numbers.withUnsafeMutableBufferPointer { numbers in
      labels.withUnsafeMutableBufferPointer { labels in
        guard let start = numbers.baseAddress, let first = labels.baseAddress else { return }
        Counting(sampleShape: [2]).copyBatch([1, 0], to: start, labels: first)
      }
    }
    #expect(numbers == [3, 4, 1, 2])
    #expect(labels == [1, 0])
  }

  @Test func `images are padded and repeated only where that is asked for`() throws {
    let small = Counting(sampleShape: [1, 1, 2])
    let error = #expect(throws: InputError.self) { try small.fitted(to: [2, 3, 4], classes: 3) }
    #expect(
      error?.diagnostics.first?.message.contains("1×1×2 do not fit the network, which reads 2×3×4") == true)
    let padded = try small.fitted(to: [2, 3, 4], classes: 3, by: .padded)
    let channel: [Float] = [0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0]
    #expect(padded.sample(0) == channel + channel)
    #expect(throws: InputError.self) { try small.fitted(to: [1, 1, 1], classes: 3, by: .padded) }
  }

  @Test func `too few outputs are refused, more are not`() throws {
    let set = Counting(sampleShape: [4])
    #expect(throws: InputError.self) { try set.fitted(to: [4], classes: 2) }
    #expect(try set.fitted(to: [4], classes: 10).classCount == 3)
  }

  @Test func `channels in the last place are named`() {
    let error = #expect(throws: InputError.self) {
      try Counting(sampleShape: [32, 32, 3]).fitted(to: [3, 32, 32], classes: 3)
    }
    #expect(error?.diagnostics.first?.hint?.contains("moveaxis") == true)
  }
}
