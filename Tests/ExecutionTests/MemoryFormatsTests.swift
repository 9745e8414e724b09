import Differentiation
import Graphs
import Kernels
import Testing

@testable import Execution

/// A library whose convolutions of windows larger than one place want blocks of sixteen channels.
private struct BlockLibrary: KernelLibrary {
  private let reference = ReferenceKernelLibrary()

  var name: String { reference.name }
  var description: String { reference.description }
  var channelBlock: Int? { 16 }

  func wantsChannelBlocks(_ request: KernelRequest) -> (input: Bool, output: Bool) {
    let wants = request.inputTypes[1].shape[2] > 1
    return (wants, wants)
  }

  func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel {
    try reference.kernel(for: request)
  }
}

struct MemoryFormatsTests {
  /// The names of the activations that lie in blocks.
  private func blocked(
    library: any KernelLibrary = BlockLibrary(), block: Int = 16, staysPlain: Set<String> = [],
    _ layers: (inout GraphBuilder, TensorID) throws -> TensorID
  ) throws -> Set<String> {
    var builder = GraphBuilder(name: "network")
    let x = builder.sample("x", TensorType(.float32, [2, 3, 8, 8]))
    let y = try layers(&builder, x)
    let flat = try builder.flatten(y, name: "flatten")
    let last = try builder.dense(flat, 5, name: "last")
    let training = try differentiate(builder.build(outputs: [last]))
    let graph = training.graph
    let formats = MemoryFormats(training, library: library) { staysPlain.contains(graph[$0].name) }
    return Set(
      graph.tensors.indices.filter { formats[TensorID($0)] == .channelBlocks(block) }.map {
        graph.tensors[$0].name
      })
  }

  @Test func whatLiesBetweenConvolutionsIsInBlocks() throws {
    let names = try blocked { builder, x in
      var y = try builder.convolution(x, channels: 32, kernel: 3, padding: 1, name: "first")
      y = try builder.relu(y, name: "relu")
      y = try builder.convolution(y, channels: 16, kernel: 3, padding: 1, name: "second")
      // The mean has one place for each channel, where both formats are the same bytes.
      return try builder.globalAveragePool(y, name: "mean")
    }
    #expect(names == ["first", "relu", "second"])
  }

  @Test func whatAReshapeReadsIsPlainAndAllThatIsTiedToIt() throws {
    let names = try blocked { builder, x in
      var y = try builder.convolution(x, channels: 32, kernel: 3, padding: 1, name: "first")
      y = try builder.convolution(y, channels: 16, kernel: 3, padding: 1, name: "second")
      y = try builder.relu(y, name: "relu")
      return try builder.maxPool(y, kernel: 2, stride: 2, name: "pool")
    }
    #expect(names == ["first"])
  }

  @Test func channelsThatLeaveARestArePlain() throws {
    let names = try blocked { builder, x in
      var y = try builder.convolution(x, channels: 24, kernel: 3, padding: 1, name: "first")
      y = try builder.relu(y, name: "relu")
      y = try builder.convolution(y, channels: 16, kernel: 3, padding: 1, name: "second")
      return try builder.globalAveragePool(y, name: "mean")
    }
    #expect(names == ["second"])
  }

  @Test func aTensorThatHasToBePlainMakesThoseTiedToItPlain() throws {
    let names = try blocked(staysPlain: ["relu"]) { builder, x in
      var y = try builder.convolution(x, channels: 32, kernel: 3, padding: 1, name: "first")
      y = try builder.relu(y, name: "relu")
      y = try builder.convolution(y, channels: 16, kernel: 3, padding: 1, name: "second")
      return try builder.globalAveragePool(y, name: "mean")
    }
    #expect(names == ["second"])
  }

  @Test func convolutionsThatWantNoBlocksHaveTheLastWord() throws {
    // Each tensor lies between convolutions that do not want blocks on both sides.
    let names = try blocked { builder, x in
      var y = try builder.convolution(x, channels: 32, kernel: 1, name: "first")
      y = try builder.convolution(y, channels: 16, kernel: 1, name: "second")
      return try builder.globalAveragePool(y, name: "mean")
    }
    #expect(names.isEmpty)
  }

  // Expected: what oneDNN itself says of a common convolution; where it wants no blocks there are none.
  @Test(.enabled(if: FastKernelLibrary().channelBlock != nil)) func oneDNNIsGivenTheBlocksThatItWants() throws
  {
    let library = FastKernelLibrary()
    let names = try blocked(library: library, block: library.channelBlock ?? 0) { builder, x in
      var y = try builder.convolution(x, channels: 32, kernel: 3, padding: 1, name: "first")
      y = try builder.relu(y, name: "relu")
      y = try builder.convolution(y, channels: 32, kernel: 3, padding: 1, name: "second")
      return try builder.globalAveragePool(y, name: "mean")
    }
    #expect(names == ["first", "relu", "second"])
  }

  @Test func withoutALibraryOfBlocksAllIsPlain() throws {
    let names = try blocked(library: ReferenceKernelLibrary()) { builder, x in
      let y = try builder.convolution(x, channels: 32, kernel: 3, padding: 1, name: "first")
      return try builder.globalAveragePool(y, name: "mean")
    }
    #expect(names.isEmpty)
  }
}
