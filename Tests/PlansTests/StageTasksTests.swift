import Differentiation
import Graphs
import Machines
import Plans
import TestMachines
import Testing

struct StageTasksTests {
  // Kernels of two devices run at once. They pass over 2 · (8 · 24 + 8 · 24 + 1) elements of activations and
  // errors, half each, and over 2 · 16 · 24 of parameters and gradients.
  @Test func workSaysInWhatCompanyItsKernelRuns() throws {
    var builder = GraphBuilder(name: "layer")
    let x = builder.sample("x", TensorType(.float32, [8, 16]))
    let hidden = try builder.dense(x, 24, bias: .absent, name: "first")
    let y = try builder.activation(hidden, .relu, name: "relu")
    let training = try differentiate(builder.build(outputs: [y]))
    let passed = training.passedElements(devices: 2)
    var outputs = 0
    for node in training.graph.nodes {
      for type in training.graph.outputTypes(of: node) { outputs += type.elementCount }
    }
    #expect(outputs == 2 * 8 * 24 + 1)
    #expect(passed == outputs + 2 * 16 * 24)
    let machine = meshMachine([2], .tree)
    let tasks = StageTasks(
      training: training, machine: machine, groupIndex: 0, shares: .equal(machine.groups[0]),
      options: StepOptions())
    let parameter = training.trainedParameters[0]
    let replicated = Layout.replicated(levelCount: 1)
    let updates: [Work] = tasks.updateWork(parameter, layout: replicated)
    let additions: [Work] = tasks.additionWork(parameter, layout: replicated)
    for work in updates + additions {
      let kernel = try #require(work.kernel)
      #expect(kernel.devices == 2 && kernel.passedElements == passed)
    }
  }
}
