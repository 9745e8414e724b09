import Graphs

/// A conversion with what every device holds between its steps.
///
/// Step `i` brings the devices from state `i` to state `i + 1`. State 0 is the source after the slices, the
/// last state is the target. In the states between, a level whose addends were scattered in chunks holds a
/// chunk of every *atom*, the finest part that the levels sharded before or after cut out of the tensor.
public struct Conversion: Sendable {
  /// What the devices hold at one time.
  public struct State: Hashable, Sendable {
    /// The layout; levels that hold chunks count as replicated.
    public let layout: Layout
    /// The levels that hold chunks, in the order in which they were scattered.
    public let chunkedLevels: [Int]
  }

  /// The shape of the whole tensor.
  public let shape: [Int]
  /// The layout before.
  public let source: Layout
  /// The layout afterwards.
  public let target: Layout
  /// Which part each device takes.
  public let cut: Cut
  /// The steps; none where slices suffice.
  public let steps: [ConversionStep]
  /// The states, one more than steps.
  public let states: [State]
  /// For each dimension the levels that cut it before or after.
  private let cuttingLevels: [[Int]]

  /// Creates a conversion, or nil where nothing leads from one layout to the other.
  public init?(_ shape: [Int], from source: Layout, to target: Layout, over cut: Cut) {
    guard let walk = ConversionWalk.walk(shape, from: source, to: target, over: cut) else { return nil }
    self.shape = shape
    self.source = source
    self.target = target
    self.cut = cut
    steps = walk.steps
    states = walk.states
    cuttingLevels = walk.cuttingLevels
  }

  /// What a device holds before the slices.
  public func sourceHolding(of device: Int) -> Holding {
    Holding(shape, source, over: cut, device: device)
  }

  /// What a device holds in a state.
  public func holding(of device: Int, in state: Int) -> Holding {
    let state = states[state]
    if state.chunkedLevels.isEmpty { return Holding(shape, state.layout, over: cut, device: device) }
    var atoms: [[[Range<Int>]]] = [[]]
    for dimension in shape.indices {
      let choices = atomSteps(dimension, state.layout, device: device)
      atoms = atoms.flatMap { atom in choices.map { atom + [$0] } }
    }
    return .union(
      atoms.map { steps in
        let atom = Holding(shape, steps: steps)
        return atom.slice(chunk(of: atom.count, state.chunkedLevels, device: device))
      })
  }

  /// The steps of a dimension in each atom of which a device holds something.
  private func atomSteps(_ dimension: Int, _ layout: Layout, device: Int) -> [[Range<Int>]] {
    let cutting = cuttingLevels[dimension]
    if cutting.isEmpty { return [[0..<shape[dimension]]] }
    let open = cutting.filter { layout[$0] != .sharded(dimension) }
    var atoms = [[Range<Int>]](repeating: [], count: open.reduce(1) { $0 * cut.ways[$1] })
    for block in 0..<cut.deviceCount where cut.holds(block, of: dimension, layout: layout, device: device) {
      let atom = open.reduce(0) { $0 * cut.ways[$1] + cut.coordinate(of: block, at: $1) }
      atoms[atom].append(cut.block(block, of: shape[dimension]))
    }
    return atoms
  }

  private func chunk(of atom: Int, _ levels: [Int], device: Int) -> Range<Int> {
    levels.reduce(0..<atom) { places, level in
      let part = cut.chunk(
        of: places.count, level: level, coordinate: cut.coordinate(of: device, at: level))
      return places.lowerBound + part.lowerBound..<places.lowerBound + part.upperBound
    }
  }
}
