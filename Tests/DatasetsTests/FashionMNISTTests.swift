import Datasets
import Glibc
import Testing

/// The real images, where `make deps` could fetch them.
struct FashionMNISTTests {
  static let dependencies: String =
    #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    + "/.deps"
  static let isThere = access("\(dependencies)/fashion-mnist/train-images-idx3-ubyte.gz", F_OK) == 0
  static let hasDigits = access("\(dependencies)/digits/train.csv", F_OK) == 0

  // Mean 0.2860 and deviation 0.3530 are those that its users quote; 6000 training images of each class and
  // 1000 to test are stated by its makers. The first image is an ankle boot, class 9.
  @Test(.enabled(if: isThere, "dataset-fashion-mnist is not unpacked under .deps; run `make deps`"))
  func `the published counts and moments come out`() throws {
    let data = try openDataset("fashion-mnist", in: [Self.dependencies])
    #expect(data.training.count == 60_000)
    #expect(data.evaluation?.count == 10_000)
    #expect(data.training.sampleShape == [1, 28, 28])
    #expect(data.training.label(of: 0) == 9)
    var counts = [Int](repeating: 0, count: 10)
    for index in 0..<data.training.count { counts[data.training.label(of: index)] += 1 }
    #expect(counts == [Int](repeating: 6000, count: 10))
    // A black pixel is −mean ∕ deviation, a white one (1 − mean) ∕ deviation.
    let sample = data.training.sample(0)
    let (low, high) = (try #require(sample.min()), try #require(sample.max()))
    let deviation = 1 / (high - low)
    #expect(abs(deviation - 0.3530) < 0.002)
    #expect(abs(-low * deviation - 0.2860) < 0.002)
  }

  @Test(.enabled(if: hasDigits, "the digits are not unpacked under .deps; run `make deps`"))
  func `the digits are 1797 in ten classes`() throws {
    let data = try openDataset("digits", in: [Self.dependencies])
    let evaluation = try #require(data.evaluation)
    #expect(data.training.count + evaluation.count == 1797)
    #expect(data.training.classCount == 10)
    #expect(try data.training.fitted(to: [1, 8, 8], classes: 10).sampleShape == [1, 8, 8])
  }
}
