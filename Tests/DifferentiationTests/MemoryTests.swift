import Differentiation
import Graphs
import Testing
import Units

private func tensor(_ name: String, _ training: TrainingGraph) throws -> TensorID {
  TensorID(try #require(training.graph.tensors.firstIndex { $0.name == name }))
}

private func node(_ name: String, _ training: TrainingGraph) throws -> NodeID {
  NodeID(try #require(training.graph.nodes.firstIndex { $0.name == name }))
}

// Backward reads the probabilities (4 elements) in operation 4, the ReLU's output (8) in 6 and 7, the samples
// (6) in 8: 18 elements of four bytes, or of two.
@Test func savedActivationsOfAChainAreCounted() throws {
  let training = try differentiate(smallChain())
  let saved = training.savedValues()
  #expect(
    saved.map(\.value) == [
      .auxiliary(try node("loss", training), 0), .forward(try tensor("relu", training)),
      .forward(try tensor("x", training)),
    ])
  #expect(saved.map(\.firstRead) == [4, 6, 8])
  #expect(saved.map(\.lastRead) == [4, 7, 8])
  #expect(training.savedActivationBytes() == Bytes(72))
  #expect(training.savedActivationBytes(activationSize: Bytes(2)) == Bytes(36))
}

// Batch 4. Floats: samples 3·8·8, conv1 5·8·8, statistics 2·5, ReLU 5·8·8, pool 5·4·4, dropout 6·2·2 (the
// dense layer's input; before it only the mask is kept), probabilities 10. Indices of the pooling: 4 bytes
// for 5·4·4; masks of the dropout: 1 byte for 6·2·2. Batch normalisation reads conv1, ReLU its own output.
@Test func savedMasksAndIndicesHaveTheirOwnSizes() throws {
  let training = try differentiate(smallConvolutionalNetwork())
  let floats = 4 * (192 + 320 + 320 + 80 + 24 + 10) + 2 * 5
  let own = 4 * 80 * 4 + 4 * 24
  #expect(training.savedActivationBytes() == Bytes(4 * floats + own))
  #expect(training.savedActivationBytes(activationSize: Bytes(2)) == Bytes(2 * floats + own))
}

@Test func frozenPrefixSavesNothing() throws {
  let training = try differentiate(smallConvolutionalNetwork(), frozen: .through(node: "pool1"))
  // The pooled activations feed the first trained layer; after it the dropout's mask and output, and the
  // loss.
  #expect(training.savedActivationBytes() == Bytes(4 * (4 * (80 + 24 + 10)) + 4 * 24))
}

// One byte for each element. The model and the velocities hold 20 + 20 throughout. Besides, by operation:
//  0 fc1      x 6, labels 2, fc1 8                      16
//  1 relu     x, labels, fc1, relu 8                    24
//  2 fc2      x, labels, relu, fc2 4                    20
//  3 loss     x, labels, relu, fc2, loss 1, p 4         25
//  4 loss′    x, labels, relu, p, e2 4                  24
//  5 fc2′     x, relu, e2, er 8                         26
//  6 fc2∆     x, relu, e2, er, g2 8                     34
//  7 relu′    x, relu, er, g2, e1 8                     38
//  8 fc1∆     x, g2, e1, g1 12                          34
//  9 update   g2, g1                                    20
// 10 update   g1                                        12
@Test func memoryOfAChainIsHeldAsLongAsItIsNeeded() throws {
  let training = try differentiate(smallChain(), optimizer: .momentum())
  let profile = training.memoryProfile { Bytes(training.type(of: $0).elementCount) }
  #expect(profile.held.map(\.count) == [16, 24, 20, 25, 24, 26, 34, 38, 34, 20, 12].map { $0 + 40 })
  #expect(profile.peak == Bytes(78))
  #expect(profile.operation == 7)
  // Weights, gradients, optimizer state, activations, errors.
  #expect(profile.parts.map(\.count) == [20, 8, 20, 14, 16])
  #expect(TrainingGraph.MemoryPart.allCases.map(\.rawValue).first == "weights")
}

// Sharing a storage means that the localSize is asked once for each.
@Test func viewsAreNotCountedTwice() throws {
  var builder = GraphBuilder(name: "residual")
  let x = builder.sample("x", TensorType(.float32, [2, 2, 1, 2]))
  let flat = try builder.flatten(x, name: "flatten")
  let stem = try builder.dense(flat, 4, bias: .absent, name: "stem")
  let sum = try builder.add(try builder.dense(stem, 4, bias: .absent, name: "branch"), stem, name: "sum")
  let training = try differentiate(builder.build(outputs: [sum]))
  func forward(_ name: String) throws -> TrainingGraph.Value { .forward(try tensor(name, training)) }
  func error(_ name: String) throws -> TrainingGraph.Value { .error(try tensor(name, training)) }
  // A reshape and both outputs of a fork are their inputs.
  #expect(training.storage(of: try forward("flatten")) == (try forward("x")))
  #expect(training.storage(of: try forward("stem.fork1:0")) == (try forward("stem")))
  #expect(training.storage(of: try forward("stem.fork1:1")) == (try forward("stem")))
  // The errors of the addends are the error of the sum; that of the forked tensor is a sum of its own.
  #expect(training.storage(of: try error("branch")) == (try error("sum")))
  #expect(training.storage(of: try error("stem.fork1:1")) == (try error("sum")))
  #expect(training.storage(of: try error("stem")) == (try error("stem")))
  var asked: [TrainingGraph.Value] = []
  _ = training.memoryProfile { value in
    asked.append(value)
    return Bytes(1)
  }
  #expect(asked.count == Set(asked).count)
  #expect(asked.allSatisfy { training.storage(of: $0) == $0 })
  // x, stem, branch, sum, probabilities are saved or not; views never: dense layers read x and stem.
  #expect(training.savedValues().map(\.value).contains(try forward("x")))
}

@Test func aSumThatBroadcastsMakesAnErrorOfItsOwn() throws {
  var builder = GraphBuilder(name: "broadcast")
  let x = builder.sample("x", TensorType(.float32, [2, 4]))
  let stem = try builder.dense(x, 4, name: "stem")
  let one = try builder.dense(x, 1, name: "one")
  let sum = try builder.add(stem, one, name: "sum")
  let training = try differentiate(builder.build(outputs: [sum]))
  let (left, right) = (try tensor("stem", training), try tensor("one", training))
  #expect(training.storage(of: .error(left)) == .error(try tensor("sum", training)))
  #expect(training.storage(of: .error(right)) == .error(right))
}
