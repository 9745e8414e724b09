internal import Graphs

extension Exporter {
  /// Writes a node of the graph as the ONNX operator with the same meaning.
  mutating func add(_ node: Node) {
    let inputs = node.inputs.map { graph[$0].name }
    switch node.operator {
    case .convolution(let rules):
      let kernel = Array(graph[node.inputs[1]].type.shape.dropFirst(2))
      write("Conv", node, inputs) {
        $0.attribute("kernel_shape", kernel)
        $0.window(rules.strides, rules.padding, rules.dilations)
        $0.attribute("group", rules.groups)
      }
    case .dense(let rules):
      write("Gemm", node, inputs) {
        $0.attribute("transA", rules.transposeInput ? 1 : 0)
        $0.attribute("transB", rules.transposeWeight ? 1 : 0)
        $0.attribute("alpha", rules.alpha)
        $0.attribute("beta", rules.beta)
      }
    case .matrixMultiplication: write("MatMul", node, inputs)
    case .pooling(let rules): pooling(rules, node, inputs)
    case .globalPooling(let rules):
      write(rules.reduction == .maximum ? "GlobalMaxPool" : "GlobalAveragePool", node, inputs)
    case .batchNormalization(let rules):
      write("BatchNormalization", node, inputs) {
        $0.attribute("epsilon", rules.epsilon)
        $0.attribute("momentum", rules.momentum)
      }
    case .layerNormalization(let rules):
      write("LayerNormalization", node, inputs) {
        $0.attribute("axis", rules.axis)
        $0.attribute("epsilon", rules.epsilon)
      }
    case .softmax(let rules):
      write(rules.isLogarithmic ? "LogSoftmax" : "Softmax", node, inputs) { $0.attribute("axis", rules.axis) }
    case .activation(let rules): activation(rules.function, node, inputs)
    case .elementwise(let rules): write(Exporter.name(rules.function), node, inputs)
    case .scaleByConstant(let rules):
      let type = graph[node.inputs[0]].type.elementType
      let factor = constant("\(node.name)/factor", type, [], [rules.factor])
      write("Mul", node, inputs + [factor])
    case .concatenation(let rules):
      write("Concat", node, inputs) { $0.attribute("axis", rules.axis) }
    case .split(let rules):
      write("Split", node, inputs + [integers("\(node.name)/split", rules.sizes)]) {
        $0.attribute("axis", rules.axis)
      }
    case .slice(let rules):
      let parts = [
        ("starts", rules.starts), ("ends", rules.ends), ("axes", rules.axes), ("steps", rules.steps),
      ]
      write("Slice", node, inputs + parts.map { integers("\(node.name)/\($0.0)", $0.1) })
    case .pad(let rules): pad(rules, node, inputs)
    case .reshape:
      // The outermost extent stays open, so that the file fits any batch.
      let extents = graph[node.outputs[0]].type.shape
      let target = extents.isEmpty ? [] : [-1] + extents.dropFirst()
      write("Reshape", node, inputs + [integers("\(node.name)/shape", Array(target))])
    case .transpose(let rules):
      write("Transpose", node, inputs) { $0.attribute("perm", rules.permutation) }
    case .reduction(let rules): reduction(rules, node, inputs)
    case .dropout(let rules):
      write("Dropout", node, inputs + [constant("\(node.name)/ratio", .float32, [], [rules.ratio])])
    case .localResponseNormalization(let rules):
      write("LRN", node, inputs) {
        $0.attribute("size", rules.size)
        $0.attribute("alpha", rules.alpha)
        $0.attribute("beta", rules.beta)
        $0.attribute("bias", rules.bias)
      }
    case .gather(let rules): write("Gather", node, inputs) { $0.attribute("axis", rules.axis) }
    case .embedding: write("Gather", node, [inputs[1], inputs[0]]) { $0.attribute("axis", 0) }
    case .fork, .tabulated, .tabulatedLoss, .softmaxCrossEntropy:
      preconditionFailure("\(node.name) passed the check for operators that cannot be written")
    }
  }

  private mutating func write(
    _ kind: String, _ node: Node, _ inputs: [String], attributes: (inout ProtoWriter) -> Void = { _ in }
  ) {
    append(
      kind, node.name, inputs: inputs, outputs: node.outputs.map { graph[$0].name }, attributes: attributes)
  }

  private mutating func integers(_ name: String, _ values: [Int]) -> String {
    constant(name, .int64, [values.count], values.map(Double.init))
  }

  private mutating func pooling(_ rules: Pooling, _ node: Node, _ inputs: [String]) {
    let opset = opset
    write(rules.reduction == .maximum ? "MaxPool" : "AveragePool", node, inputs) {
      $0.attribute("kernel_shape", rules.kernel)
      let isAverage = rules.reduction != .maximum
      $0.window(rules.strides, rules.padding, isAverage && opset < 19 ? nil : rules.dilations)
      $0.attribute("ceil_mode", rules.ceilMode ? 1 : 0)
      if case .average(let countsPadding) = rules.reduction {
        $0.attribute("count_include_pad", countsPadding ? 1 : 0)
      }
    }
  }

  private mutating func activation(_ function: Activation.Function, _ node: Node, _ inputs: [String]) {
    switch function {
    case .relu: write("Relu", node, inputs)
    case .leakyRelu(let alpha): write("LeakyRelu", node, inputs) { $0.attribute("alpha", alpha) }
    case .sigmoid: write("Sigmoid", node, inputs)
    case .tanh: write("Tanh", node, inputs)
    case .gelu: write("Gelu", node, inputs)
    case .clip(let minimum, let maximum):
      let type = graph[node.inputs[0]].type.elementType
      let bounds = [
        constant("\(node.name)/min", type, [], [minimum]), constant("\(node.name)/max", type, [], [maximum]),
      ]
      write("Clip", node, inputs + bounds)
    case .hardSigmoid(let alpha, let beta):
      write("HardSigmoid", node, inputs) {
        $0.attribute("alpha", alpha)
        $0.attribute("beta", beta)
      }
    case .hardSwish: write("HardSwish", node, inputs)
    case .elu(let alpha): write("Elu", node, inputs) { $0.attribute("alpha", alpha) }
    case .exponential: write("Exp", node, inputs)
    case .logarithm: write("Log", node, inputs)
    case .squareRoot: write("Sqrt", node, inputs)
    case .negate: write("Neg", node, inputs)
    case .absolute: write("Abs", node, inputs)
    case .reciprocal: write("Reciprocal", node, inputs)
    case .errorFunction: write("Erf", node, inputs)
    case .softplus: write("Softplus", node, inputs)
    }
  }

  private mutating func pad(_ rules: Pad, _ node: Node, _ inputs: [String]) {
    let pads = integers("\(node.name)/pads", rules.padding.map(\.begin) + rules.padding.map(\.end))
    switch rules.mode {
    case .constant(let value):
      let type = graph[node.inputs[0]].type.elementType
      let padded = constant("\(node.name)/value", type, [], [value])
      write("Pad", node, inputs + [pads, padded]) { $0.attribute("mode", "constant") }
    case .reflect: write("Pad", node, inputs + [pads]) { $0.attribute("mode", "reflect") }
    case .edge: write("Pad", node, inputs + [pads]) { $0.attribute("mode", "edge") }
    }
  }

  private mutating func reduction(_ rules: Reduction, _ node: Node, _ inputs: [String]) {
    let keeps = rules.keepsDimensions ? 1 : 0
    let kind =
      switch rules.function {
      case .mean: "ReduceMean"
      case .sum: "ReduceSum"
      case .maximum: "ReduceMax"
      }
    // The axes of a sum became an input earlier than those of the others.
    if rules.function == .sum || opset >= 18 {
      write(kind, node, inputs + [integers("\(node.name)/axes", rules.axes)]) {
        $0.attribute("keepdims", keeps)
      }
    } else {
      write(kind, node, inputs) {
        $0.attribute("axes", rules.axes)
        $0.attribute("keepdims", keeps)
      }
    }
  }

  private static func name(_ function: Elementwise.Function) -> String {
    switch function {
    case .add: "Add"
    case .subtract: "Sub"
    case .multiply: "Mul"
    case .divide: "Div"
    case .maximum: "Max"
    case .minimum: "Min"
    case .power: "Pow"
    }
  }
}

extension ProtoWriter {
  /// Writes the attributes of a window.
  fileprivate mutating func window(_ strides: [Int], _ padding: [Padding], _ dilations: [Int]?) {
    attribute("strides", strides)
    attribute("pads", padding.map(\.begin) + padding.map(\.end))
    if let dilations { attribute("dilations", dilations) }
  }
}
