import Differentiation
import Graphs
import Machines

/// Every table that calibration measures.
///
/// The points are chosen for the extents that layers have in general: powers of two and four, square planes,
/// one sample and eight. No network is looked at. Where channels are computed in blocks, tables of their own
/// are for channels that fill the last block in part.
func rateDesigns(_ blocks: ChannelBlocks) -> [RateDesign] {
  upkeep() + elementwise() + poolings() + normalizations() + products() + convolutions(blocks)
}

private let phases: [Phase] = [.forward, .error, .weightGradient]
private let samples = [1, 8]

/// The side of a square plane.
private func side(_ places: Int) -> Int { Int(Double(places).squareRoot().rounded()) }

private func convolutions(_ blocks: ChannelBlocks) -> [RateDesign] {
  let planes = [4, 7, 14, 28, 56, 112, 224].map { $0 * $0 }
  var designs: [RateDesign] = []
  func convolution(
    _ width: Int, stride: Int = 1, _ filling: RateTable.Filling = .whole, inputs: [Int], outputs: [Int],
    planes: [Int]
  ) {
    guard filling == .whole || blocks.inputs > 1 || blocks.outputs > 1 else { return }
    for phase in phases {
      designs.append(
        RateDesign(
          .convolution, phase, window: width * width, stride: stride, unit: .operations,
          [(.samples, samples), (.inputChannels, inputs), (.outputChannels, outputs), (.places, planes)],
          limit: 2e9, blocks: width > 1 || filling == .partial ? blocks : nil, filling: filling
        ) { extents in
          let side = side(extents[3]) * stride
          // Beyond small planes the samples of a call hardly matter, and the rates of one sample stand.
          guard extents[0] == 1 || extents[3] < 784 else { return nil }
          // Few input channels are those of the first layer: of large planes, into few channels.
          guard extents[1] > 3 || (extents[2] <= 64 && extents[3] >= 49) else { return nil }
          let isPartial = filling == .partial
          let inputs = isPartial ? blocks.partial(extents[1], .inputChannels) : extents[1]
          let outputs = isPartial ? blocks.partial(extents[2], .outputChannels) : extents[2]
          return RateDesign.Point(
            .convolution(Convolution(stride: stride, padding: width / 2)),
            [[extents[0], inputs, side, side], [outputs, inputs, width, width]], phase, unit: .operations
          )?.counting(Double(extents[1] * extents[2]) / Double(inputs * outputs))
        })
    }
  }
  convolution(3, inputs: [1, 3, 16, 64, 256, 512], outputs: [8, 16, 64, 256, 512], planes: planes)
  // Between 960 and 1024 channels products of transposed matrices become several times slower.
  convolution(1, inputs: [16, 64, 256, 512, 960, 1024], outputs: [16, 64, 256, 1024], planes: planes)
  convolution(
    3, stride: 2, inputs: [3, 32, 128, 256], outputs: [32, 128, 512], planes: Array(planes[1..<6]))
  convolution(
    1, stride: 2, inputs: [64, 256, 960, 1024], outputs: [128, 512, 2048], planes: [49, 196, 784])
  convolution(5, inputs: [1, 3, 16, 32, 128], outputs: [8, 16, 64, 256], planes: [64, 196, 784])
  convolution(7, stride: 2, inputs: [3], outputs: [16, 64], planes: [784, 3136, 12_544])
  let few = [16, 64, 256]
  convolution(3, .partial, inputs: [3] + few, outputs: few, planes: Array(planes[1..<5]))
  convolution(1, .partial, inputs: few, outputs: few, planes: Array(planes[1..<5]))
  convolution(5, .partial, inputs: [1, 3, 16, 32, 128], outputs: few, planes: [64, 196, 784])
  for stride in [1, 2] {
    for phase in phases {
      designs.append(
        RateDesign(
          .depthwiseConvolution, phase, window: 9, stride: stride, unit: .operations,
          [
            (.samples, samples), (.outputChannels, [32, 128, 512, 1024]),
            (.places, Array(stride == 1 ? planes[..<6] : planes[1..<6])),
            (.footprint, footprints),
          ], blocks: blocks
        ) { extents in
          let side = side(extents[2]) * stride
          return RateDesign.Point(
            .convolution(Convolution(stride: stride, padding: 1, groups: extents[1])),
            [[extents[0], extents[1], side, side], [extents[1], 1, 3, 3]], phase, unit: .operations)
        })
    }
  }
  designs.append(
    RateDesign(.packing, .forward, [(.elements, [16, 64, 128, 256, 512].map { 9 * $0 * $0 })]) { extents in
      let channels = side(extents[0] / 9)
      return RateDesign.Point(
        .convolution(Convolution(padding: 1)), [[1, channels, 7, 7], [channels, channels, 3, 3]], .forward,
        unit: .bytes, isPacking: true)
    })
  return designs
}

private func products() -> [RateDesign] {
  phases.map { phase in
    RateDesign(
      .dense, phase, unit: .operations,
      [
        // Rows of a power of two fall on few places of the caches; 800 stands for the others.
        (.samples, [1, 4, 16, 64, 256]), (.inputChannels, [64, 256, 800, 4096]),
        (.outputChannels, [10, 64, 256, 800, 4096]),
      ], limit: 3e9
    ) { extents in
      RateDesign.Point(
        .dense(Dense()), [[extents[0], extents[1]], [extents[2], extents[1]], [extents[2]]], phase,
        unit: .operations)
    }
  }
    + [Phase.forward, .error].map { phase in
      RateDesign(
        .matrixMultiplication, phase, unit: .operations,
        [
          (.samples, [16, 64, 256]), (.inputChannels, [16, 64, 256, 1024]),
          (.outputChannels, [16, 64, 256, 1024]),
        ],
        limit: 8e8
      ) { extents in
        RateDesign.Point(
          .matrixMultiplication(MatrixMultiplication(right: .activation)),
          [[extents[0], extents[1]], [extents[1], extents[2]]], phase, unit: .operations)
      }
    }
}

/// Steps that fit into the caches of one core or so, and steps that fit into none.
private let footprints = [4 << 20, 128 << 20]
private let elements = [256, 2048, 16_384, 131_072, 1 << 20]

private func normalizations() -> [RateDesign] {
  var designs: [RateDesign] = []
  for phase in [Phase.forward, .error] {
    for part in [KernelPart.statistics, .scaling] {
      designs.append(
        RateDesign(
          part == .statistics ? .batchStatistics : .batchScaling, phase,
          [(.elements, elements), (.places, [1, 16, 49, 196, 784, 3136, 12_544]), (.footprint, footprints)]
        ) { extents in
          guard extents[0] >= extents[1] else { return nil }
          let side = side(extents[1])
          let channels = min(extents[0] / extents[1], 256)
          return RateDesign.Point(
            .batchNormalization(BatchNormalization()),
            [[extents[0] / extents[1] / channels, channels, side, side]]
              + Array(repeating: [channels], count: 4), phase, unit: .bytes, part: part)
        })
    }
    func rows(
      _ kernel: RatedKernel, _ samples: [Int], _ places: [Int],
      _ make: @escaping @Sendable (Int, Int) -> (Operator, [[Int]])
    ) {
      designs.append(
        RateDesign(kernel, phase, [(.samples, samples), (.places, places)]) { extents in
          let (name, shapes) = make(extents[0], extents[1])
          return RateDesign.Point(name, shapes, phase, unit: .bytes)
        })
    }
    rows(.layerNormalization, [1, 16, 256, 2048], [64, 256, 1024]) {
      (.layerNormalization(LayerNormalization(axis: 1)), [[$0, $1], [$1], [$1]])
    }
    rows(.softmax, [1, 16, 256, 2048], [10, 128, 1000]) { (.softmax(Softmax(axis: 1)), [[$0, $1]]) }
    rows(.crossEntropy, [1, 4, 16, 64, 256], [10, 100, 1000]) {
      (.softmaxCrossEntropy(SoftmaxCrossEntropy()), [[$0, $1], [$0]])
    }
    designs.append(
      RateDesign(
        .localResponseNormalization, phase,
        [(.elements, elements), (.places, [169, 729, 3025]), (.footprint, footprints)]
      ) {
        extents in
        guard extents[0] >= 16 * extents[1] else { return nil }
        let side = side(extents[1])
        return RateDesign.Point(
          .localResponseNormalization(LocalResponseNormalization(size: 5)),
          [[1, extents[0] / extents[1], side, side]], phase, unit: .bytes)
      })
  }
  return designs
}

private func poolings() -> [RateDesign] {
  var designs: [RateDesign] = []
  for phase in [Phase.forward, .error] {
    for (width, stride) in [(2, 2), (3, 2), (3, 1)] {
      for kernel in [RatedKernel.maxPooling, .averagePooling] {
        let reduction: Pooling.Reduction = kernel == .maxPooling ? .maximum : .average(countsPadding: true)
        designs.append(
          RateDesign(
            kernel, phase, window: width * width, stride: stride,
            [(.elements, elements), (.places, [4, 49, 196, 784, 12_544]), (.footprint, footprints)]
          ) { extents in
            let side = side(extents[1]) * stride
            guard extents[0] >= side * side else { return nil }
            return RateDesign.Point(
              .pooling(Pooling(reduction, kernel: width, stride: stride, padding: width == 3 ? 1 : 0)),
              [[1, extents[0] / (side * side), side, side]], phase, unit: .bytes)
          })
      }
    }
    designs.append(
      RateDesign(
        .globalPooling, phase,
        [(.elements, elements), (.places, [16, 49, 196, 784]), (.footprint, footprints)]
      ) { extents in
        guard extents[0] >= extents[1] else { return nil }
        let side = side(extents[1])
        return RateDesign.Point(
          .globalPooling(GlobalPooling(.average)), [[1, extents[0] / extents[1], side, side]], phase,
          unit: .bytes)
      })
  }
  return designs
}

private func elementwise() -> [RateDesign] {
  var designs: [RateDesign] = []
  func plain(
    _ kernel: RatedKernel, _ phases: [Phase] = [.forward, .error],
    _ make: @escaping @Sendable (Int) -> (Operator, [[Int]])
  ) {
    for phase in phases {
      designs.append(
        RateDesign(kernel, phase, [(.elements, elements), (.footprint, footprints)]) { extents in
          let (name, shapes) = make(extents[0])
          return RateDesign.Point(name, shapes, phase, unit: .bytes)
        })
    }
  }
  plain(.activation) { (.activation(Activation(.relu)), [[$0]]) }
  plain(.function) { (.activation(Activation(.sigmoid)), [[$0]]) }
  plain(.elementwise, [.forward]) { (.elementwise(Elementwise(.add)), [[$0], [$0]]) }
  plain(.elementwise, [.error]) { (.elementwise(Elementwise(.multiply)), [[$0], [$0]]) }
  plain(.broadcast, [.forward, .weightGradient]) {
    (.elementwise(Elementwise(.add, right: .parameter)), [[$0 / 64, 64], [64]])
  }
  plain(.copy) { (.concatenation(Concatenation(axis: 1)), [[2, $0 / 4], [2, $0 / 4]]) }
  plain(.transpose) { (.transpose(Transpose([0, 2, 1])), [[1, $0 / 64, 64]]) }
  plain(.reduction) {
    (.reduction(Reduction(.mean, axes: [1], keepsDimensions: false)), [[$0 / 64, 64]])
  }
  plain(.dropout) { (.dropout(Dropout(ratio: 0.5)), [[$0]]) }
  plain(.fork, [.error]) { (.fork(Fork()), [[$0]]) }
  return designs
}

private func upkeep() -> [RateDesign] {
  let optimizers: [(RatedKernel, Optimizer)] = [
    (.sgd, .sgd(learningRate: 1e-3)), (.momentum, .momentum(learningRate: 1e-3, momentum: 0.9)),
    (.adam, .adam(learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8)),
  ]
  let updates = optimizers.map { kernel, optimizer in
    RateDesign(kernel, .update, [(.elements, [16] + elements), (.footprint, footprints)]) { extents in
      RateDesign.Point(
        subject: .update(optimizer, extents[0]),
        amount: Double((3 + 2 * optimizer.stateCount) * 4 * extents[0]))
    }
  }
  return updates + [
    RateDesign(.sum, .weightGradient, [(.elements, [16] + elements), (.footprint, footprints)]) { extents in
      RateDesign.Point(subject: .sum(extents[0]), amount: Double(12 * extents[0]))
    }
  ]
}
