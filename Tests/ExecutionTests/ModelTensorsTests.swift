import Testing

@testable import Execution

struct ModelTensorsTests {
  private static func model(_ tensors: [(name: String, weight: Int, elements: [Float])]) -> ModelTensors {
    var model = ModelTensors()
    for tensor in tensors {
      tensor.elements.withUnsafeBufferPointer {
        model.set(
          tensor.name, shape: [tensor.elements.count], runs: [0..<tensor.elements.count],
          weight: tensor.weight, $0)
      }
    }
    return model
  }

  @Test func statisticsOfCellsAreAveragedBySamplesWhenTheNetworkIsWritten() {
    let model = Self.model([
      ("norm.running_mean/cell.1", 1, [5, 6]), ("norm.running_mean/cell.0", 3, [1, 2]),
      ("norm.weight", 0, [7, 8]), ("norm.weight/optimizer.0", 0, [0, 0]),
    ])
    // (3 · 1 + 5) ∕ 4 and (3 · 2 + 6) ∕ 4; states of the optimizer are no part of the network.
    #expect(model.network.map(\.name) == ["norm.running_mean", "norm.weight"])
    #expect(model.network.map(\.elements) == [[2, 3], [7, 8]])
  }

  @Test func aCheckpointKeepsTheStatisticsOfEachCell() {
    let model = Self.model([("norm.running_mean/cell.1", 1, [5]), ("norm.running_mean/cell.0", 3, [1])])
    #expect(model.arrays.map(\.name) == ["norm.running_mean/cell.0", "norm.running_mean/cell.1"])
    #expect(model.arrays.map(\.elements) == [[1], [5]])
  }

  @Test func partsOfATensorAreJoined() {
    var model = ModelTensors()
    for (runs, elements) in [([0..<1, 3..<4], [1, 4]), ([1..<3], [2, 3])] as [([Range<Int>], [Float])] {
      elements.withUnsafeBufferPointer { model.set("w", shape: [2, 2], runs: runs, weight: 0, $0) }
    }
    #expect(model.network.map(\.elements) == [[1, 2, 3, 4]])
  }
}
