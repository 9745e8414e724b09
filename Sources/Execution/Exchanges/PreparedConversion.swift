public import Graphs
import Machines
public import Plans

/// What becomes of the data that a device brings into an exchange.
public enum SourceUse: Hashable, Sendable {
  /// It stays as it is, for others that read it.
  case kept
  /// It may be overwritten, so that sums need less scratch and fewer copies.
  case consumed
}

/// A conversion as one device runs it: an ``ExchangeProgram`` for each of its steps.
///
/// The program of a step brings the device from one state of the conversion to the next. The first one also
/// does the slices: its buffer *before* is the local tensor of the source layout. A conversion that is made
/// of slices alone has no step, and ``slice`` does it.
public struct PreparedConversion: Sendable {
  /// The steps and states.
  public let conversion: Conversion
  /// The program of each step.
  public let steps: [ExchangeProgram]
  /// What slices alone do; nil where there are steps, or where nothing changes.
  public let slice: ExchangeProgram?

  /// Prepares a conversion for a device, or returns nil where nothing leads from one layout to the other.
  ///
  /// - Parameters:
  ///   - shape: The shape of the whole tensor.
  ///   - source: The layout before.
  ///   - target: The layout afterwards.
  ///   - cut: The group and which part each of its devices takes.
  ///   - device: The index of this device in the group.
  ///   - algorithms: For each level the algorithm that moves the data.
  ///   - elementType: What one element is; sums are possible in float32 and float64.
  ///   - use: What becomes of the source; between the steps the data is consumed.
  ///   - addends: What the devices bring into a sum over the batch that follows the tree over the cells, in
  ///     place of `algorithms`; nil for all else.
  public init?(
    _ shape: [Int], from source: Layout, to target: Layout, over cut: Cut, device: Int,
    algorithms: [CollectiveAlgorithm], elementType: ElementType, use: SourceUse = .kept,
    addends: CellAddends? = nil
  ) {
    guard let conversion = Conversion(shape, from: source, to: target, over: cut) else { return nil }
    self.conversion = conversion
    var addends = addends
    steps = conversion.steps.indices.map { step in
      let level = conversion.steps[step].level
      guard let held = addends else {
        return .conversionStep(
          step, of: conversion, device: device, algorithm: algorithms[level], elementType: elementType,
          use: step == 0 ? use : .consumed)
      }
      guard conversion.steps[step].operation == .reduceScatter else {
        precondition(held.nodes.allSatisfy { $0.count == 1 }, "sums of \(held.nodes) are not complete")
        return .conversionStep(
          step, of: conversion, device: device, algorithm: .direct, elementType: elementType, use: .consumed)
      }
      addends = held.summed(over: level, of: cut)
      return .fixedTreeStep(
        step, of: conversion, device: device, addends: held, elementType: elementType)
    }
    slice =
      steps.isEmpty && source != target
      ? .slice(conversion, device: device, elementType: elementType) : nil
  }
}

extension ExchangeProgram {
  /// The slices of a conversion, which take no message.
  static func slice(_ conversion: Conversion, device: Int, elementType: ElementType) -> ExchangeProgram {
    let before = conversion.sourceHolding(of: device)
    let after = conversion.holding(of: device, in: 0)
    var builder = ExchangeBuilder(elementType)
    let strips = before.strips(of: after)
    builder.copy(from: Region(.before, strips), to: Region(.after, offset: 0, count: after.count))
    return builder.program(
      beforeCount: before.count, afterCount: after.count,
      resultOffsetInSource: strips.count == 1 ? strips[0].offset : nil)
  }

  /// One step of a conversion as one device runs it.
  ///
  /// The first step's buffer *before* is the local tensor of the source layout, slices not yet taken; any
  /// other step's is what the step before it left.
  ///
  /// With the direct algorithm addends are summed in the order of the coordinates, `((a₀ + a₁) + a₂) + …`;
  /// the ring and halving add as the data passes. Every part is summed by one device, so that all replicas of
  /// the sum are equal bit for bit.
  ///
  /// - Parameters:
  ///   - step: The index of the step.
  ///   - conversion: The conversion.
  ///   - device: The index of this device in the group.
  ///   - algorithm: The algorithm that moves the data.
  ///   - elementType: What one element is; sums are possible in float32 and float64.
  ///   - use: What becomes of the buffer *before*.
  public static func conversionStep(
    _ step: Int, of conversion: Conversion, device: Int, algorithm: CollectiveAlgorithm,
    elementType: ElementType, use: SourceUse
  ) -> ExchangeProgram {
    let lane = CollectiveLane(step, of: conversion, device: device, algorithm: algorithm)
    switch conversion.steps[step].operation {
    case .reduceScatter: return .reduceScatter(lane, elementType, use)
    case .allGather: return .allGather(lane, elementType)
    case .allToAll: return .allToAll(lane, elementType)
    case .allReduce: preconditionFailure("conversions reduce in two steps")
    }
  }
}

/// The devices of one lane of a conversion step and what each of them holds.
struct CollectiveLane {
  /// The coordinate of this device.
  let own: Int
  /// For each coordinate the index of its device in the group.
  let members: [Int]
  /// For each coordinate the index of its device in the machine.
  let devices: [Int]
  /// For each coordinate what lies in its buffer before the step.
  let sources: [Holding]
  /// For each coordinate its state before the step: the buffer without what slices leave out.
  let before: [Holding]
  /// For each coordinate its state after the step.
  let after: [Holding]
  /// The messages.
  let schedule: CollectiveSchedule

  init(_ step: Int, of conversion: Conversion, device: Int, algorithm: CollectiveAlgorithm) {
    let (cut, level) = (conversion.cut, conversion.steps[step].level)
    let ways = cut.ways[level]
    own = cut.coordinate(of: device, at: level)
    let first = device - own * cut.strides[level]
    let members = (0..<ways).map { first + $0 * cut.strides[level] }
    self.members = members
    devices = members.map { cut.group.devices[$0].index }
    before = members.map { conversion.holding(of: $0, in: step) }
    sources = step == 0 ? members.map { conversion.sourceHolding(of: $0) } : before
    after = members.map { conversion.holding(of: $0, in: step + 1) }
    schedule = CollectiveSchedule(conversion.steps[step].operation, algorithm, ways: ways)
  }
}
