/// The code that does some work, as far as its speed may be measured for itself.
///
/// Machine files name them by `RatedKernel`, since a machine has never heard of operators.
public enum KernelKind: Hashable, Sendable, CaseIterable {
  case convolution
  /// A convolution of one input channel for each group.
  case depthwiseConvolution
  case dense
  case matrixMultiplication
  case maxPooling
  case averagePooling
  case globalPooling
  case batchNormalization
  /// The sums of a batch normalisation.
  case batchStatistics
  /// What a batch normalisation does once its sums are there.
  case batchScaling
  case layerNormalization
  case softmax
  case crossEntropy
  /// An activation of comparisons and products.
  case activation
  /// An activation with a function of the library.
  case function
  case elementwise
  /// An element-wise operation whose operands have different shapes.
  case broadcast
  /// Elements that change their place.
  case copy
  case transpose
  case reduction
  case dropout
  case localResponseNormalization
  case selection
  case fork
  case sgd
  case momentum
  case adam
  /// Parameters that are put in the order in which a kernel reads them.
  case packing
  /// A gradient that is added to another.
  case sum
}

/// Sums of what several calls of a kernel contribute to one array, such as the gradients of cells.
public struct KernelSums: Hashable, Sendable {
  /// The elements of the array.
  public let elements: Int
  /// How many sums there are, on average over the micro-batches of a step.
  public let count: Double
  /// How many addends they have together, on average over the micro-batches.
  public let addends: Double
  /// The elements over which the device passes between one use of an addend and the next.
  public let passedElements: Int

  /// Creates sums.
  public init(elements: Int, count: Double, addends: Double, passedElements: Int) {
    self.elements = elements
    self.count = count
    self.addends = addends
    self.passedElements = passedElements
  }

  /// The bytes of these elements in float32, the precision in which kernels are measured.
  public var footprint: Int { 4 * passedElements }
}

/// Which kernel does some work, in how many calls, and the extents on which its speed depends.
public struct KernelUse: Hashable, Sendable {
  /// The kernel.
  public var kind: KernelKind
  /// The phase in which it runs.
  public let phase: Phase
  /// How often it runs, on equal parts of the work.
  public var calls = 1
  /// The places of the window of a convolution or pooling.
  public var window = 1
  /// The greatest step of the window.
  public var stride = 1
  /// The samples of all calls; of a product of matrices, its rows.
  public var samples = 1
  /// The input channels of each group.
  public var inputChannels = 1
  /// The output channels of each group; of a depthwise convolution all of them.
  public var outputChannels = 1
  /// The places of a plane, of a convolution or pooling those of its output; elsewhere the elements that are
  /// treated together.
  public var places = 1
  /// The elements of all calls.
  public var elements = 1
  /// The multiply-accumulates that kernels of a convolution compute for each that the phase has by
  /// definition: below one where products with padding are left out, above one where errors take whole rows.
  public var portionComputed = 1.0
  /// The elements over which the device passes between one use of a value and the next.
  public var passedElements = 1
  /// The bytes of these elements in float32, the precision in which kernels are measured.
  public var footprint: Int { 4 * passedElements }
  /// The devices that do such work at the same time, this one among them.
  public var devices = 1
  /// The sums of what the calls contribute, for each array.
  public var sums: [KernelSums] = []

  /// Creates a use of one call whose extents are all one.
  public init(_ kind: KernelKind, _ phase: Phase) {
    self.kind = kind
    self.phase = phase
  }
}

extension Operator {
  /// Which kernel does a phase of the operator on tensors of the given types; nil for layers of a table,
  /// which no kernel computes.
  public func kernelUse(_ phase: Phase, inputs: [TensorType], outputs: [TensorType]) -> KernelUse? {
    guard let kind = kernelKind(inputs, outputs), let first = inputs.first else { return nil }
    var use = KernelUse(kind, phase)
    use.samples = first.shape.first ?? 1
    use.elements = max(1, first.elementCount)
    switch self {
    case .convolution(let rules):
      let weight = inputs[1].shape
      let groups = max(1, first.shape[1] / max(1, weight[1]))
      use.window = weight.dropFirst(2).reduce(1, *)
      use.stride = rules.strides.max() ?? 1
      use.inputChannels = weight[1]
      use.outputChannels = kind == .depthwiseConvolution ? weight[0] : max(1, weight[0] / groups)
      use.places = outputs[0].shape.dropFirst(2).reduce(1, *)
      use.portionComputed = rules.portionComputed(
        phase, input: first.shape, weight: weight, output: outputs[0].shape)
    case .dense(let rules):
      use.samples = outputs[0].shape[0]
      use.inputChannels = first.shape[rules.transposeInput ? 0 : 1]
      use.outputChannels = outputs[0].shape[1]
    case .matrixMultiplication:
      use.samples = outputs[0].shape.dropLast().last ?? 1
      use.inputChannels = first.shape.last ?? 1
      use.outputChannels = outputs[0].shape.last ?? 1
    case .pooling(let rules):
      use.window = rules.kernel.reduce(1, *)
      use.stride = rules.strides.max() ?? 1
      use.places = outputs[0].shape.dropFirst(2).reduce(1, *)
    case .globalPooling, .batchNormalization, .localResponseNormalization:
      use.places = first.shape.dropFirst(2).reduce(1, *)
    case .layerNormalization, .softmax, .softmaxCrossEntropy:
      use.places = max(1, first.shape.last ?? 1)
      use.samples = use.elements / use.places
    default: use.elements = max(first.elementCount, outputs.first?.elementCount ?? 0, 1)
    }
    return use
  }

  private func kernelKind(_ inputs: [TensorType], _ outputs: [TensorType]) -> KernelKind? {
    switch self {
    case .convolution:
      inputs[1].shape[1] == 1 && inputs[0].shape[1] > 1 ? .depthwiseConvolution : .convolution
    case .dense: .dense
    case .matrixMultiplication: .matrixMultiplication
    case .pooling(let rules): rules.reduction == .maximum ? .maxPooling : .averagePooling
    case .globalPooling: .globalPooling
    case .batchNormalization: .batchNormalization
    case .layerNormalization: .layerNormalization
    case .softmax: .softmax
    case .softmaxCrossEntropy: .crossEntropy
    case .activation(let rules):
      switch rules.function {
      case .relu, .leakyRelu, .clip, .hardSigmoid, .hardSwish, .negate, .absolute: .activation
      default: .function
      }
    case .elementwise:
      inputs.allSatisfy { $0.shape == outputs[0].shape } ? .elementwise : .broadcast
    case .scaleByConstant: .activation
    case .concatenation, .split, .slice, .pad, .reshape: .copy
    case .transpose: .transpose
    case .reduction: .reduction
    case .dropout: .dropout
    case .localResponseNormalization: .localResponseNormalization
    case .gather, .embedding: .selection
    case .fork: .fork
    case .tabulated, .tabulatedLoss: nil
    }
  }
}

extension Convolution {
  /// The portion of the products of weights with inputs or padding that kernels compute; it may exceed one.
  ///
  /// ## Model
  ///
  /// Π over the dimensions of `Σ_p |{r : 0 ≤ p · stride + r · dilation − begin < H}| ∕ (P · R)`, with the
  /// extent H of the input, P of the output and R of the window: what falls on padding is left out. Errors of
  /// inputs are computed along rows, with every tap at every place of the input: the last dimension has
  /// `H ∕ (stride · P)` instead, which exceeds one where nothing is padded.
  fileprivate func portionComputed(
    _ phase: Phase, input: [Int], weight: [Int], output: [Int]
  ) -> Double {
    strides.indices.reduce(1.0) { portion, dimension in
      let (extent, window) = (input[dimension + 2], weight[dimension + 2])
      let places = output[dimension + 2]
      guard places > 0, window > 0 else { return portion }
      if phase == .error, dimension == strides.count - 1 {
        return portion * Double(extent) / Double(strides[dimension] * places)
      }
      let dilation = max(1, dilations[dimension])
      var inside = 0
      for place in 0..<places {
        let first = place * strides[dimension] - padding[dimension].begin
        // The taps r with 0 ≤ first + r · dilation < extent.
        let low = first < 0 ? (-first + dilation - 1) / dilation : 0
        let high = extent > first ? min(window, (extent - first + dilation - 1) / dilation) : 0
        inside += max(0, high - low)
      }
      return portion * Double(inside) / Double(places * window)
    }
  }
}
