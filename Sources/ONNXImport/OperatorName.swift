/// The operators of ONNX that are read, by their names in the standard.
enum OperatorName: String, CaseIterable {
  // Weighted and pooling.
  case convolution = "Conv"
  case dense = "Gemm"
  case matrixMultiplication = "MatMul"
  case maximumPool = "MaxPool"
  case averagePool = "AveragePool"
  case globalAveragePool = "GlobalAveragePool"
  case globalMaximumPool = "GlobalMaxPool"
  // Functions of each element.
  case relu = "Relu"
  case leakyRelu = "LeakyRelu"
  case parametricRelu = "PRelu"
  case sigmoid = "Sigmoid"
  case tanh = "Tanh"
  case clip = "Clip"
  case gelu = "Gelu"
  case elu = "Elu"
  case hardSigmoid = "HardSigmoid"
  case hardSwish = "HardSwish"
  case errorFunction = "Erf"
  case exponential = "Exp"
  case logarithm = "Log"
  case squareRoot = "Sqrt"
  case reciprocal = "Reciprocal"
  case negate = "Neg"
  case absolute = "Abs"
  case softplus = "Softplus"
  // Normalisation and regularisation.
  case batchNormalization = "BatchNormalization"
  case layerNormalization = "LayerNormalization"
  case localResponseNormalization = "LRN"
  case softmax = "Softmax"
  case logSoftmax = "LogSoftmax"
  case dropout = "Dropout"
  // Two or more operands.
  case add = "Add"
  case subtract = "Sub"
  case multiply = "Mul"
  case divide = "Div"
  case power = "Pow"
  case sum = "Sum"
  case maximum = "Max"
  case minimum = "Min"
  // Shapes.
  case concatenate = "Concat"
  case split = "Split"
  case slice = "Slice"
  case reshape = "Reshape"
  case flatten = "Flatten"
  case squeeze = "Squeeze"
  case unsqueeze = "Unsqueeze"
  case transpose = "Transpose"
  case pad = "Pad"
  case gather = "Gather"
  case identity = "Identity"
  case cast = "Cast"
  case reduceMean = "ReduceMean"
  case reduceSum = "ReduceSum"
  case reduceMaximum = "ReduceMax"
  // Known before the first step, whatever their input is.
  case constant = "Constant"
  case constantOfShape = "ConstantOfShape"
  case shape = "Shape"
  case size = "Size"
  // Only on constants.
  case range = "Range"
  case expand = "Expand"
  case choose = "Where"
  case equal = "Equal"
  case less = "Less"
  case lessOrEqual = "LessOrEqual"
  case greater = "Greater"
  case greaterOrEqual = "GreaterOrEqual"
  case and = "And"
  case or = "Or"
  case not = "Not"
  case modulo = "Mod"
  case floor = "Floor"
  case ceiling = "Ceil"
  case reduceProduct = "ReduceProd"
  case reduceMinimum = "ReduceMin"

  /// Whether the operator is read only where all its inputs are constants.
  var isOnlyFolded: Bool {
    switch self {
    case .constantOfShape, .range, .expand, .choose, .equal, .less, .lessOrEqual, .greater, .greaterOrEqual,
      .and, .or, .not,
      .modulo, .floor, .ceiling, .reduceProduct, .reduceMinimum:
      true
    default: false
    }
  }

  /// Whether the result is a constant even where an input is not.
  var alwaysGivesConstant: Bool { self == .shape || self == .size }

  /// Whether constants are computed while reading.
  var isFolded: Bool {
    switch self {
    case .convolution, .dense, .matrixMultiplication, .maximumPool, .averagePool, .globalAveragePool,
      .globalMaximumPool, .batchNormalization, .layerNormalization, .localResponseNormalization, .softmax,
      .logSoftmax, .parametricRelu, .gelu, .elu, .hardSigmoid, .hardSwish, .errorFunction, .softplus, .pad,
      .leakyRelu, .dropout:
      false
    default: true
    }
  }
}
