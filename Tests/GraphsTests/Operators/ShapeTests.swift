import Graphs
import TestSupport
import Testing

private func shapes(_ operator: Operator, _ inputs: [[Int]]) throws -> [[Int]] {
  try OperatorCase(`operator`, inputs).outputs.map(\.shape)
}

/// Expected shapes: the formulas of the ONNX operator specification, by hand.
@Suite struct ShapeTests {
  @Test func `a convolution follows the window formula`() throws {
    // ResNet's first: ⌊(224 + 6 − 7) ∕ 2⌋ + 1 = 112.
    #expect(
      try shapes(.convolution(Convolution(stride: 2, padding: 3)), [[32, 3, 224, 224], [64, 3, 7, 7]])
        == [[32, 64, 112, 112]])
    // Dilation 2 makes a 3-wide kernel reach 5: (10 + 1 − 5) ∕ 1 + 1 = 7, and rows (9 + 0 − 5) ∕ 2 + 1 = 3.
    let uneven = Convolution(
      strides: [2, 1], padding: [Padding(0), Padding(begin: 0, end: 1)], dilations: [2, 2])
    #expect(try shapes(.convolution(uneven), [[1, 4, 9, 10], [8, 4, 3, 3]]) == [[1, 8, 3, 7]])
  }

  @Test func `ceil mode keeps a last window that is filled in part`() throws {
    func pooled(_ extent: Int, kernel: Int, stride: Int, padding: Int = 0, ceilMode: Bool) throws -> [Int] {
      let pooling = Pooling(.maximum, kernel: kernel, stride: stride, padding: padding, ceilMode: ceilMode)
      return Array(try shapes(.pooling(pooling), [[1, 1, extent, extent]])[0].suffix(2))
    }
    // SqueezeNet's: (54 − 3) ∕ 2 = 25.5.
    #expect(try pooled(54, kernel: 3, stride: 2, ceilMode: false) == [26, 26])
    #expect(try pooled(54, kernel: 3, stride: 2, ceilMode: true) == [27, 27])
    #expect(try pooled(55, kernel: 3, stride: 2, ceilMode: true) == [27, 27])
    // (2 + 2 − 2) ∕ 3 rounds up to 1, but the second window would start at 3 = 2 + 1, in the padding at the
    // end.
    #expect(try pooled(2, kernel: 2, stride: 3, padding: 1, ceilMode: true) == [1, 1])
    #expect(try pooled(3, kernel: 2, stride: 3, padding: 1, ceilMode: true) == [2, 2])
  }

  @Test func `products of matrices broadcast their leading dimensions`() throws {
    #expect(
      try shapes(.matrixMultiplication(.init(right: .activation)), [[5, 1, 3, 4], [7, 4, 2]]) == [
        [5, 7, 3, 2]
      ])
    #expect(try shapes(.elementwise(Elementwise(.add)), [[5, 1, 3], [4, 1]]) == [[5, 4, 3]])
  }

  @Test func `slices count as Python does`() throws {
    func sliced(_ start: Int, _ end: Int, _ step: Int) throws -> [[Int]] {
      try shapes(.slice(Slice(starts: [start], ends: [end], axes: [1], steps: [step])), [[2, 10]])
    }
    // len(range(10)[start:end:step]).
    #expect(try sliced(1, 8, 3) == [[2, 3]])
    #expect(try sliced(-3, .max, 1) == [[2, 3]])
    #expect(try sliced(-1, .min, -1) == [[2, 10]])
    #expect(try sliced(8, 1, -3) == [[2, 3]])
    #expect(try sliced(.min, -9, 1) == [[2, 1]])
    #expect(throws: ShapeError.self) { try sliced(5, 5, 1) }
  }

  @Test func `reshapes fit every batch`() throws {
    let flatten = try Reshape(from: [32, 6, 4, 4], to: [32, 96])
    #expect(try shapes(.reshape(flatten), [[8, 3, 4, 4]]) == [[8, 48]])
    let heads = try Reshape(from: [2, 7, 64], to: [2, 7, 8, 8])
    #expect(try shapes(.reshape(heads), [[1, 7, 32]]) == [[1, 7, 4, 8]])
    let squeeze = try Reshape(from: [2, 1, 7, 1], to: [2, 7])
    #expect(try shapes(.reshape(squeeze), [[9, 1, 7, 1]]) == [[9, 7]])
    let unsqueeze = try Reshape(from: [2, 7], to: [1, 2, 1, 7])
    #expect(try shapes(.reshape(unsqueeze), [[4, 7]]) == [[1, 4, 1, 7]])
    #expect(throws: ShapeError.self) { try Reshape(from: [2, 3], to: [5]) }
    #expect(throws: ShapeError.self) { try Reshape(from: [2, 3], to: [2, 3, 2]) }
  }

  @Test(arguments: UInt64(0)..<50)
  func `a reshape of random runs gives its target`(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let factors = (0..<6).map { _ in random.number(1...4) }
    func merged() -> [Int] {
      var shape: [Int] = []
      for factor in factors {
        if shape.isEmpty || Bool.random(using: &random) {
          shape.append(factor)
        } else {
          shape[shape.count - 1] *= factor
        }
      }
      return shape
    }
    let (source, target) = (merged(), merged())
    let reshape = try Reshape(from: source, to: target)
    #expect(try shapes(.reshape(reshape), [source]) == [target], "seed \(seed): \(source) to \(target)")
  }

  @Test func `other shapes`() throws {
    #expect(try shapes(.gather(Gather(axis: 1)), [[2, 10, 3], [4, 5]]) == [[2, 4, 5, 3]])
    #expect(try shapes(.embedding(Embedding()), [[8, 5], [100, 16]]) == [[8, 5, 16]])
    #expect(try shapes(.concatenation(Concatenation(axis: 1)), [[2, 3, 4], [2, 5, 4]]) == [[2, 8, 4]])
    #expect(try shapes(.split(Split(axis: 1, sizes: [3, 5])), [[2, 8, 4]]) == [[2, 3, 4], [2, 5, 4]])
    #expect(try shapes(.transpose(Transpose([0, 3, 1, 2])), [[2, 8, 9, 3]]) == [[2, 3, 8, 9]])
    #expect(
      try shapes(.reduction(Reduction(.mean, axes: [1], keepsDimensions: true)), [[2, 8, 4]]) == [[2, 1, 4]])
    #expect(try shapes(.pad(Pad([Padding(0), Padding(begin: 1, end: 2)])), [[2, 8]]) == [[2, 11]])
    #expect(try shapes(.fork(Fork()), [[2, 8]]) == [[2, 8], [2, 8]])
    #expect(try shapes(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[2, 8], [2]]) == [[]])
  }

  @Test(arguments: [
    (Operator.convolution(Convolution()), [[1, 3, 5, 5], [4, 2, 3, 3]]),
    (.convolution(Convolution(groups: 2)), [[1, 4, 5, 5], [3, 2, 3, 3]]),
    (.convolution(Convolution(groups: 0)), [[1, 4, 5, 5], [3, 2, 3, 3]]),
    (.convolution(Convolution(stride: 0)), [[1, 3, 5, 5], [4, 3, 3, 3]]),
    (.convolution(Convolution(padding: -1)), [[1, 3, 5, 5], [4, 3, 3, 3]]),
    (.convolution(Convolution(padding: .max)), [[1, 3, 5, 5], [4, 3, 3, 3]]),
    (.convolution(Convolution(dilation: .max)), [[1, 3, 5, 5], [4, 3, 3, 3]]),
    (.convolution(Convolution(padding: 1 << 30)), [[1, 3, 5, 5], [4, 3, 3, 3]]),
    (.convolution(Convolution(strides: [1], padding: [], dilations: [1])), [[1, 3, 5], [4, 3, 3]]),
    (.convolution(Convolution()), [[1, 3, 2, 2], [4, 3, 3, 3]]),
    (.convolution(Convolution()), [[1, 3, 5, 5], [4, 3, 3, 3], [5]]),
    (.convolution(Convolution()), [[0, 3, 5, 5], [4, 3, 3, 3]]),
    (.convolution(Convolution()), [[1, 3, 5, 5]]),
    (.dense(Dense()), [[2, 3], [4, 5]]),
    (.dense(Dense()), [[2, 3, 1], [4, 3]]),
    (.dense(Dense()), [[1 << 30, 1], [1 << 30, 1]]),
    (.matrixMultiplication(.init(right: .parameter)), [[3], [3, 4]]),
    (.pooling(Pooling(.maximum, kernel: 0, stride: 1)), [[1, 1, 4, 4]]),
    (.pooling(Pooling(.maximum, kernel: 2, stride: 1, padding: 2)), [[1, 1, 4, 4]]),
    (.pooling(Pooling(.maximum, kernel: [2], strides: [], padding: [])), [[1, 1, 4]]),
    (.elementwise(Elementwise(.add)), [[2, 3], [2, 4]]),
    (.elementwise(Elementwise(.add)), [[1 << 40, 1], [1, 1 << 40]]),
    (.batchNormalization(BatchNormalization()), [[2, 3], [3], [3], [3], [4]]),
    (.layerNormalization(LayerNormalization(axis: -1)), [[2, 3], [3]]),
    (.softmax(Softmax(axis: 2)), [[2, 3]]),
    (.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[2, 3], [3]]),
    (.concatenation(Concatenation(axis: 1)), [[2, 3], [3, 3]]),
    (.split(Split(axis: 0, sizes: [.max, .max])), [[2]]),
    (.split(Split(axis: 0, sizes: [1])), [[2]]),
    (.slice(Slice(starts: [0], ends: [1], axes: [0], steps: [0])), [[2]]),
    (.slice(Slice(starts: [0, 0], ends: [1, 1], axes: [0, 0])), [[2]]),
    (.pad(Pad([Padding(begin: .max, end: .max)])), [[2]]),
    (.pad(Pad([Padding(begin: -1, end: 0)])), [[2]]),
    (.transpose(Transpose([0, 0])), [[2, 3]]),
    (.reduction(Reduction(.sum, axes: [4], keepsDimensions: false)), [[2, 3]]),
    (.dropout(Dropout(ratio: 1)), [[2, 3]]),
    (.localResponseNormalization(LocalResponseNormalization(size: 0)), [[2, 3, 4, 4]]),
    (.gather(Gather(axis: 2)), [[2, 3], [1]]),
    (.embedding(Embedding()), [[2, 3], [4]]),
    (.reshape(Reshape(runs: [.init(inputs: 3)])), [[2, 3]]),
    (.reshape(Reshape(runs: [.init(inputs: 2, innerExtents: [.max, .max])])), [[2, 3]]),
    (.tabulatedLoss(TabulatedLoss()), [[2]]),
  ])
  func `what does not fit is a shape error and no trap`(operator: Operator, inputs: [[Int]]) {
    #expect(throws: ShapeError.self) { try shapes(`operator`, inputs) }
  }
}
