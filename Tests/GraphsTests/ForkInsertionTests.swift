import Graphs
import Testing

@Suite struct ForkInsertionTests {
  @Test func `a tensor read twice passes through one fork`() throws {
    let graph = try GraphBuilderTests.residual()
    let forked = graph.withExplicitForks()
    #expect(forked.invariantViolations() == [])
    #expect(forked.nodes.filter { $0.operator.kind == "fork" }.map(\.name) == ["relu.fork1"])
    #expect(forked.nodes.count == graph.nodes.count + 1)
    let sum = try #require(forked.nodes.first { $0.name == "sum" })
    // The branch comes first in the order and takes the first output.
    #expect(sum.inputs.map { forked[$0].name } == ["relu.fork1:1", "branch"])
    #expect(forked.outputs == graph.outputs)
  }

  @Test func `k readers are told apart by k − 1 forks`() throws {
    var builder = GraphBuilder(name: "many")
    let x = builder.sample("x", TensorType(.float32, [2, 3]))
    let y = try builder.relu(x, name: "y")
    let twice = try builder.add(y, y, name: "twice")
    let thrice = try builder.add(twice, y, name: "thrice")
    let again = try builder.add(thrice, x, name: "again")
    let forked = builder.build(outputs: [again, y]).withExplicitForks()
    #expect(forked.invariantViolations() == [])
    #expect(
      forked.nodes.map(\.name) == ["x.fork1", "y", "y.fork1", "y.fork2", "twice", "thrice", "again"])
    #expect(forked.nodes[4].inputs.map { forked[$0].name } == ["y.fork1:0", "y.fork2:0"])
    #expect(forked.nodes[5].inputs.map { forked[$0].name } == ["twice", "y.fork2:1"])
    for (index, readers) in forked.consumers().enumerated() where forked.tensors[index].role == .activation {
      #expect(readers.count <= 1)
    }
    #expect(forked.outputs.map { forked[$0].name } == ["again", "y"])
  }

  @Test func `inserting forks again changes nothing`() throws {
    let once = try GraphBuilderTests.residual().withExplicitForks()
    #expect(once.withExplicitForks() == once)
  }
}
