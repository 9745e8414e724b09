import Differentiation
import Graphs
import Kernels
import Plans
import Testing

/// Nodes that read one parameter at several of their inputs.
///
/// With cells the contributions of a cell are added before they meet those of others. Expected values are
/// those of one device, bit for bit, and of the reference executor, which knows no cells.
struct RepeatedParameterTests {
  private static let batch = 16

  /// A layer and a batch normalisation whose scale is their shift; the first of them also shares a bias.
  private static func training(
    _ mode: BatchNormalization.Mode, microBatches: Int = 1
  ) throws -> TrainingGraph {
    let width = 5
    let vector = TensorType(.float32, [width])
    var builder = GraphBuilder(name: "repeated")
    let weight = builder.parameter("weight", TensorType(.float32, [width, width]))
    let (p, q) = (builder.parameter("p", vector), builder.parameter("q", vector))
    var y = builder.sample("x", TensorType(.float32, [batch / microBatches, width]))
    y = try builder.add(.dense(Dense()), [y, weight, p], name: "first")[0]
    y = try builder.add(.layerNormalization(LayerNormalization(axis: 1)), [y, p, p], name: "layer")[0]
    y = try builder.dense(y, width, bias: .absent, name: "second")
    let states = ["mean", "variance"].map { builder.parameter($0, vector, role: .state) }
    let norm = BatchNormalization(mode: mode)
    y = try builder.add(.batchNormalization(norm), [y, q, q] + states, name: "batch")[0]
    // A rectifier may let no gradient through.
    y = try builder.activation(y, .tanh, name: "tanh")
    y = try builder.dense(y, 3, name: "last")
    return try differentiate(builder.build(outputs: [y]), optimizer: .momentum(learningRate: 0.1))
  }

  @Test(arguments: [BatchNormalization.Mode.full, .cell, .frozen], [1, 2])
  func everyDivisionOfTheBatchGivesTheSameBits(mode: BatchNormalization.Mode, microBatches: Int) throws {
    // Statistics of a micro-batch are those of another network.
    guard mode != .full || microBatches == 1 else { return }
    let training = try Self.training(mode, microBatches: microBatches)
    let options = CellRuns.options(cells: 8, microBatches: microBatches)
    var bits: [TrainingGraph.Value: [Double]]?
    for ways in [[], [2], [3], [2, 2]] {
      for shares in ways == [3] ? [[[1, 1, 1]], [[2, 1, 1]]] : [nil] {
        if microBatches == 2, ways == [3] { continue }
        let machine = CellRuns.mesh(ways)
        let run = try CellRuns.run(
          training, machine,
          CellRuns.dataParallel(training, machine, shares: shares, options: options))
        if let bits { #expect(run.tensors == bits, "\(mode), \(microBatches) on \(ways)") }
        bits = bits ?? run.tensors
      }
    }
    let pair = CellRuns.pair()
    for cut in 1..<training.graph.nodes.count {
      let plan = CellRuns.dataParallel(training, pair, options: options, cuts: [cut])
      #expect(try CellRuns.run(training, pair, plan).tensors == bits, "\(mode) cut at \(cut)")
    }
  }

  @Test(arguments: [nil, 4, 8], [1, 2])
  func theSumIsThatOfTheReferenceExecutor(cells: Int?, microBatches: Int) throws {
    let training = try Self.training(.frozen, microBatches: microBatches)
    let graph = training.graph
    let expected = try OneDevice.reference(training, microBatches: microBatches, steps: 2)
    for ways in [[], [2]] {
      let machine = CellRuns.mesh(ways)
      let plan = CellRuns.dataParallel(
        training, machine, options: StepOptions(microBatches: microBatches, cells: cells))
      let facts = StepFacts(training)
      let run = try executed(
        lower(plan, facts: facts, machine: machine),
        of: ResolvedPlan(plan, facts: facts, machine: machine), steps: 2,
        library: ReferenceKernelLibrary(), scalar: .float64,
        data: { OneDevice.datum(graph, $0, $1, $2) },
        initial: { OneDevice.start(graph, $0, $1) })
      #expect(run.fault == nil)
      for (value, tensor) in run.tensors {
        guard let other = expected.tensors[value] else { continue }
        #expect(OneDevice.difference(tensor, other) <= 1e-10, "\(value) on \(ways)")
        if case .optimizerState = value {
          #expect(other.contains { abs($0) > 1e-6 }, "\(value) tells nothing")
        }
      }
    }
  }
}
