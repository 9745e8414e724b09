import Communication
import Differentiation
import Glibc
import Graphs
import Kernels

/// Measures single kernels as training calls them: over several parts of a batch in turn, in memory that was
/// reserved before.
///
/// The parts stand for the cells of the batch. They lie side by side in memory, so that small operands stay
/// in the processor's caches and large ones do not, as in a step.
final class KernelBench {
  /// What is measured.
  enum Subject {
    case kernel(KernelRequest)
    /// Putting the parameters in the order in which the kernel reads them.
    case packing(KernelRequest)
    /// Adding so many numbers to others.
    case sum(Int)
    /// Updating so many numbers.
    case update(Optimizer, Int)
  }

  /// The parts over which a kernel runs in turn: those of the default grid.
  private static let partLimit = 16
  /// The bytes over which a kernel that is not measured alone runs in turn.
  private static let footprint = 24 << 20
  /// Parts of one kernel take turns for at least so long, in seconds.
  private static let leastTime = 1e-3
  /// The most calls of a round.
  private static let mostRepetitions = 1 << 20

  private let library: any KernelLibrary
  private let memory: UnsafeMutableRawPointer
  private let size = Region.result.range.upperBound
  private let moment = KernelMoment(generator: CounterGenerator(seed: 0, step: 1, stream: 0))

  /// A part of the memory.
  ///
  /// What kernels read is never written, so that it is filled once.
  private enum Region: Int, CaseIterable {
    /// Numbers of both signs.
    case signed
    /// Numbers above zero.
    case positive
    /// Zeros, for labels and masks.
    case zero
    /// What kernels write.
    case result

    /// The bytes of the region.
    var range: Range<Int> {
      switch self {
      case .signed: 0..<64 << 20
      case .positive: 64 << 20..<192 << 20
      case .zero: 192 << 20..<224 << 20
      case .result: 224 << 20..<512 << 20
      }
    }
  }

  /// Reserves memory, or returns nil where there is none.
  init?(_ library: any KernelLibrary) {
    self.library = library
    guard
      let memory = mmap(
        nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { return nil }
    self.memory = memory
    let (signed, positive) = (Region.signed.range, Region.positive.range)
    let numbers = memory.assumingMemoryBound(to: Float.self)
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    for place in 0..<signed.count / 4 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      numbers[signed.lowerBound / 4 + place] = Float(state >> 40) / Float(1 << 23) - 1
    }
    for place in 0..<positive.count / 4 {
      numbers[positive.lowerBound / 4 + place] = 1.5 + 0.5 * numbers[place % (signed.count / 4)]
    }
    memset(memory + Region.zero.range.lowerBound, 0, Region.zero.range.count)
    memset(memory + Region.result.range.lowerBound, 0, Region.result.range.count)
  }

  deinit {
    munmap(memory, size)
  }

  /// The seconds of one call, the least of some rounds; nil where the kernel does not exist or its operands
  /// are too large.
  func time(_ subject: Subject) -> Double? {
    switch subject {
    case .kernel(let request): return time(request, isPacking: false)
    case .packing(let request): return time(request, isPacking: true)
    case .sum(let count):
      return time(count, arrays: 2) { arrays in addFloats(arrays[1], to: arrays[0], count) }
    case .update(let optimizer, let count):
      return time(count, arrays: 2 + optimizer.stateCount) { arrays in
        optimizer.update(
          parameter: arrays[0], gradient: UnsafePointer(arrays[1]), states: Array(arrays[2...]), count: count,
          step: 1)
      }
    }
  }

  private func time(
    _ count: Int, arrays: Int, _ body: ([UnsafeMutablePointer<Float>]) -> Void
  ) -> Double? {
    let stride = aligned(count * 4)
    let parts = max(1, min(Self.partLimit, Self.footprint / (stride * arrays)))
    guard stride * arrays * parts <= Region.result.range.count else { return nil }
    let start = memory + Region.result.range.lowerBound
    for place in Swift.stride(from: 0, to: stride * arrays * parts, by: Region.signed.range.count) {
      memcpy(
        start + place, memory + Region.positive.range.lowerBound,
        min(Region.signed.range.count, stride * arrays * parts - place))
    }
    let places = (0..<parts).map { part in
      (0..<arrays).map {
        (start + (part * arrays + $0) * stride).assumingMemoryBound(to: Float.self)
      }
    }
    return leastTime(parts: parts) { body(places[$0]) }
  }

  private func time(_ request: KernelRequest, isPacking: Bool) -> Double? {
    guard let kernel = try? library.kernel(for: request) else { return nil }
    guard let operands = operands(of: request, kernel) else { return nil }
    if isPacking {
      guard let packed = operands.list[0].packedParameters else { return nil }
      return leastTime(parts: 1) { _ in kernel.packParameters(operands.list[0], into: packed) }
    }
    if let packed = operands.list[0].packedParameters {
      kernel.packParameters(operands.list[0], into: packed)
    }
    if needsForward(request) {
      let forward = KernelRequest(
        request.operator, .forward, inputTypes: request.inputTypes, outputTypes: request.outputTypes)
      guard let first = try? library.kernel(for: forward), first.scratchSize <= operands.scratchSize
      else { return nil }
      for part in operands.list { first.run(part, moment, scratch: operands.scratch) }
    }
    return leastTime(parts: operands.list.count) {
      kernel.run(operands.list[$0], moment, scratch: operands.scratch)
    }
  }

  /// Whether the backward operation follows places that the forward operation has noted.
  private func needsForward(_ request: KernelRequest) -> Bool {
    guard case .backward = request.step else { return false }
    return request.auxiliaryTypes.indices.contains { request.auxiliaryFormat($0) == .int32 }
  }

  // MARK: Time

  /// The least time of one call, in seconds of this thread's own: other work on the computer adds little.
  private func leastTime(parts: Int, _ body: (Int) -> Void) -> Double {
    let first = threadSeconds()
    body(0)
    let once = threadSeconds() - first
    // Of kernels that take long two parts are enough, and one of those that take very long.
    let turns = max(
      min(parts, once < 10 * Self.leastTime ? 2 : 1), min(parts, Int(Self.leastTime / max(once, 1e-9))))
    if turns > 1 { for part in 1..<turns { body(part) } }
    // Rounds so long that reading the clock does not count.
    var repetitions = max(1, Int(5e-5 / max(once * Double(turns), 1e-8)))
    var least = Double.infinity
    var rounds = 0
    let begin = threadSeconds()
    var now = begin
    repeat {
      for _ in 0..<repetitions {
        for part in 0..<turns { body(part) }
      }
      let end = threadSeconds()
      let spent = end - now
      now = end
      // The first call may have taken long by chance, and rounds be too short for the clock: even nothing.
      if spent < 1e-5, repetitions < Self.mostRepetitions {
        repetitions *= 2
      } else {
        least = min(least, max(spent, 1e-9) / Double(turns * repetitions))
        rounds += 1
      }
    } while rounds == 0 || now - begin < Self.leastTime
      || (rounds < 3 && now - begin < 3 * Self.leastTime)
    return least
  }

  // MARK: Operands

  private struct Operands {
    var list: [KernelOperands]
    let scratch: UnsafeMutableRawPointer
    let scratchSize: Int
  }

  private func operands(of request: KernelRequest, _ kernel: any PreparedKernel) -> Operands? {
    var used = Region.allCases.map(\.range.lowerBound)
    func take(_ bytes: Int, _ region: Region) -> UnsafeMutableRawPointer? {
      let place = used[region.rawValue]
      used[region.rawValue] += aligned(max(bytes, 64))
      return used[region.rawValue] <= region.range.upperBound ? memory + place : nil
    }
    func bytes(_ type: TensorType, _ format: OperandFormat) -> Int { type.elementCount * format.size }
    func read(_ type: TensorType, _ format: OperandFormat, _ region: Region) -> UnsafeMutableRawPointer? {
      if case .scalar = format { return take(bytes(type, format), region) }
      return take(bytes(type, format), .zero)
    }
    let number = OperandFormat.scalar(.float32)
    let firstParameter = request.operator.firstParameter
    var isBackward = false
    var results: [Int] = []
    switch request.step {
    case .backward(let operation):
      results = operation.inputs
      isBackward = true
    case .backwardStatistics: isBackward = true
    case .forward, .forwardStatistics: break
    }
    let inputs = Array(request.inputTypes.indices)
    let shared = inputs.map { index in
      index < firstParameter ? nil : read(request.inputTypes[index], request.inputFormat(index), .positive)
    }
    let scratchSize = kernel.scratchSize + (8 << 20)
    let sharedResults = results.map { input in
      input < firstParameter ? nil : take(bytes(request.inputTypes[input], number), .result)
    }
    guard let scratch = take(scratchSize, .result),
      let statistics = take(4 * request.statisticsElementCount, isBackward ? .positive : .result),
      let packed = take(kernel.packedSize, .result)
    else { return nil }
    // The sums of a batch normalisation that is not their kernel are read.
    let sums = request.step == .forward ? take(4 * request.statisticsElementCount, .positive) : statistics
    let outputs = request.outputTypes.reduce(0) { $0 + bytes($1, number) }
    let each =
      inputs.filter { $0 < firstParameter }.reduce(0) {
        $0 + bytes(request.inputTypes[$1], request.inputFormat($1))
      } + outputs * (isBackward ? 2 : 1)
      + results.filter { $0 < firstParameter }.reduce(0) { $0 + bytes(request.inputTypes[$1], number) }
      + request.auxiliaryTypes.indices.reduce(0) {
        $0 + bytes(request.auxiliaryTypes[$1], request.auxiliaryFormat($1))
      }
    let parts = max(1, min(Self.partLimit, Self.footprint / max(each, 1)))
    let needsForward = needsForward(request)
    var list: [KernelOperands] = []
    for _ in 0..<parts {
      var operands = KernelOperands(
        statistics: sums, packedParameters: kernel.packedSize > 0 ? packed : nil)
      operands.inputs = inputs.map { index in
        shared[index] ?? read(request.inputTypes[index], request.inputFormat(index), .signed)
      }
      operands.outputs = request.outputTypes.map {
        take(bytes($0, number), isBackward && !needsForward ? .signed : .result)
      }
      operands.outputErrors =
        isBackward ? request.outputTypes.map { take(bytes($0, number), .signed) } : []
      operands.auxiliaries = request.auxiliaryTypes.indices.map { index in
        let (type, format) = (request.auxiliaryTypes[index], request.auxiliaryFormat(index))
        return isBackward && !needsForward
          ? read(type, format, .positive) : take(bytes(type, format), .result)
      }
      operands.results = zip(results, sharedResults).map { input, result in
        result ?? take(bytes(request.inputTypes[input], number), .result)
      }
      list.append(operands)
    }
    guard Region.allCases.allSatisfy({ used[$0.rawValue] <= $0.range.upperBound }) else { return nil }
    return Operands(list: list, scratch: scratch, scratchSize: scratchSize)
  }

  private func aligned(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
}

extension Operator {
  /// The first input that all parts of a batch share; past the last where there is none.
  var firstParameter: Int {
    switch self {
    case .convolution, .dense, .batchNormalization, .layerNormalization, .embedding: 1
    case .matrixMultiplication(let rules): rules.right == .parameter ? 1 : 2
    default: Int.max
    }
  }
}

/// The seconds of a steady clock.
func steadySeconds() -> Double { Double(SteadyClock.now()) * 1e-9 }

/// The seconds that this thread has computed.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Adds numbers to others, as gradients of several cells are.
@inline(never)
private func addFloats(
  _ addends: UnsafeMutablePointer<Float>, to sums: UnsafeMutablePointer<Float>, _ count: Int
) {
  for place in 0..<count { sums[place] += addends[place] }
}
