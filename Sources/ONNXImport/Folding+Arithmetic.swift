internal import Glibc
internal import Graphs

/// Arithmetic on small constants, as ONNX defines it.
enum FoldedArithmetic {
  /// Returns the function of one element, nil where the operator is none.
  static func unary(_ name: OperatorName) -> ((Double) -> Double)? {
    switch name {
    case .negate: { -$0 }
    case .absolute: { abs($0) }
    case .floor: { $0.rounded(.down) }
    case .ceiling: { $0.rounded(.up) }
    case .squareRoot: { $0.squareRoot() }
    case .exponential: { exp($0) }
    case .logarithm: { log($0) }
    case .reciprocal: { 1 / $0 }
    case .not: { $0 == 0 ? 1 : 0 }
    case .relu: { max($0, 0) }
    case .sigmoid: { 1 / (1 + exp(-$0)) }
    case .tanh: { Glibc.tanh($0) }
    default: nil
    }
  }

  /// Returns the function of two elements, nil where the operator is none.
  static func binary(_ name: OperatorName, isReal: Bool) -> ((Double, Double) -> Double)? {
    switch name {
    case .add, .sum: { $0 + $1 }
    case .subtract: { $0 - $1 }
    case .multiply: { $0 * $1 }
    case .divide: isReal ? { $0 / $1 } : { ($0 / $1).rounded(.towardZero) }
    case .power: { pow($0, $1) }
    // The sign of the divisor; the attribute fmod asks for that of the dividend.
    case .modulo: { $0 - $1 * ($0 / $1).rounded(.down) }
    case .maximum: { max($0, $1) }
    case .minimum: { min($0, $1) }
    case .equal: { $0 == $1 ? 1 : 0 }
    case .less: { $0 < $1 ? 1 : 0 }
    case .lessOrEqual: { $0 <= $1 ? 1 : 0 }
    case .greater: { $0 > $1 ? 1 : 0 }
    case .greaterOrEqual: { $0 >= $1 ? 1 : 0 }
    case .and: { $0 != 0 && $1 != 0 ? 1 : 0 }
    case .or: { $0 != 0 || $1 != 0 ? 1 : 0 }
    default: nil
    }
  }

  /// Whether the result of an operator is a truth value.
  static func isComparison(_ name: OperatorName) -> Bool {
    switch name {
    case .equal, .less, .lessOrEqual, .greater, .greaterOrEqual, .and, .or, .not: true
    default: false
    }
  }

  /// Returns the function that reduces two elements to one, with its neutral element.
  static func reduction(_ name: OperatorName) -> (neutral: Double, combine: (Double, Double) -> Double)? {
    switch name {
    case .reduceSum, .reduceMean: (0, { $0 + $1 })
    case .reduceProduct: (1, { $0 * $1 })
    case .reduceMaximum: (-.infinity, { max($0, $1) })
    case .reduceMinimum: (.infinity, { min($0, $1) })
    default: nil
    }
  }

  /// Returns the value as an element of the type would hold it: integers are cut and bounded.
  static func converted(_ value: Double, to type: ElementType) -> Double {
    if type.isFloatingPoint { return type == .float32 ? Double(Float(value)) : value }
    if type == .bool { return value == 0 ? 0 : 1 }
    guard !value.isNaN else { return 0 }
    return min(max(value.rounded(.towardZero), -0x1p63), 0x1p63)
  }

  /// Returns a value as an integer, bounded to what arithmetic on extents can bear.
  static func integer(_ value: Double) -> Int {
    value.isNaN ? 0 : Int(min(max(value, -0x1p60), 0x1p60))
  }
}
