/// Whether a layer adds a trained bias.
public enum BiasUse: Hashable, Sendable {
  case absent
  case present
}

extension GraphBuilder {
  /// Adds a square convolution with new parameters `NAME.weight` and `NAME.bias`.
  public mutating func convolution(
    _ x: TensorID, channels: Int, kernel: Int, stride: Int = 1, padding: Int = 0, groups: Int = 1,
    bias: BiasUse = .absent, name: String
  ) throws(ShapeError) -> TensorID {
    let input = type(of: x)
    try ShapeError.require(
      input.shape.count == 4 && groups > 0 && channels > 0 && kernel > 0 && input.shape[1] % groups == 0,
      "a convolution to \(channels) channels with \(groups) groups of kernel \(kernel) on \(input.shape)")
    let weight = try TensorType.checked(
      input.elementType, [channels, input.shape[1] / groups, kernel, kernel])
    var inputs = [x, parameter("\(name).weight", weight)]
    if bias == .present {
      inputs.append(parameter("\(name).bias", TensorType(input.elementType, [channels])))
    }
    let operation = Convolution(stride: stride, padding: padding, groups: groups)
    return try add(.convolution(operation), inputs, name: name)[0]
  }

  /// Adds a dense layer with new parameters `NAME.weight` (units, channels) and `NAME.bias`.
  public mutating func dense(
    _ x: TensorID, _ units: Int, bias: BiasUse = .present, name: String
  ) throws(ShapeError) -> TensorID {
    let input = type(of: x)
    try ShapeError.require(
      input.shape.count == 2 && units > 0, "a dense layer of \(units) units on \(input.shape)")
    let weight = try TensorType.checked(input.elementType, [units, input.shape[1]])
    var inputs = [x, parameter("\(name).weight", weight)]
    if bias == .present { inputs.append(parameter("\(name).bias", TensorType(input.elementType, [units]))) }
    return try add(.dense(Dense(transposeWeight: true)), inputs, name: name)[0]
  }

  /// Adds a batch normalisation with parameters `NAME.weight` and `NAME.bias` and running statistics.
  public mutating func batchNormalization(
    _ x: TensorID, mode: BatchNormalization.Mode = .full, name: String
  ) throws(ShapeError) -> TensorID {
    let input = type(of: x)
    try ShapeError.require(input.shape.count >= 2, "a batch normalisation on \(input.shape)")
    let channels = TensorType(input.elementType, [input.shape[1]])
    let inputs = [
      x, parameter("\(name).weight", channels), parameter("\(name).bias", channels),
      parameter("\(name).running_mean", channels, role: .state),
      parameter("\(name).running_var", channels, role: .state),
    ]
    return try add(.batchNormalization(BatchNormalization(mode: mode)), inputs, name: name)[0]
  }

  /// Adds max(x, 0).
  public mutating func relu(_ x: TensorID, name: String) throws(ShapeError) -> TensorID {
    try activation(x, .relu, name: name)
  }

  /// Adds a function of each element.
  public mutating func activation(
    _ x: TensorID, _ function: Activation.Function, name: String
  ) throws(ShapeError) -> TensorID {
    try add(.activation(Activation(function)), [x], name: name)[0]
  }

  /// Adds a max pooling with a square window.
  public mutating func maxPool(
    _ x: TensorID, kernel: Int, stride: Int, padding: Int = 0, ceilMode: Bool = false, name: String
  ) throws(ShapeError) -> TensorID {
    let operation = Pooling(.maximum, kernel: kernel, stride: stride, padding: padding, ceilMode: ceilMode)
    return try add(.pooling(operation), [x], name: name)[0]
  }

  /// Adds an average pooling with a square window.
  public mutating func averagePool(
    _ x: TensorID, kernel: Int, stride: Int, padding: Int = 0, ceilMode: Bool = false,
    countsPadding: Bool = true, name: String
  ) throws(ShapeError) -> TensorID {
    let operation = Pooling(
      .average(countsPadding: countsPadding), kernel: kernel, stride: stride, padding: padding,
      ceilMode: ceilMode)
    return try add(.pooling(operation), [x], name: name)[0]
  }

  /// Adds the mean of each channel, which keeps four dimensions.
  public mutating func globalAveragePool(_ x: TensorID, name: String) throws(ShapeError) -> TensorID {
    try add(.globalPooling(GlobalPooling(.average)), [x], name: name)[0]
  }

  /// Adds the sum of two activations.
  public mutating func add(
    _ left: TensorID, _ right: TensorID, name: String
  ) throws(ShapeError) -> TensorID {
    try add(.elementwise(Elementwise(.add)), [left, right], name: name)[0]
  }

  /// Adds a concatenation, along the channels by default.
  public mutating func concatenate(
    _ tensors: [TensorID], axis: Int = 1, name: String
  ) throws(ShapeError) -> TensorID {
    try add(.concatenation(Concatenation(axis: axis)), tensors, name: name)[0]
  }

  /// Adds a reshape to (N, everything else).
  public mutating func flatten(_ x: TensorID, name: String) throws(ShapeError) -> TensorID {
    let shape = type(of: x).shape
    try ShapeError.require(!shape.isEmpty, "a scalar cannot be flattened")
    let reshape = try Reshape(from: shape, to: [shape[0], shape.dropFirst().reduce(1, *)])
    return try add(.reshape(reshape), [x], name: name)[0]
  }

  /// Adds a dropout.
  public mutating func dropout(
    _ x: TensorID, ratio: Double = 0.5, name: String
  ) throws(ShapeError) -> TensorID {
    try add(.dropout(Dropout(ratio: ratio)), [x], name: name)[0]
  }

  /// Adds a softmax, over the classes by default.
  public mutating func softmax(_ x: TensorID, axis: Int = 1, name: String) throws(ShapeError) -> TensorID {
    try add(.softmax(Softmax(axis: axis)), [x], name: name)[0]
  }

  /// Adds a local response normalisation.
  public mutating func localResponseNormalization(
    _ x: TensorID, size: Int, alpha: Double = 1e-4, beta: Double = 0.75, bias: Double = 1, name: String
  ) throws(ShapeError) -> TensorID {
    let operation = LocalResponseNormalization(size: size, alpha: alpha, beta: beta, bias: bias)
    return try add(.localResponseNormalization(operation), [x], name: name)[0]
  }

  /// Adds the cross-entropy of softmax of the logits with the labels, a scalar.
  public mutating func softmaxCrossEntropy(
    _ logits: TensorID, labels: TensorID, name: String = "loss"
  ) throws(ShapeError) -> TensorID {
    try add(.softmaxCrossEntropy(SoftmaxCrossEntropy()), [logits, labels], name: name)[0]
  }

  /// Adds a layer of a layer table with its weights `NAME.weight`.
  public mutating func tabulated(
    _ x: TensorID, _ layer: Tabulated, name: String
  ) throws(ShapeError) -> TensorID {
    let input = type(of: x)
    try ShapeError.require(
      input.shape.count == 2 && input.shape[1] == layer.inputElements,
      "the layer takes \(layer.inputElements) elements, but the one before gives \(input.shape.dropFirst())")
    let weight = try TensorType.checked(input.elementType, [layer.weightElements])
    return try add(.tabulated(layer), [x, parameter("\(name).weight", weight)], name: name)[0]
  }

  /// Adds the end of a layer table.
  public mutating func tabulatedLoss(_ x: TensorID, name: String = "loss") throws(ShapeError) -> TensorID {
    try add(.tabulatedLoss(TabulatedLoss()), [x], name: name)[0]
  }
}
