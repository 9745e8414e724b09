/// One of the ten networks on which HyPar was evaluated: convolutions with their pooling, then dense layers.
///
/// From this one description come the layer table that HyPar counts with and a real graph of the same
/// weights. Neither has biases, because HyPar's counts have none.
///
/// > Source: L. Song, J. Mao, Y. Zhuo, X. Qian, H. Li, Y. Chen. "HyPar: towards hybrid parallelism for deep
/// > learning accelerator array." *HPCA* 2019, arXiv 1901.02067. The paper names the networks and prints
/// > totals; these shapes give its data-parallel bytes (120 bytes a weight), its plans and its run times.
struct HyParNetwork: Hashable {
  /// A convolution with the pooling attached to it.
  struct Convolution: Hashable {
    /// Its name in the paper's figures.
    let name: String
    let channels: Int
    let kernel: Int
    var stride = 1
    var padding = 0
    /// The window of the maximum pooling that follows, moving by two, or nil.
    var pooling: Int?
    /// Whether the paper's counts give the pooling to the next layer.
    var isCountedBeforePooling = false
  }

  /// The name on the command line after `hypar/`.
  let name: String
  /// The name in the paper.
  let title: String
  /// The channels of a sample.
  let channels: Int
  /// The height and width of a sample.
  let side: Int
  /// The convolutions.
  let convolutions: [Convolution]
  /// The outputs of each dense layer.
  let units: [Int]

  /// All ten, in the order of the paper's figures.
  static let all: [HyParNetwork] =
    [
      HyParNetwork(
        name: "sfc", title: "SFC", channels: 1, side: 28, convolutions: [], units: [8192, 8192, 8192, 10]),
      HyParNetwork(
        name: "sconv", title: "SCONV", channels: 1, side: 28,
        convolutions: [
          Convolution(name: "conv1", channels: 20, kernel: 5),
          Convolution(name: "conv2", channels: 50, kernel: 5, pooling: 2),
          Convolution(name: "conv3", channels: 50, kernel: 5),
          Convolution(name: "conv4", channels: 10, kernel: 5, pooling: 2),
        ], units: []),
      HyParNetwork(
        name: "lenet-c", title: "Lenet-c", channels: 1, side: 28,
        convolutions: [
          Convolution(name: "conv1", channels: 20, kernel: 5, pooling: 2),
          Convolution(name: "conv2", channels: 50, kernel: 5, pooling: 2),
        ], units: [500, 10]),
      HyParNetwork(
        name: "cifar-c", title: "Cifar-c", channels: 3, side: 32,
        convolutions: [
          Convolution(name: "conv1", channels: 32, kernel: 5, padding: 2, pooling: 2),
          Convolution(name: "conv2", channels: 32, kernel: 5, padding: 2, pooling: 2),
          Convolution(name: "conv3", channels: 64, kernel: 5, padding: 2, pooling: 2),
        ], units: [64, 10]),
      // One of AlexNet's two towers: the paper's bytes leave no room for both.
      HyParNetwork(
        name: "alexnet", title: "AlexNet", channels: 3, side: 224,
        convolutions: [
          Convolution(
            name: "conv1", channels: 48, kernel: 11, stride: 4, padding: 2, pooling: 3,
            isCountedBeforePooling: true),
          Convolution(
            name: "conv2", channels: 128, kernel: 5, padding: 2, pooling: 3, isCountedBeforePooling: true),
          Convolution(name: "conv3", channels: 192, kernel: 3, padding: 1),
          Convolution(name: "conv4", channels: 192, kernel: 3, padding: 1),
          Convolution(name: "conv5", channels: 128, kernel: 3, padding: 1, pooling: 3),
        ], units: [2048, 2048, 1000]),
    ] + [
      vgg("A", kernels: [[3], [3], [3, 3], [3, 3], [3, 3]]),
      vgg("B", kernels: [[3, 3], [3, 3], [3, 3], [3, 3], [3, 3]]),
      vgg("C", kernels: [[3, 3], [3, 3], [3, 3, 1], [3, 3, 1], [3, 3, 1]]),
      vgg("D", kernels: [[3, 3], [3, 3], [3, 3, 3], [3, 3, 3], [3, 3, 3]]),
      vgg("E", kernels: [[3, 3], [3, 3], [3, 3, 3, 3], [3, 3, 3, 3], [3, 3, 3, 3]]),
    ]

  private static func vgg(_ letter: String, kernels: [[Int]]) -> HyParNetwork {
    var convolutions: [Convolution] = []
    for (block, (width, kernels)) in zip(VGG.widths, kernels).enumerated() {
      for (index, kernel) in kernels.enumerated() {
        convolutions.append(
          Convolution(
            name: "conv\(block + 1)_\(index + 1)", channels: width, kernel: kernel, padding: kernel / 2,
            pooling: index == kernels.count - 1 ? 2 : nil))
      }
    }
    return HyParNetwork(
      name: "vgg-\(letter.lowercased())", title: "VGG-\(letter)", channels: 3, side: 224,
      convolutions: convolutions, units: [4096, 4096, 1000])
  }

  /// The table by the paper's rules of counting.
  ///
  /// Weights exclude biases; a convolution makes k²·C·K·H·W multiply-accumulates a sample, with H × W its
  /// *input* map; the three phases cost the same, the first layer's error included; a map is counted after
  /// its pooling, except for AlexNet's first two, which only the run times of the paper show.
  var layerTable: LayerTable {
    var layers: [LayerTable.Layer] = []
    var channels = channels
    var real = side
    var counted = side
    for convolution in convolutions {
      let kernelWeights = convolution.kernel * convolution.kernel * channels * convolution.channels
      real = (real + 2 * convolution.padding - convolution.kernel) / convolution.stride + 1
      let unpooled = real
      if let window = convolution.pooling { real = (real - window) / 2 + 1 }
      let leaving = convolution.isCountedBeforePooling ? unpooled : real
      layers.append(
        LayerTable.Layer(
          name: convolution.name, kind: .convolution, weights: kernelWeights,
          input: channels * counted * counted, output: convolution.channels * leaving * leaving,
          equalPhases: kernelWeights * counted * counted))
      (channels, counted) = (convolution.channels, leaving)
    }
    var features = channels * real * real
    for (index, units) in units.enumerated() {
      layers.append(
        LayerTable.Layer(
          name: "fc\(index + 1)", kind: .dense, weights: features * units, input: features, output: units,
          equalPhases: features * units))
      features = units
    }
    return LayerTable(layers: layers)
  }

  /// Builds the real graph, with a ReLU after every layer but the last, ending in logits.
  func graph(name: String, batch: Int) throws(ShapeError) -> Graph {
    var builder = GraphBuilder(name: name)
    var x = builder.sample("images", TensorType(.float32, [batch, channels, side, side]))
    for (index, convolution) in convolutions.enumerated() {
      x = try builder.convolution(
        x, channels: convolution.channels, kernel: convolution.kernel, stride: convolution.stride,
        padding: convolution.padding, name: convolution.name)
      if index < convolutions.count - 1 || !units.isEmpty {
        x = try builder.relu(x, name: "\(convolution.name).relu")
      }
      if let window = convolution.pooling {
        x = try builder.maxPool(x, kernel: window, stride: 2, name: "\(convolution.name).pool")
      }
    }
    x = try builder.flatten(x, name: "flatten")
    for (index, units) in units.enumerated() {
      let name = "fc\(index + 1)"
      x = try builder.dense(x, units, bias: .absent, name: name)
      if index < self.units.count - 1 { x = try builder.relu(x, name: "\(name).relu") }
    }
    return builder.build(outputs: [x])
  }
}
