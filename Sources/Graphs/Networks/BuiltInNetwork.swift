public import Diagnostics

/// A network that needs no file: its name, what it is, and its graph for any batch.
///
/// Every network takes `images` (or, for a layer table, `samples`) and ends in logits; the loss is attached
/// where the training step is made. A layer table ends in a loss of no cost.
public struct BuiltInNetwork: Hashable, Sendable {
  /// The name on the command line, such as `resnet50`.
  public let name: String
  /// What it is, in one line.
  public let summary: String
  private let architecture: Architecture

  private enum Architecture: Hashable {
    case leNet, alexNet, denseNet121, mobileNetV1, mobileNetV2
    case vgg(VGG)
    case resNet(ResNet)
    case hyPar(HyParNetwork)
    case hyParTable(HyParNetwork)
  }

  /// The largest batch that a built-in network takes.
  ///
  /// The largest activation (VGG's first, 64 × 224 × 224 elements of 4 bytes a sample) then stays below
  /// 2⁴⁸ bytes.
  public static let largestBatch = 1 << 24

  /// Every built-in network, in the order in which they are listed.
  public static let all: [BuiltInNetwork] = {
    var all = [
      BuiltInNetwork(
        name: "lenet", summary: "LeNet, 28 × 28 × 1, two convolutions and two dense layers",
        architecture: .leNet),
      BuiltInNetwork(
        name: "alexnet", summary: "AlexNet, 227 × 227 × 3, with groups", architecture: .alexNet),
    ]
    for isNormalized in [false, true] {
      for (layers, depths) in VGG.variants {
        all.append(
          BuiltInNetwork(
            name: "vgg\(layers)" + (isNormalized ? "-bn" : ""),
            summary: "VGG of \(layers) weighted layers, 224 × 224 × 3"
              + (isNormalized ? ", with batch normalisation" : ""),
            architecture: .vgg(VGG(depths: depths, isNormalized: isNormalized))))
      }
    }
    for (layers, network) in ResNet.variants {
      all.append(
        BuiltInNetwork(
          name: "resnet\(layers)", summary: "ResNet of \(layers) weighted layers, 224 × 224 × 3",
          architecture: .resNet(network)))
    }
    all += [
      BuiltInNetwork(
        name: "densenet121", summary: "DenseNet of 121 weighted layers, 224 × 224 × 3",
        architecture: .denseNet121),
      BuiltInNetwork(
        name: "mobilenet-v1", summary: "MobileNet, 224 × 224 × 3", architecture: .mobileNetV1),
      BuiltInNetwork(
        name: "mobilenet-v2", summary: "MobileNetV2, 224 × 224 × 3", architecture: .mobileNetV2),
    ]
    for network in HyParNetwork.all {
      all.append(
        BuiltInNetwork(
          name: "hypar/\(network.name)", summary: "layer table of HyPar's \(network.title)",
          architecture: .hyParTable(network)))
    }
    for network in HyParNetwork.all {
      all.append(
        BuiltInNetwork(
          name: "hypar/\(network.name)-graph", summary: "graph of HyPar's \(network.title), without biases",
          architecture: .hyPar(network)))
    }
    return all
  }()

  /// The names, in the order of ``all``.
  public static let names = all.map(\.name)

  /// Returns the network's graph for a global mini-batch.
  ///
  /// - Precondition: `batch` is between 1 and ``largestBatch``.
  public func graph(batch: Int) -> Graph {
    precondition(1...Self.largestBatch ~= batch, "a batch of \(batch)")
    do {
      switch architecture {
      case .leNet: return try leNet(batch: batch)
      case .alexNet: return try alexNet(batch: batch)
      case .denseNet121: return try denseNet121(batch: batch)
      case .mobileNetV1: return try mobileNetV1(batch: batch)
      case .mobileNetV2: return try mobileNetV2(batch: batch)
      case .vgg(let network): return try network.graph(name: name, batch: batch)
      case .resNet(let network): return try network.graph(name: name, batch: batch)
      case .hyPar(let network): return try network.graph(name: name, batch: batch)
      case .hyParTable(let network):
        return try LayerTable(csv: network.layerTable.csv, file: name).graph(name: name, batch: batch)
      }
    } catch {
      preconditionFailure("the built-in network \(name) with batch \(batch): \(error)")
    }
  }

  /// Returns the graph of a built-in network for a global mini-batch.
  ///
  /// - Throws: `InputError` where there is no network of that name or the batch is out of bounds.
  public static func graph(named name: String, batch: Int) throws(InputError) -> Graph {
    guard let network = all.first(where: { $0.name == name }) else {
      throw InputError(
        .missingFile, "there is no built-in network “\(name)”",
        hint: nearestName(to: name, among: names).map { "did you mean “\($0)”?" }
          ?? "the built-in networks are \(names.joined(separator: ", "))")
    }
    guard 1...largestBatch ~= batch else {
      throw InputError(.usage, "a batch of \(batch)", hint: "use a batch from 1 to \(largestBatch)")
    }
    return network.graph(batch: batch)
  }
}
