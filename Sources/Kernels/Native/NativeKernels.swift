import Graphs

/// Returns a kernel written in loops over Float32 memory that a team shares, or nil where there is none for
/// the request.
func nativeKernel(for request: KernelRequest, _ team: ThreadTeam) -> NativeKernel? {
  // Tensors of whole numbers lie in memory in another way.
  let numbers = OperandFormat.scalar(.float32)
  guard request.inputFormat(indexOfNumbers(request.operator)) == numbers else { return nil }
  let shaping = NativeShaping(request: request, team: team)
  let selection = NativeSelection(request: request, team: team)
  switch request.operator {
  case .pooling(let rules): return NativePooling(request, rules, team)?.kernel(request.step)
  case .globalPooling(let rules): return NativeGlobalPooling(request, rules, team).kernel(request.step)
  case .batchNormalization(let rules):
    return NativeBatchNormalization(request, rules, team).kernel(request.step)
  case .layerNormalization(let rules):
    return NativeLayerNormalization(request, rules, team).kernel(request.step)
  case .localResponseNormalization(let rules):
    return NativeLocalResponseNormalization(request, rules, team).kernel(request.step)
  case .softmax(let rules):
    return NativeSoftmax(request.inputTypes[0].shape, axis: rules.axis, team)
      .softmax(request, isLogarithmic: rules.isLogarithmic)
  case .softmaxCrossEntropy: return NativeSoftmax.crossEntropy(request, team)
  case .activation(let rules): return NativeActivation(request, rules, team).kernel(request.step)
  case .elementwise(let rules):
    guard request.inputFormat(1) == numbers else { return nil }
    return NativeElementwise(request, rules, team).kernel(request.step)
  case .scaleByConstant(let rules): return NativePointwise.scale(request, rules, team)
  case .dropout(let rules): return NativePointwise.dropout(request, rules, team)
  case .fork: return NativePointwise.fork(request, team)
  case .reshape: return NativePointwise.reshape(request, team)
  case .concatenation(let rules): return shaping.concatenation(rules)
  case .split(let rules): return shaping.split(rules)
  case .slice(let rules): return shaping.slice(rules)
  case .pad(let rules): return shaping.pad(rules)
  case .transpose(let rules): return shaping.transpose(rules)
  case .reduction(let rules): return selection.reduction(rules)
  case .gather(let rules): return selection.gather(rules)
  case .embedding: return selection.embedding()
  case .convolution, .dense, .matrixMultiplication, .tabulated, .tabulatedLoss: return nil
  }
}

/// The input whose elements the kernel computes with or moves.
private func indexOfNumbers(_ operator: Operator) -> Int {
  if case .embedding = `operator` { 1 } else { 0 }
}
