import Graphs
import Testing

@Suite struct KernelUseTests {
  private func use(_ name: Operator, _ shapes: [[Int]], _ phase: Phase = .forward) throws -> KernelUse {
    let inputs = shapes.map { TensorType(.float32, $0) }
    let outputs = try name.rules.outputTypes(inputs: inputs)
    return try #require(name.kernelUse(phase, inputs: inputs, outputs: outputs))
  }

  // 32 channels in 4 groups of 8; 7 × 7 places out of 14 × 14 by steps of two.
  @Test func aConvolutionSaysItsWindowAndTheChannelsOfAGroup() throws {
    let use = try use(
      .convolution(Convolution(stride: 2, padding: 1, groups: 4)), [[3, 32, 14, 14], [64, 8, 3, 3]])
    #expect(use.kind == .convolution && use.window == 9 && use.stride == 2 && use.samples == 3)
    #expect(use.inputChannels == 8 && use.outputChannels == 16 && use.places == 49)
  }

  // 5 × 5 over 8 × 8 with two zeros around: along each dimension 3, 4, 5, 5, 5, 5, 4, 3 of 5 taps meet
  // numbers, 34 of 40. By steps of two 3 + 5 + 5 + 4 of 20. Dilated by two a window of 3 spans 5: twice 2,
  // four times 3 and twice 2 of 3.
  // Every tap counted one by one is the second opinion.
  @Test func whatFallsOnPaddingIsLeftOut() throws {
    func portion(_ rules: Convolution, window: Int) throws -> Double {
      try use(.convolution(rules), [[1, 2, 8, 8], [4, 2, window, window]]).portionComputed
    }
    #expect(abs(try portion(Convolution(padding: 2), window: 5) - (34.0 / 40) * (34.0 / 40)) < 1e-12)
    #expect(abs(try portion(Convolution(stride: 2, padding: 2), window: 5) - 0.85 * 0.85) < 1e-12)
    #expect(
      abs(try portion(Convolution(padding: 2, dilation: 2), window: 3) - (20.0 / 24) * (20.0 / 24)) < 1e-12)
    #expect(try portion(Convolution(), window: 5) == 1)
    for (stride, padding, dilation, window) in [(1, 3, 2, 4), (3, 5, 1, 3), (2, 4, 3, 2)] {
      let extent = (8 + 2 * padding - dilation * (window - 1) - 1) / stride + 1
      var inside = 0
      for place in 0..<extent {
        for tap in 0..<window where 0..<8 ~= place * stride + tap * dilation - padding { inside += 1 }
      }
      let expected = Double(inside) / Double(extent * window)
      let rules = Convolution(stride: stride, padding: padding, dilation: dilation)
      #expect(abs(try portion(rules, window: window) - expected * expected) < 1e-12)
    }
  }

  // Without padding 5 × 5 makes 8 × 8 of 12 × 12: errors take whole rows, 12 for 8 places; rows of padding
  // are left out, as forward, 34 of 40 with two zeros around.
  @Test func errorsAreComputedAlongWholeRows() throws {
    func portion(_ padding: Int, _ side: Int) throws -> Double {
      let rules = Operator.convolution(Convolution(padding: padding))
      return try use(rules, [[1, 2, side, side], [4, 2, 5, 5]], .error).portionComputed
    }
    #expect(abs(try portion(0, 12) - 1.5) < 1e-12)
    #expect(abs(try portion(2, 8) - 0.85) < 1e-12)
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
