/// The VGG family: blocks of 3 × 3 convolutions, each block pooled, then three dense layers.
///
/// > Source: K. Simonyan, A. Zisserman. "Very deep convolutional networks for large-scale image
/// > recognition." *ICLR* 2015, table 1, configurations A, B, D and E; node names as in torchvision.
struct VGG: Hashable {
  /// The convolutions of each block.
  let depths: [Int]
  /// Whether a batch normalisation follows each convolution.
  let isNormalized: Bool

  /// The output channels of each block's convolutions.
  static let widths = [64, 128, 256, 512, 512]
  /// The number of weighted layers and, for each block, that of its convolutions.
  static let variants: [(layers: Int, depths: [Int])] = [
    (11, [1, 1, 2, 2, 2]), (13, [2, 2, 2, 2, 2]), (16, [2, 2, 3, 3, 3]), (19, [2, 2, 4, 4, 4]),
  ]

  /// Builds the network for images of 224 × 224 × 3, ending in logits.
  func graph(name: String, batch: Int) throws(ShapeError) -> Graph {
    var builder = GraphBuilder(name: name)
    var x = builder.sample("images", TensorType(.float32, [batch, 3, 224, 224]))
    // torchvision numbers every layer of the sequence, whatever it is.
    var index = 0
    func next() -> String {
      defer { index += 1 }
      return "features.\(index)"
    }
    for (depth, width) in zip(depths, Self.widths) {
      for _ in 0..<depth {
        x = try builder.convolution(x, channels: width, kernel: 3, padding: 1, bias: .present, name: next())
        if isNormalized { x = try builder.batchNormalization(x, name: next()) }
        x = try builder.relu(x, name: next())
      }
      x = try builder.maxPool(x, kernel: 2, stride: 2, name: next())
    }
    x = try builder.flatten(x, name: "flatten")
    for index in [0, 3] {
      x = try builder.dense(x, 4096, name: "classifier.\(index)")
      x = try builder.relu(x, name: "classifier.\(index + 1)")
      x = try builder.dropout(x, name: "classifier.\(index + 2)")
    }
    x = try builder.dense(x, 1000, name: "classifier.6")
    return builder.build(outputs: [x])
  }
}
