/// The ResNet family: four stages of residual blocks behind one 7 × 7 convolution.
///
/// > Source: K. He, X. Zhang, S. Ren, J. Sun. "Deep residual learning for image recognition." *CVPR* 2016,
/// > table 1, with torchvision's form of the bottleneck: the 3 × 3 convolution carries the stride.
struct ResNet: Hashable {
  /// What a residual block is made of.
  enum Block {
    /// Two 3 × 3 convolutions.
    case basic
    /// A 1 × 1, a 3 × 3 and a 1 × 1 convolution; the last widens by four.
    case bottleneck
  }

  /// What each block is made of.
  let block: Block
  /// The blocks of each stage.
  let depths: [Int]

  /// The number of weighted layers and the network.
  static let variants: [(layers: Int, network: ResNet)] = [
    (18, ResNet(block: .basic, depths: [2, 2, 2, 2])),
    (34, ResNet(block: .basic, depths: [3, 4, 6, 3])),
    (50, ResNet(block: .bottleneck, depths: [3, 4, 6, 3])),
    (101, ResNet(block: .bottleneck, depths: [3, 4, 23, 3])),
    (152, ResNet(block: .bottleneck, depths: [3, 8, 36, 3])),
  ]

  /// One convolution of a block; its channels are a multiple of the stage's width.
  private struct Step {
    let kernel: Int
    let widening: Int
    let carriesStride: Bool
  }

  private var steps: [Step] {
    switch block {
    case .basic:
      [
        Step(kernel: 3, widening: 1, carriesStride: true),
        Step(kernel: 3, widening: 1, carriesStride: false),
      ]
    case .bottleneck:
      [
        Step(kernel: 1, widening: 1, carriesStride: false),
        Step(kernel: 3, widening: 1, carriesStride: true),
        Step(kernel: 1, widening: 4, carriesStride: false),
      ]
    }
  }

  /// Builds the network for images of 224 × 224 × 3, ending in logits.
  func graph(name: String, batch: Int) throws(ShapeError) -> Graph {
    var builder = GraphBuilder(name: name)
    var x = builder.sample("images", TensorType(.float32, [batch, 3, 224, 224]))
    x = try builder.convolution(
      x, channels: 64, kernel: 7, stride: 2, padding: 3, name: "conv1")
    x = try builder.batchNormalization(x, name: "bn1")
    x = try builder.relu(x, name: "relu")
    x = try builder.maxPool(x, kernel: 3, stride: 2, padding: 1, name: "maxpool")
    for (index, depth) in depths.enumerated() {
      for position in 0..<depth {
        x = try addBlock(
          &builder, x, width: 64 << index, stride: index > 0 && position == 0 ? 2 : 1,
          name: "layer\(index + 1).\(position)")
      }
    }
    x = try builder.globalAveragePool(x, name: "avgpool")
    x = try builder.flatten(x, name: "flatten")
    x = try builder.dense(x, 1000, name: "fc")
    return builder.build(outputs: [x])
  }

  private func addBlock(
    _ builder: inout GraphBuilder, _ input: TensorID, width: Int, stride: Int, name: String
  ) throws(ShapeError) -> TensorID {
    var x = input
    for (index, step) in steps.enumerated() {
      let number = index + 1
      x = try builder.convolution(
        x, channels: width * step.widening, kernel: step.kernel, stride: step.carriesStride ? stride : 1,
        padding: step.kernel / 2, name: "\(name).conv\(number)")
      x = try builder.batchNormalization(x, name: "\(name).bn\(number)")
      if number < steps.count { x = try builder.relu(x, name: "\(name).relu\(number)") }
    }
    var shortcut = input
    let channels = builder.type(of: x).shape[1]
    if stride != 1 || builder.type(of: input).shape[1] != channels {
      shortcut = try builder.convolution(
        input, channels: channels, kernel: 1, stride: stride, name: "\(name).downsample.0")
      shortcut = try builder.batchNormalization(shortcut, name: "\(name).downsample.1")
    }
    x = try builder.add(x, shortcut, name: "\(name).add")
    return try builder.relu(x, name: "\(name).relu\(steps.count)")
  }
}
