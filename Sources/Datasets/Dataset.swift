/// Samples with labels that a network can be trained on.
///
/// Any number of threads may read at once, each into its own memory.
public protocol Dataset: Sendable {
  /// What results are reported on, such as `fashion-mnist`.
  var name: String { get }
  /// The number of samples.
  var count: Int { get }
  /// The shape of a sample without the batch: channels, height, width of images.
  var sampleShape: [Int] { get }
  /// The number of classes; labels are below it.
  var classCount: Int { get }
  /// Writes one sample, row-major.
  func copySample(_ index: Int, to destination: UnsafeMutablePointer<Float>)
  /// The class of a sample.
  func label(of index: Int) -> Int
}

extension Dataset {
  /// The numbers of a sample.
  public var sampleElements: Int { sampleShape.reduce(1, *) }

  /// Returns one sample, row-major.
  public func sample(_ index: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: sampleElements) { buffer, count in
      if let start = buffer.baseAddress { copySample(index, to: start) }
      count = sampleElements
    }
  }
}

extension Dataset {
  /// Writes samples one after the other, row-major, and their classes.
  ///
  /// - Parameters:
  ///   - samples: Their numbers in the set, in the order of the batch.
  ///   - destination: Where the numbers go.
  ///   - labels: Where the classes go.
  public func copyBatch(
    _ samples: some Sequence<Int>, to destination: UnsafeMutablePointer<Float>,
    labels: UnsafeMutablePointer<Int64>
  ) {
    let size = sampleElements
    for (place, sample) in samples.enumerated() {
      copySample(sample, to: destination + place * size)
      labels[place] = Int64(label(of: sample))
    }
  }
}
