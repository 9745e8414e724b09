typealias Floats = UnsafeMutablePointer<Float>

extension KernelOperands {
  func rawInput(_ index: Int) -> UnsafeMutableRawPointer { required(inputs, index, "input") }
  func rawOutput(_ index: Int) -> UnsafeMutableRawPointer { required(outputs, index, "output") }
  func rawOutputError(_ index: Int) -> UnsafeMutableRawPointer {
    required(outputErrors, index, "output error")
  }
  func rawAuxiliary(_ index: Int) -> UnsafeMutableRawPointer { required(auxiliaries, index, "auxiliary") }

  func input(_ index: Int) -> Floats { rawInput(index).assumingMemoryBound(to: Float.self) }
  func output(_ index: Int) -> Floats { rawOutput(index).assumingMemoryBound(to: Float.self) }
  func outputError(_ index: Int) -> Floats { rawOutputError(index).assumingMemoryBound(to: Float.self) }
  func auxiliary(_ index: Int) -> Floats { rawAuxiliary(index).assumingMemoryBound(to: Float.self) }
  func indices(_ index: Int) -> UnsafeMutablePointer<Int64> {
    rawInput(index).assumingMemoryBound(to: Int64.self)
  }

  /// Where the result for the input at a place in the operation's list goes; nil where nobody wants it.
  func result(_ index: Int) -> Floats? {
    results.indices.contains(index) ? results[index]?.assumingMemoryBound(to: Float.self) : nil
  }

  func sums() -> Floats { required([statistics], 0, "statistics").assumingMemoryBound(to: Float.self) }

  private func required(
    _ list: [UnsafeMutableRawPointer?], _ index: Int, _ name: String
  ) -> UnsafeMutableRawPointer {
    guard list.indices.contains(index), let pointer = list[index] else {
      preconditionFailure("\(name) \(index) is missing")
    }
    return pointer
  }
}

/// A kernel written in Swift: what it does with its operands.
final class NativeKernel: PreparedKernel {
  typealias Body = @Sendable (KernelOperands, KernelMoment, UnsafeMutableRawPointer?) -> Void

  let scratchSize: Int
  private let body: Body

  init(scratch: Int = 0, _ body: @escaping Body) {
    scratchSize = scratch
    self.body = body
  }

  func run(_ operands: KernelOperands, _ moment: KernelMoment, scratch: UnsafeMutableRawPointer?) {
    body(operands, moment, scratch)
  }
}
