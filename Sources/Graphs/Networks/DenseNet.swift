/// DenseNet-121: each layer reads every feature map before it in its block.
///
/// A block's concatenation grows by one layer at a time, so that a layer's input is one tensor and not a
/// list; the features and their order are those of one long concatenation.
///
/// > Source: G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger. "Densely connected convolutional
/// > networks." *CVPR* 2017, table 1, growth rate 32; node names as in torchvision.
func denseNet121(batch: Int) throws(ShapeError) -> Graph {
  var builder = GraphBuilder(name: "densenet121")
  var x = builder.sample("images", TensorType(.float32, [batch, 3, 224, 224]))
  x = try builder.convolution(
    x, channels: 64, kernel: 7, stride: 2, padding: 3, name: "features.conv0")
  x = try builder.batchNormalization(x, name: "features.norm0")
  x = try builder.relu(x, name: "features.relu0")
  x = try builder.maxPool(x, kernel: 3, stride: 2, padding: 1, name: "features.pool0")
  let depths = [6, 12, 24, 16]
  for (index, depth) in depths.enumerated() {
    let number = index + 1
    for layer in 1...depth {
      x = try addDenseLayer(&builder, x, name: "features.denseblock\(number).denselayer\(layer)")
    }
    if number < depths.count {
      x = try addTransition(&builder, x, name: "features.transition\(number)")
    }
  }
  x = try builder.batchNormalization(x, name: "features.norm5")
  x = try builder.relu(x, name: "relu")
  x = try builder.globalAveragePool(x, name: "avgpool")
  x = try builder.flatten(x, name: "flatten")
  x = try builder.dense(x, 1000, name: "classifier")
  return builder.build(outputs: [x])
}

private let growthRate = 32
/// The 1 × 1 convolution before a layer's 3 × 3 one makes this many times the growth rate.
private let bottleneckWidening = 4

private func addDenseLayer(
  _ builder: inout GraphBuilder, _ input: TensorID, name: String
) throws(ShapeError) -> TensorID {
  var x = try builder.batchNormalization(input, name: "\(name).norm1")
  x = try builder.relu(x, name: "\(name).relu1")
  x = try builder.convolution(
    x, channels: bottleneckWidening * growthRate, kernel: 1, name: "\(name).conv1")
  x = try builder.batchNormalization(x, name: "\(name).norm2")
  x = try builder.relu(x, name: "\(name).relu2")
  x = try builder.convolution(
    x, channels: growthRate, kernel: 3, padding: 1, name: "\(name).conv2")
  return try builder.concatenate([input, x], name: "\(name).concat")
}

/// Halves the channels and the map between two blocks.
private func addTransition(
  _ builder: inout GraphBuilder, _ input: TensorID, name: String
) throws(ShapeError) -> TensorID {
  var x = try builder.batchNormalization(input, name: "\(name).norm")
  x = try builder.relu(x, name: "\(name).relu")
  x = try builder.convolution(
    x, channels: builder.type(of: x).shape[1] / 2, kernel: 1, name: "\(name).conv")
  return try builder.averagePool(x, kernel: 2, stride: 2, name: "\(name).pool")
}
