public import Graphs
import Kernels

/// What the elements of a tensor begin as.
public enum InitialDistribution: Hashable, Sendable {
  /// All the same.
  case constant(Double)
  /// Evenly in the interval [−bound, bound).
  case uniform(bound: Double)
}

/// The weights of a network before its first step, drawn from a seed.
///
/// A number depends only on the seed, the tensor's name and the element's place in the whole tensor, so that
/// every device can draw its own part. It is made with integer arithmetic, one product and one sum, and so
/// has the same bits on every processor; that is why the interval is even and not a bell.
///
/// ```swift
/// let initial = InitialWeights(graph, seed: 7)
/// let weights = initial.values(of: tensor)
/// ```
///
/// ## Model
///
/// | tensor | begins as |
/// |---|---|
/// | weight of a convolution, dense layer or product with ReLU or the like behind it | ±√(6 ∕ fan-in) |
/// | other weights of these | ±√(6 ∕ (fan-in + fan-out)) |
/// | table of an embedding | ±0.05 |
/// | bias, shift, running mean, operand of an addition | 0 |
/// | scale, running variance, operand of a product | 1 |
///
/// Fan-in is what one output is summed from, fan-out the number of sums that one input is part of;
/// normalisation, pooling and reshapes between a layer and its activation do not count as activations. The
/// first row gives the variance 2 ∕ fan-in.
///
/// > Source: K. He, X. Zhang, S. Ren, J. Sun. "Delving Deep into Rectifiers." ICCV 2015, eq. 10; X. Glorot,
/// > Y. Bengio. "Understanding the difficulty of training deep feedforward neural networks." AISTATS 2010,
/// > eq. 16; G. L. Steele, D. Lea, C. H. Flood. "Fast Splittable Pseudorandom Number Generators." OOPSLA
/// > 2014, figure 16 (the mixing function).
public struct InitialWeights: Sendable {
  /// What numbers are drawn from.
  public let seed: UInt64
  private let graph: Graph
  private let consumers: [[NodeID]]

  /// Prepares the weights of a network, with or without a loss.
  public init(_ graph: Graph, seed: UInt64) {
    self.graph = graph
    self.seed = seed
    consumers = graph.consumers()
  }

  /// What the elements of a tensor begin as, by the first node that reads it.
  public func distribution(of tensor: TensorID) -> InitialDistribution {
    guard let id = consumers[tensor.index].first,
      let input = graph[id].inputs.firstIndex(of: tensor)
    else { return .constant(0) }
    let node = graph[id]
    let shape = graph[tensor].type.shape
    switch (node.operator, input) {
    case (.convolution(let rules), 1):
      let kernel = shape.dropFirst(2).reduce(1, *)
      return weight(of: node, fanIn: shape[1] * kernel, fanOut: shape[0] / max(1, rules.groups) * kernel)
    case (.dense(let rules), 1):
      return rules.transposeWeight
        ? weight(of: node, fanIn: shape[1], fanOut: shape[0])
        : weight(of: node, fanIn: shape[0], fanOut: shape[1])
    case (.matrixMultiplication, 1) where shape.count >= 2:
      return weight(of: node, fanIn: shape[shape.count - 2], fanOut: shape[shape.count - 1])
    case (.tabulated, _): return .constant(0)
    case (.batchNormalization, 1), (.batchNormalization, 4), (.layerNormalization, 1): return .constant(1)
    case (.elementwise(let rules), _):
      switch rules.function {
      case .multiply, .divide, .power: return .constant(1)
      case .add, .subtract, .maximum, .minimum: return .constant(0)
      }
    case (.embedding, _), (.gather, 0): return .uniform(bound: 0.05)
    default: return .constant(0)
    }
  }

  /// Writes the elements of a part of a tensor, by their places in the whole tensor in row-major order.
  ///
  /// - Complexity: O(elements of the part).
  public func fill(
    _ tensor: TensorID, elements: Range<Int>, to destination: UnsafeMutablePointer<Float>
  ) {
    let count = graph[tensor].type.elementCount
    precondition(
      elements.lowerBound >= 0 && elements.upperBound <= count,
      "elements \(elements) of \(count) of \(graph[tensor].name)")
    switch distribution(of: tensor) {
    case .constant(let value):
      for place in 0..<elements.count { destination[place] = Float(value) }
    case .uniform(let bound):
      let key = CounterGenerator.mixed(CounterGenerator.mixed(seed) &+ hash(of: graph[tensor].name))
      for (place, element) in elements.enumerated() {
        // 24 bits are what a float32 holds; the product and the difference are exact but for one rounding.
        let word = CounterGenerator.mixed(key &+ UInt64(element)) >> 40
        destination[place] = Float(bound * (Double(word) * 0x1p-23 - 1))
      }
    }
  }

  /// The elements of a tensor in row-major order.
  public func values(of tensor: TensorID) -> [Float] {
    let count = graph[tensor].type.elementCount
    return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let start = buffer.baseAddress { fill(tensor, elements: 0..<count, to: start) }
      initialized = count
    }
  }

  private func weight(of node: Node, fanIn: Int, fanOut: Int) -> InitialDistribution {
    let variance =
      isRectified(node) ? 6 / Double(max(1, fanIn)) : 6 / Double(max(1, fanIn + fanOut))
    return .uniform(bound: variance.squareRoot())
  }

  /// Whether the way from a node leads to a rectifier before any other activation.
  private func isRectified(_ node: Node) -> Bool {
    var open = node.outputs
    var isSeen: Set<TensorID> = []
    while let tensor = open.popLast() {
      guard isSeen.insert(tensor).inserted else { continue }
      for id in consumers[tensor.index] {
        let next = graph[id]
        switch next.operator {
        case .activation(let rules):
          switch rules.function {
          case .relu, .leakyRelu, .gelu, .clip, .hardSwish, .elu, .softplus: return true
          default: break
          }
        case .batchNormalization, .layerNormalization, .pooling, .globalPooling, .reshape, .transpose, .fork,
          .dropout, .elementwise, .scaleByConstant, .pad, .concatenation, .split, .slice:
          open += next.outputs
        default: break
        }
      }
    }
    return false
  }
}

/// The FNV-1a hash of a name.
private func hash(of name: String) -> UInt64 {
  name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
