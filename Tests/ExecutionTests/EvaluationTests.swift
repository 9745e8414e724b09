import Datasets
import Graphs
import Kernels
import Testing

@testable import Execution

/// Seven samples, each a one at the place of its number modulo three; labels are as given.
private struct Corners: Dataset {
  let labels: [Int]
  let name = "corners"
  let sampleShape = [3]
  let classCount = 3
  var count: Int { labels.count }

  func copySample(_ index: Int, to destination: UnsafeMutablePointer<Float>) {
    for place in 0..<3 { destination[place] = place == index % 3 ? 1 : 0 }
  }
  func label(of index: Int) -> Int { labels[index] }
}

struct EvaluationTests {
  /// One matrix between the samples and the scores of three classes.
  private static func network(batch: Int) throws -> Graph {
    var builder = GraphBuilder(name: "corners")
    let weight = builder.parameter("weight", TensorType(.float32, [3, 3]))
    let sample = builder.sample("x", TensorType(.float32, [batch, 3]))
    let scores = try builder.add(.dense(Dense()), [sample, weight], name: "scores")
    return builder.build(outputs: scores)
  }

  private static func accuracy(_ evaluation: Evaluation, _ weight: [Float]) throws -> Double {
    try evaluation.accuracy(
      of: [NamedArray(name: "weight", shape: [3, 3], elements: weight)],
      on: Corners(labels: [0, 1, 2, 0, 1, 0, 1]), given: { _ in nil })
  }

  // The identity finds the place of the one, 0 1 2 0 1 2 0: the class of the first five. With its outer rows
  // exchanged it finds 2 1 0 2 1 0 2: the class of the second, fifth and sixth. The last batch of four is
  // not full.
  @Test(arguments: [1, 4, 7]) func everyEvaluationClassifiesEachSampleOnce(batch: Int) throws {
    let evaluation = try Evaluation(Self.network(batch: batch), library: ReferenceKernelLibrary())
    let ones: [Float] = [1, 0, 0, 0, 1, 0, 0, 0, 1]
    #expect(try Self.accuracy(evaluation, ones) == 5.0 / 7)
    #expect(try Self.accuracy(evaluation, [0, 0, 1, 0, 1, 0, 1, 0, 0]) == 3.0 / 7)
    #expect(try Self.accuracy(evaluation, ones) == 5.0 / 7)
  }

  // Nine weights, and for each sample three numbers, three scores and a label of eight bytes.
  @Test func theMemoryOfAnEvaluationIsThatOfItsBatch() throws {
    for batch in [16, 1024] {
      let evaluation = try Evaluation(Self.network(batch: batch), library: ReferenceKernelLibrary())
      let least = 4 * 9 + batch * (4 * 3 + 4 * 3 + 8)
      #expect((least...3 * least + 4096).contains(evaluation.plannedBytes), "\(evaluation.plannedBytes)")
    }
  }
}
