public import Differentiation
public import Graphs
import Kernels
public import Plans

extension RankExecutor {
  /// A tensor of the model that the rank keeps, parameters and states of the optimizer among them.
  public struct KeptTensor: Hashable, Sendable {
    /// What it is.
    public let value: TrainingGraph.Value
    /// Which elements this rank holds.
    public let holding: Holding
    /// Whether this rank stands first among those that hold the same elements.
    public let isPrincipal: Bool
    /// Of running statistics that each cell has of its own, the cell; nil for all else.
    public let cell: CellPart?
    let index: Int
  }

  /// Every tensor that the rank keeps from step to step.
  public var kept: [KeptTensor] {
    program.statics.enumerated().map {
      KeptTensor(
        value: $0.element.value, holding: $0.element.holding, isPrincipal: $0.element.isPrincipal,
        cell: $0.element.cell, index: $0.offset)
    }
  }

  /// Sets the elements of a kept tensor that this rank holds, from a function of the element's number.
  public func set(_ tensor: KeptTensor, _ element: (Int) -> Double) {
    let place = program.statics[tensor.index]
    write(place.holding, place.elementType, at: pointer(place.place), element)
  }

  /// The elements of a kept tensor that this rank holds, in the order of their numbers.
  public func values(of tensor: KeptTensor) -> [Double] {
    let place = program.statics[tensor.index]
    let base = pointer(place.place)
    return (0..<place.holding.count).map { index in
      switch (place.elementType, program.settings.scalar) {
      case (.int64, _), (.int32, _), (.uint64, _), (.uint32, _), (.int16, _), (.uint16, _):
        Double(base.load(fromByteOffset: index * 8, as: Int64.self))
      case (.uint8, _), (.bool, _), (.int8, _): Double(base.load(fromByteOffset: index, as: UInt8.self))
      case (_, .float32): Double(base.load(fromByteOffset: index * 4, as: Float.self))
      case (_, .float64): base.load(fromByteOffset: index * 8, as: Double.self)
      }
    }
  }

  /// The elements of a kept tensor where they lie, or nil where they are no numbers in float32.
  func floats(of tensor: KeptTensor) -> UnsafeBufferPointer<Float>? {
    let place = program.statics[tensor.index]
    guard program.settings.scalar == .float32, place.elementType.isFloatingPoint else { return nil }
    return UnsafeBufferPointer(
      start: pointer(place.place).assumingMemoryBound(to: Float.self), count: place.holding.count)
  }

  /// What goes in before a step: samples and labels.
  public var inputs: [InputPort] {
    program.ports.enumerated().map {
      InputPort(
        tensor: $0.element.tensor, isLabel: $0.element.isLabel, microBatch: $0.element.microBatch,
        holding: $0.element.holding, sampleElements: $0.element.sampleElements,
        isPrincipal: $0.element.isPrincipal, index: $0.offset)
    }
  }

  /// A place for the samples or labels of a micro-batch.
  public struct InputPort: Hashable, Sendable {
    /// The graph's input.
    public let tensor: TensorID
    /// Whether it takes labels.
    public let isLabel: Bool
    /// The micro-batch.
    public let microBatch: Int
    /// Which elements of the micro-batch's tensor this rank holds.
    public let holding: Holding
    /// The elements of one sample.
    public let sampleElements: Int
    /// Whether this rank answers for its samples: replicas do not.
    public let isPrincipal: Bool
    let index: Int
  }

  /// Sets an input from a function of the element's number in the micro-batch's tensor.
  public func set(_ port: InputPort, _ element: (Int) -> Double) {
    let place = program.ports[port.index]
    write(place.holding, place.elementType, at: pointer(place.place)) {
      place.isZero ? 0 : element($0)
    }
  }

  /// The memory of an input whose samples are whole, one behind the other, or nil where they are cut.
  public func floats(of port: InputPort) -> UnsafeMutablePointer<Float>? {
    guard program.settings.scalar == .float32, program.ports[port.index].elementType != .int64,
      !program.ports[port.index].isZero,
      port.holding.runs.allSatisfy({
        $0.lowerBound % port.sampleElements == 0 && $0.upperBound % port.sampleElements == 0
      })
    else { return nil }
    return pointer(program.ports[port.index].place).assumingMemoryBound(to: Float.self)
  }

  private func write(
    _ holding: Holding, _ type: ElementType, at base: UnsafeMutableRawPointer, _ element: (Int) -> Double
  ) {
    var index = 0
    for run in holding.runs {
      for number in run {
        let value = element(number)
        switch (type, program.settings.scalar) {
        case (.int64, _), (.int32, _), (.uint64, _), (.uint32, _), (.int16, _), (.uint16, _):
          base.storeBytes(of: Int64(value), toByteOffset: index * 8, as: Int64.self)
        case (.uint8, _), (.bool, _), (.int8, _):
          base.storeBytes(of: UInt8(value), toByteOffset: index, as: UInt8.self)
        case (_, .float32): base.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
        case (_, .float64): base.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
        }
        index += 1
      }
    }
  }
}
