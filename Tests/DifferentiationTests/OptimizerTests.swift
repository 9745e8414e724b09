import Differentiation
import Graphs
import Testing

/// The bytes of an update of one element, gradients and states being of four bytes.
private func bytes(_ optimizer: Optimizer, _ copies: MasterCopies, parameter: Int) -> Int {
  let work = optimizer.updateWork(elements: 1, masterCopies: copies)
  return work.parameterElements * parameter + (work.gradientElements + work.stateElements) * 4
}

// Gradient 4, parameter read and written 8, each state read and written 8.
@Test(arguments: [(Optimizer.sgd(), 12), (.momentum(), 20), (.adam(), 28)])
func float32UpdatesMoveTheirBytes(_ optimizer: Optimizer, _ expected: Int) {
  #expect(bytes(optimizer, .none, parameter: 4) == expected)
}

// Gradient 4, master read and written 8, each state 8, rounded parameter written 2.
@Test(arguments: [(Optimizer.sgd(), 14), (.momentum(), 22), (.adam(), 30)])
func mixedPrecisionUpdatesMoveTheMasterCopyToo(_ optimizer: Optimizer, _ expected: Int) {
  #expect(bytes(optimizer, .float32, parameter: 2) == expected)
}

@Test func optimizersAreFoundByTheirNames() {
  #expect(Optimizer.names.compactMap(Optimizer.init(name:)).map(\.name) == Optimizer.names)
  #expect(Optimizer(name: "adamw") == nil)
  #expect(Optimizer.names.compactMap(Optimizer.init(name:)).map(\.stateCount) == [0, 1, 2])
}

@Test func workGrowsWithTheElements() {
  let (one, many) = (Optimizer.adam().updateWork(elements: 1), Optimizer.adam().updateWork(elements: 1000))
  #expect(many.stateElements == 1000 * one.stateElements)
  #expect(many.elementOperations == 1000 * one.elementOperations)
}
