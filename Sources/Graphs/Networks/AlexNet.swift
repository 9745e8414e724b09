/// One convolution of AlexNet and what follows it.
private struct AlexNetStage {
  let channels: Int
  let kernel: Int
  var stride = 1
  var padding = 0
  /// The halves that the two GPUs of the original held, joined only where this is one.
  var groups = 1
  var isNormalized = false
  var isPooled = false
}

private let stages = [
  AlexNetStage(channels: 96, kernel: 11, stride: 4, isNormalized: true, isPooled: true),
  AlexNetStage(channels: 256, kernel: 5, padding: 2, groups: 2, isNormalized: true, isPooled: true),
  AlexNetStage(channels: 384, kernel: 3, padding: 1),
  AlexNetStage(channels: 384, kernel: 3, padding: 1, groups: 2),
  AlexNetStage(channels: 256, kernel: 3, padding: 1, groups: 2, isPooled: true),
]

/// AlexNet as first published: two halves joined by groups, local response normalisation, 227 × 227 × 3.
///
/// The paper prints an input of 224; only 227 gives its 55 × 55 maps without padding. It ends in logits.
///
/// > Source: A. Krizhevsky, I. Sutskever, G. E. Hinton. "ImageNet classification with deep convolutional
/// > neural networks." *NIPS* 2012, with the order of layers of Caffe's `bvlc_alexnet`.
func alexNet(batch: Int) throws(ShapeError) -> Graph {
  var builder = GraphBuilder(name: "alexnet")
  var x = builder.sample("images", TensorType(.float32, [batch, 3, 227, 227]))
  for (index, stage) in stages.enumerated() {
    let number = index + 1
    x = try builder.convolution(
      x, channels: stage.channels, kernel: stage.kernel, stride: stage.stride, padding: stage.padding,
      groups: stage.groups, bias: .present, name: "conv\(number)")
    x = try builder.relu(x, name: "relu\(number)")
    if stage.isNormalized { x = try builder.localResponseNormalization(x, size: 5, name: "norm\(number)") }
    if stage.isPooled { x = try builder.maxPool(x, kernel: 3, stride: 2, name: "pool\(number)") }
  }
  x = try builder.flatten(x, name: "flatten")
  for number in 6...7 {
    x = try builder.dense(x, 4096, name: "fc\(number)")
    x = try builder.relu(x, name: "relu\(number)")
    x = try builder.dropout(x, name: "drop\(number)")
  }
  x = try builder.dense(x, 1000, name: "fc8")
  return builder.build(outputs: [x])
}
