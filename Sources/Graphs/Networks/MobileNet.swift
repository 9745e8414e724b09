/// MobileNet: thirteen depthwise-separable layers behind one convolution, for images of 224 × 224 × 3.
///
/// > Source: A. G. Howard et al. "MobileNets: efficient convolutional neural networks for mobile vision
/// > applications." arXiv 1704.04861, 2017, table 1. The last layer's stride is 1: the table prints 2, which
/// > its own map sizes contradict.
func mobileNetV1(batch: Int) throws(ShapeError) -> Graph {
  var builder = GraphBuilder(name: "mobilenet-v1")
  var x = builder.sample("images", TensorType(.float32, [batch, 3, 224, 224]))
  x = try builder.addUnit(x, channels: 32, kernel: 3, stride: 2, function: .relu, name: "conv1")
  let layers: [(channels: Int, stride: Int)] =
    [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    + Array(repeating: (512, 1), count: 5) + [(1024, 2), (1024, 1)]
  for (index, layer) in layers.enumerated() {
    let name = "separable\(index + 1)"
    x = try builder.addUnit(
      x, kernel: 3, stride: layer.stride, function: .relu, name: "\(name).depthwise")
    x = try builder.addUnit(
      x, channels: layer.channels, kernel: 1, function: .relu, name: "\(name).pointwise")
  }
  x = try builder.globalAveragePool(x, name: "avgpool")
  x = try builder.flatten(x, name: "flatten")
  x = try builder.dense(x, 1000, name: "fc")
  return builder.build(outputs: [x])
}

/// MobileNetV2: inverted residual blocks with narrow ends, for images of 224 × 224 × 3.
///
/// > Source: M. Sandler, A. Howard, M. Zhu, A. Zhmoginov, L.-C. Chen. "MobileNetV2: inverted residuals and
/// > linear bottlenecks." *CVPR* 2018, table 2; blocks numbered as in torchvision.
func mobileNetV2(batch: Int) throws(ShapeError) -> Graph {
  var builder = GraphBuilder(name: "mobilenet-v2")
  var x = builder.sample("images", TensorType(.float32, [batch, 3, 224, 224]))
  x = try builder.addUnit(x, channels: 32, kernel: 3, stride: 2, function: relu6, name: "features.0")
  let stages: [(expansion: Int, channels: Int, depth: Int, stride: Int)] = [
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
    (6, 320, 1, 1),
  ]
  var number = 1
  for stage in stages {
    for position in 0..<stage.depth {
      x = try addInvertedResidual(
        &builder, x, expansion: stage.expansion, channels: stage.channels,
        stride: position == 0 ? stage.stride : 1, name: "features.\(number)")
      number += 1
    }
  }
  x = try builder.addUnit(x, channels: 1280, kernel: 1, function: relu6, name: "features.\(number)")
  x = try builder.globalAveragePool(x, name: "avgpool")
  x = try builder.flatten(x, name: "flatten")
  x = try builder.dropout(x, ratio: 0.2, name: "classifier.0")
  x = try builder.dense(x, 1000, name: "classifier.1")
  return builder.build(outputs: [x])
}

private func addInvertedResidual(
  _ builder: inout GraphBuilder, _ input: TensorID, expansion: Int, channels: Int, stride: Int, name: String
) throws(ShapeError) -> TensorID {
  let entering = builder.type(of: input).shape[1]
  var x = input
  if expansion > 1 {
    x = try builder.addUnit(
      x, channels: entering * expansion, kernel: 1, function: relu6, name: "\(name).expand")
  }
  x = try builder.addUnit(x, kernel: 3, stride: stride, function: relu6, name: "\(name).depthwise")
  x = try builder.addUnit(x, channels: channels, kernel: 1, function: nil, name: "\(name).project")
  guard stride == 1 && entering == channels else { return x }
  return try builder.add(input, x, name: "\(name).add")
}

/// The activation that MobileNetV2 chose to survive arithmetic of few bits.
private let relu6 = Activation.Function.clip(minimum: 0, maximum: 6)

extension GraphBuilder {
  /// Adds a convolution without bias, its batch normalisation and its activation, if any; depthwise where no
  /// channels are given.
  fileprivate mutating func addUnit(
    _ input: TensorID, channels: Int? = nil, kernel: Int, stride: Int = 1, function: Activation.Function?,
    name: String
  ) throws(ShapeError) -> TensorID {
    let entering = type(of: input).shape[1]
    var x = try convolution(
      input, channels: channels ?? entering, kernel: kernel, stride: stride, padding: kernel / 2,
      groups: channels == nil ? entering : 1, name: "\(name).conv")
    x = try batchNormalization(x, name: "\(name).norm")
    guard let function else { return x }
    return try activation(x, function, name: "\(name).relu")
  }
}
