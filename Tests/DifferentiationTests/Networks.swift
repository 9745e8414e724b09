import Differentiation
import Graphs

/// Three inputs, four hidden units, two classes, no biases, two samples: the numbers of the hand-made tests.
///
/// Elements: x 6, fc1.weight 12, fc1 8, relu 8, fc2.weight 8, fc2 4.
func smallChain() throws -> Graph {
  var builder = GraphBuilder(name: "chain")
  let x = builder.sample("x", TensorType(.float32, [2, 3]))
  let hidden = try builder.relu(try builder.dense(x, 4, bias: .absent, name: "fc1"), name: "relu")
  let logits = try builder.dense(hidden, 2, bias: .absent, name: "fc2")
  return builder.build(outputs: [logits])
}

/// A convolution, batch normalisation, ReLU, max pooling and dropout before a dense layer and a softmax.
func smallConvolutionalNetwork() throws -> Graph {
  var builder = GraphBuilder(name: "convolutional")
  let x = builder.sample("x", TensorType(.float32, [4, 3, 8, 8]))
  var y = try builder.convolution(x, channels: 5, kernel: 3, padding: 1, bias: .present, name: "conv1")
  y = try builder.relu(try builder.batchNormalization(y, name: "bn1"), name: "relu1")
  y = try builder.maxPool(y, kernel: 2, stride: 2, name: "pool1")
  y = try builder.convolution(y, channels: 6, kernel: 3, groups: 1, name: "conv2")
  y = try builder.dropout(try builder.flatten(y, name: "flatten"), name: "dropout")
  y = try builder.dense(y, 10, name: "fc")
  let probabilities = try builder.softmax(y, name: "softmax")
  return builder.build(outputs: [probabilities])
}

/// Phase and node name of each operation, or the parameter's name of an update.
func program(_ training: TrainingGraph) -> [String] {
  training.operations.map { operation in
    let name =
      operation.node.map { training.graph[$0].name } ?? operation.parameter.map { training.graph[$0].name }
      ?? ""
    return "\(operation.phase.rawValue) \(name)"
  }
}
