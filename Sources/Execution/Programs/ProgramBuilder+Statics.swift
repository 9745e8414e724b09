import Differentiation
import Graphs
import Plans

/// A tensor of the model that a rank keeps from step to step.
struct StaticPlace: Sendable {
  /// The parameter, state or constant, or a state of the optimizer.
  let value: TrainingGraph.Value
  /// Which of its elements this rank holds.
  let holding: Holding
  let place: BufferReference
  /// How its elements are kept.
  let elementType: ElementType
  /// Of statistics that each cell has of its own, the cell and its numbers; nil for all else.
  let cell: CellPart?
  /// Whether this rank is the one that writes the elements down: replicas do not.
  let isPrincipal: Bool
}

/// A cell of the batch, or where there is no grid the part of one device and micro-batch, with its weight.
public struct CellPart: Hashable, Sendable {
  /// Its place among all.
  public let index: Int
  /// How many samples it has.
  public let samples: Int
}

/// Where the samples or labels of a micro-batch go.
struct SamplePort: Sendable {
  /// The graph's input.
  let tensor: TensorID
  let microBatch: Int
  /// Which elements of the micro-batch's tensor this rank holds.
  let holding: Holding
  let place: BufferReference
  /// Whether they are labels.
  let isLabel: Bool
  /// How the elements are kept: labels and other whole numbers as int64.
  let elementType: ElementType
  /// Whether the place stays zero, because another device holds the whole where addends are wanted.
  let isZero: Bool
  /// The elements of one sample.
  let sampleElements: Int
  /// Whether this rank is the one that answers for its samples: replicas do not.
  let isPrincipal: Bool
}

/// Where a loss finds the scores of classes and the labels of some samples.
struct PredictionPlace: Sendable {
  let scores: BufferReference
  let labels: BufferReference
  let samples: Int
  let classes: Int
}

/// Where the loss of a part of the batch lies.
struct LossPlace: Sendable {
  /// The cell, or the micro-batch where there is no grid.
  let part: Int
  let place: BufferReference
  /// Whether this rank reports it: replicas do not.
  let isPrincipal: Bool
}

extension ProgramBuilder {
  /// Where a tensor of the model stands.
  mutating func staticPlace(_ tensor: TensorID, _ layout: Layout, _ stage: Int) -> BufferReference {
    keep(.forward(tensor), layout, stage)
  }

  /// Where the statistics stand that a cell has of its own.
  mutating func cellPlace(
    _ tensor: TensorID, _ layout: Layout, _ rows: RowPart, of local: LocalNode
  ) -> BufferReference {
    // The cells of a batch that is cut are on one device each, so that no other writes them down.
    keep(
      .forward(tensor), layout, local.stage, cell(of: rows, local),
      ownLevels: plan.strategies[local.node].batchLevels)
  }

  /// Where a parameter stands for a node that reads it: with its home, or where it was brought in this step.
  mutating func parameterPlace(
    _ parameter: TensorID, _ layout: Layout, _ stage: Int
  ) throws(ExecutionFault) -> BufferReference {
    guard let use = plan.facts.use(of: parameter) else { return staticPlace(parameter, layout, stage) }
    let home = plan.place(of: use.home)
    if home.stage == stage, home.layout == layout { return staticPlace(parameter, layout, stage) }
    let key = Place(value: .forward(parameter), layout: layout, stage: stage, microBatch: 0)
    if let known = places[key] { return known }
    guard home.stage == stage else {
      throw ExecutionFault("no task brings \(describe(.forward(parameter))) to those who read it")
    }
    let own = staticPlace(parameter, home.layout, stage)
    let place = try sliced(.forward(parameter), from: own, home.layout, to: layout, stage)
    places[key] = place
    return place
  }

  /// Where a state of the optimizer stands.
  mutating func optimizerState(
    _ parameter: TensorID, _ index: Int, _ layout: Layout, _ stage: Int
  ) -> BufferReference {
    keep(.optimizerState(parameter, index), layout, stage)
  }

  private mutating func keep(
    _ value: TrainingGraph.Value, _ layout: Layout, _ stage: Int, _ cell: CellPart? = nil,
    ownLevels: [Int] = []
  ) -> BufferReference {
    // Parameters are the same for all micro-batches, so that their number tells cells apart here.
    let slot = cell.map { $0.index + 1 } ?? 0
    let key = Place(value: value, layout: layout, stage: stage, microBatch: slot)
    if let known = places[key] { return known }
    let type = plan.training.type(of: value)
    let holding = Holding(type.shape, layout, over: cut(of: stage), device: positions[stage] ?? 0)
    let place = memory.add(
      size: max(1, holding.count) * elementSize(of: type.elementType), isPersistent: true)
    register(value, layout, stage, slot, at: place)
    statics.append(
      StaticPlace(
        value: value, holding: holding, place: place, elementType: type.elementType, cell: cell,
        isPrincipal: isPrincipal(layout, stage, ownLevels: ownLevels)))
    return place
  }

  /// Whether the device stands first among those that hold the same part.
  ///
  /// - Parameter ownLevels: The levels on which devices hold different things, though the layout does not cut
  ///   them.
  func isPrincipal(_ layout: Layout, _ stage: Int, ownLevels: [Int] = []) -> Bool {
    guard let position = positions[stage] else { return false }
    let cut = cut(of: stage)
    return (0..<cut.levelCount).allSatisfy { level in
      if case .sharded = layout[level] { return true }
      return ownLevels.contains(level) || cut.coordinate(of: position, at: level) == 0
    }
  }

  /// Whether the device is the one that brings the whole in where a layout asks for addends.
  private func holdsAddend(_ layout: Layout, _ stage: Int) -> Bool {
    let cut = cut(of: stage)
    return (0..<cut.levelCount).allSatisfy { level in
      layout[level] != .partial || cut.coordinate(of: positions[stage] ?? 0, at: level) == 0
    }
  }

  /// Where samples or labels of a micro-batch are put before the step.
  mutating func port(
    _ tensor: TensorID, _ layout: Layout, _ stage: Int, _ microBatch: Int
  ) -> BufferReference {
    let key = Place(value: .forward(tensor), layout: layout, stage: stage, microBatch: microBatch)
    if let known = places[key] { return known }
    let type = graph[tensor].type
    let holding = Holding(type.shape, layout, over: cut(of: stage), device: positions[stage] ?? 0)
    let isWhole = graph[tensor].role == .label || !type.elementType.isFloatingPoint
    let kept = isWhole ? ElementType.int64 : type.elementType
    let place = memory.add(size: max(1, holding.count) * elementSize(of: kept))
    // They are there before the first instruction.
    memory.touch(place, at: 0)
    register(.forward(tensor), layout, stage, microBatch, at: place)
    ports.append(
      SamplePort(
        tensor: tensor, microBatch: microBatch, holding: holding, place: place,
        isLabel: graph[tensor].role == .label, elementType: kept, isZero: !holdsAddend(layout, stage),
        sampleElements: type.elementCount / max(1, type.shape.first ?? 1),
        isPrincipal: isPrincipal(layout, stage)))
    return place
  }
}
