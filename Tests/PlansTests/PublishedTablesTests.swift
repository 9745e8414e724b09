import Differentiation
import Graphs
import Machines
import Plans
import TestMachines
import Testing

/// The published tables of hybrid parallelism come out of the algebra and stand nowhere in the code.
///
/// HyPar (HPCA 2019), Tables 1 and 2, and AccPar (HPCA 2020), its third type, for two sides with even
/// shares: elements that one side reads from the other, in units of A(ΔW), A(F) and A(E).
struct PublishedTablesTests {
  /// Two dense layers over two devices; the tensor between them has 8 · 24 elements, as has its error.
  private struct Pair {
    let training: TrainingGraph
    let tasks: StageTasks
    let profiles: [OperatorProfile]
    static let boundary = 8 * 24

    init(_ reduction: ReductionTiming) throws {
      var builder = GraphBuilder(name: "pair")
      let x = builder.sample("x", TensorType(.float32, [8, 16]))
      let hidden = try builder.dense(x, 24, bias: .absent, name: "first")
      let y = try builder.dense(hidden, 32, bias: .absent, name: "second")
      let training = try differentiate(builder.build(outputs: [y]))
      let machine = meshMachine([2], .tree)
      tasks = StageTasks(
        training: training, machine: machine, groupIndex: 0, shares: .equal(machine.groups[0]),
        options: StepOptions(reduction: reduction))
      self.training = training
      profiles = [0, 1].map { OperatorProfile(NodeID($0), in: training.graph) }
    }

    func strategy(_ layer: Int, _ axis: AxisRole) throws -> Strategy {
      try profiles[layer].strategy(named: [axis.rawValue], over: tasks.cut)
    }

    /// What one side receives so that the boundary goes forward as F and its error comes back as E.
    func received(_ left: AxisRole, _ right: AxisRole) throws -> Int {
      let (first, second) = (try strategy(0, left), try strategy(1, right))
      let shape = [8, 24]
      let forward = try #require(
        tasks.conversion(shape, from: first.outputs[0], to: second.inputs[0]))
      let backward = try #require(
        tasks.conversion(shape, from: second.inputErrors[0], to: first.outputErrors[0]))
      return (forward + backward).reduce(0) { $0 + $1.received(by: 0, ways: 2) }
    }

    /// What of that belongs to the layers themselves: the sum of a partial output, or of a partial error.
    func intraLayer(_ left: AxisRole, _ right: AxisRole) -> Int {
      (left == .inputChannel ? Self.boundary : 0) + (right == .outputChannel ? Self.boundary : 0)
    }
  }

  private static let axes: [AxisRole] = [.batch, .inputChannel, .outputChannel]

  @Test func withinALayerOneTensorIsSummed() throws {
    // Table 1: dp A(ΔW), mp A(F of the output); AccPar's type III: A(E of the input). A sum over two sides,
    // as a reduce-scatter and an all-gather, brings each side n/2 + n/2.
    let pair = try Pair(.eager)
    for (axis, expected) in [(AxisRole.batch, 24 * 16), (.inputChannel, 8 * 24), (.outputChannel, 8 * 16)] {
      let strategy = try pair.strategy(0, axis)
      let gradient = pair.tasks.gradientReduction(
        [24, 16], gradient: strategy.inputErrors[1], parameter: strategy.inputs[1], batchLevels: [0])
      let output = try #require(
        pair.tasks.conversion([8, 24], from: strategy.outputs[0], to: strategy.outputs[0].reduced))
      let error = try #require(
        pair.tasks.conversion([8, 16], from: strategy.inputErrors[0], to: strategy.inputErrors[0].reduced))
      let received = [gradient, output, error].map { $0.reduce(0) { $0 + $1.received(by: 0, ways: 2) } }
      #expect(received.reduce(0, +) == expected, "\(axis)")
      #expect(received.count { $0 > 0 } == 1, "\(axis)")
    }
  }

  @Test func eagerReductionGivesTheTableOfTransitionsAsPrinted() throws {
    // HyPar's Table 2 and AccPar's table, in quarters of A(F) = A(E): rows I, II, III of the previous layer.
    let quarters = [[0, 2, 2], [2, 2, 0], [2, 0, 2]]
    let pair = try Pair(.eager)
    for (row, left) in Self.axes.enumerated() {
      for (column, right) in Self.axes.enumerated() {
        let between = try pair.received(left, right) - pair.intraLayer(left, right)
        #expect(between == quarters[row][column] * Pair.boundary / 4, "\(left) to \(right)")
      }
    }
  }

  @Test func lazyReductionMakesTheTransitionsThatHyParEvaluated() throws {
    // As evaluated: mp to mp and mp to dp cost nothing besides A(F), only dp to mp costs 0.25 F + 0.25 E.
    // By the same order of steps type III costs nothing after dp or itself: half of its sum is left out,
    // half is gathered.
    let quarters = [[0, 2, 0], [0, 0, 0], [2, 0, 0]]
    let pair = try Pair(.lazy)
    for (row, left) in Self.axes.enumerated() {
      for (column, right) in Self.axes.enumerated() {
        let between = try pair.received(left, right) - pair.intraLayer(left, right)
        #expect(between == quarters[row][column] * Pair.boundary / 4, "\(left) to \(right)")
      }
    }
  }

  @Test func lazyNeverMovesMoreThanEagerOnAChain() throws {
    let (lazy, eager) = (try Pair(.lazy), try Pair(.eager))
    for left in Self.axes {
      for right in Self.axes { #expect(try lazy.received(left, right) <= eager.received(left, right)) }
    }
  }

  @Test func oneAllReduceServesTwoConsumersForLessThanOneByOne() throws {
    // One partial tensor wanted as R and as S over two sides: A + 0.5 A one by one, A by one all-reduce.
    let cut = try Pair(.lazy).tasks.cut
    func received(_ from: SplitState, _ to: SplitState) throws -> Int {
      try #require(conversionSteps([8, 24], from: Layout([from]), to: Layout([to]), over: cut))
        .reduce(0) { $0 + $1.received(by: 0, ways: 2) }
    }
    let oneByOne = try received(.partial, .replicated) + received(.partial, .sharded(0))
    let together = try received(.partial, .replicated) + received(.replicated, .sharded(0))
    #expect(2 * oneByOne == 3 * Pair.boundary)
    #expect(together == Pair.boundary)
  }
}
