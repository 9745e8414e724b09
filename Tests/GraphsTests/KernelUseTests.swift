import Graphs
import Testing

@Suite struct KernelUseTests {
  private func use(_ name: Operator, _ shapes: [[Int]]) throws -> KernelUse {
    let inputs = shapes.map { TensorType(.float32, $0) }
    let outputs = try name.rules.outputTypes(inputs: inputs)
    return try #require(name.kernelUse(.forward, inputs: inputs, outputs: outputs))
  }

  // 32 channels in 4 groups of 8; 7 × 7 places out of 14 × 14 by steps of two.
  @Test func aConvolutionSaysItsWindowAndTheChannelsOfAGroup() throws {
    let use = try use(
      .convolution(Convolution(stride: 2, padding: 1, groups: 4)), [[3, 32, 14, 14], [64, 8, 3, 3]])
    #expect(use.kind == .convolution && use.window == 9 && use.stride == 2 && use.samples == 3)
    #expect(use.inputChannels == 8 && use.outputChannels == 16 && use.places == 49)
  }

  @Test func aDepthwiseConvolutionHasItsOwnKernel() throws {
    let use = try use(.convolution(Convolution(padding: 1, groups: 24)), [[2, 24, 7, 7], [24, 1, 3, 3]])
    #expect(use.kind == .depthwiseConvolution && use.outputChannels == 24)
  }

  @Test func operandsOfUnlikeShapesAreBroadcast() throws {
    #expect(try use(.elementwise(Elementwise(.add)), [[2, 8], [2, 8]]).kind == .elementwise)
    let use = try use(.elementwise(Elementwise(.add, right: .parameter)), [[2, 8], [8]])
    #expect(use.kind == .broadcast && use.elements == 16)
  }

  @Test func workOfNothingIsEmptyWhateverItsKernel() {
    #expect(Work(kernel: KernelUse(.copy, .forward)).isEmpty)
    #expect(!Work(activationElements: 1, kernel: KernelUse(.copy, .forward)).isEmpty)
  }
}
