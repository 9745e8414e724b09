/// LeNet for images of 28 × 28 × 1: two convolutions without padding, each pooled, and two dense layers.
///
/// Widths as in the network that Caffe's MNIST example made common (20, 50, 500, 10), with a ReLU after
/// every hidden layer. It ends in logits.
///
/// > Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. "Gradient-based learning applied to document
/// > recognition." *Proc. IEEE* 86(11), 1998, pp. 2278–2324, in the form of Caffe's `lenet` example.
func leNet(batch: Int) throws(ShapeError) -> Graph {
  var builder = GraphBuilder(name: "lenet")
  var x = builder.sample("images", TensorType(.float32, [batch, 1, 28, 28]))
  for (index, channels) in [20, 50].enumerated() {
    let number = index + 1
    x = try builder.convolution(x, channels: channels, kernel: 5, bias: .present, name: "conv\(number)")
    x = try builder.relu(x, name: "relu\(number)")
    x = try builder.maxPool(x, kernel: 2, stride: 2, name: "pool\(number)")
  }
  x = try builder.flatten(x, name: "flatten")
  x = try builder.dense(x, 500, name: "fc1")
  x = try builder.relu(x, name: "relu3")
  x = try builder.dense(x, 10, name: "fc2")
  return builder.build(outputs: [x])
}
