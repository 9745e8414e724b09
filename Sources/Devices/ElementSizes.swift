public import Graphs
public import Machines
public import Units

/// Bytes of one element of each kind of traffic.
public struct ElementSizes: Hashable, Sendable {
  /// Of activations and errors.
  public let activation: Int
  /// Of parameters as arithmetic reads them.
  public let parameter: Int
  /// Of gradients.
  public let gradient: Int
  /// Of optimizer state and master copies.
  public let state: Int

  /// Creates sizes.
  public init(activation: Int, parameter: Int, gradient: Int, state: Int) {
    self.activation = activation
    self.parameter = parameter
    self.gradient = gradient
    self.state = state
  }

  /// The sizes of a precision: below 32 bits, gradients and state stay at four bytes.
  public init(_ precision: Precision) {
    switch precision {
    case .float64: self.init(activation: 8, parameter: 8, gradient: 8, state: 8)
    case .float32: self.init(activation: 4, parameter: 4, gradient: 4, state: 4)
    case .bfloat16, .float16: self.init(activation: 2, parameter: 2, gradient: 4, state: 4)
    }
  }

  /// The bytes that work moves between a device and its memory.
  public func traffic(of work: Work) -> Bytes {
    Bytes(
      work.activationElements * activation + work.parameterElements * parameter
        + work.gradientElements * gradient + work.stateElements * state)
  }
}
