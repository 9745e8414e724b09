import Graphs
import Testing

@testable import Kernels

private func request(
  _ operator: Operator, _ shapes: [[Int]], _ input: MemoryFormat, _ output: MemoryFormat
) throws -> KernelRequest {
  let types = shapes.map { TensorType(.float32, $0) }
  return KernelRequest(
    `operator`, .forward, inputTypes: types, outputTypes: try `operator`.rules.outputTypes(inputs: types),
    inputMemoryFormat: input, outputMemoryFormat: output)
}

private let image = [2, 16, 3, 3]
private let blocks = MemoryFormat.channelBlocks(8)

@Test func kernelsThatKeepFormatsTakeOneOnBothSides() throws {
  let relu = Operator.activation(Activation(.relu))
  #expect(try request(relu, [image], blocks, blocks).hasMemoryFormats(.alike))
  #expect(try request(relu, [image], .plain, .plain).hasMemoryFormats(.alike))
  #expect(try !request(relu, [image], blocks, .plain).hasMemoryFormats(.alike))
  #expect(try !request(relu, [image], .plain, blocks).hasMemoryFormats(.alike))
  #expect(try request(relu, [image], .plain, blocks).hasMemoryFormats(.any))
}

@Test func planesOfOnePlaceLieAlikeInEveryFormat() throws {
  let pooling = Operator.globalPooling(GlobalPooling(.average))
  for output in [MemoryFormat.plain, blocks] {
    #expect(try request(pooling, [image], blocks, output).hasMemoryFormats(.alike))
  }
  let relu = Operator.activation(Activation(.relu))
  #expect(try request(relu, [[2, 16, 1, 1]], blocks, .plain).hasMemoryFormats(.plain))
}

@Test func rowMajorKernelsTakeNoBlocks() throws {
  let transpose = Operator.transpose(Transpose([0, 2, 3, 1]))
  #expect(try request(transpose, [image], .plain, .plain).hasMemoryFormats(.plain))
  #expect(try !request(transpose, [image], blocks, .plain).hasMemoryFormats(.plain))
}

@Test func parametersHaveNoFormat() throws {
  let normalization = Operator.batchNormalization(BatchNormalization())
  let shapes = [image] + Array(repeating: [16], count: 4)
  #expect(try request(normalization, shapes, blocks, blocks).hasMemoryFormats(.alike))
  let asked = try request(.convolution(Convolution(padding: 1)), [image, [16, 16, 3, 3]], blocks, .plain)
  #expect(!asked.hasMemoryFormats(.alike))
}

// Expected: the block of the side whose planes have several places.
@Test func theBlockIsThatOfTheSideWithPlanes() throws {
  let grown = Operator.pooling(
    Pooling(.maximum, kernel: [2, 2], strides: [1, 1], padding: [Padding(1), Padding(1)]))
  #expect(try request(grown, [[2, 16, 1, 1]], blocks, blocks).channelBlock == 8)
  #expect(
    try request(.globalPooling(GlobalPooling(.average)), [image], blocks, .plain).channelBlock == 8)
  #expect(try request(.activation(Activation(.relu)), [[2, 16, 1, 1]], blocks, blocks).channelBlock == 1)
}
