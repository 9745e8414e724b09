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
    /// The sum of some lists of so many numbers each.
    case sum(Int, addends: Int = 2)
    /// Updating so many numbers.
    case update(Optimizer, Int)
  }

  /// The parts over which a kernel runs in turn: those of the default grid.
  private static let partLimit = 16
  /// The same where the footprint of a step is given, since many small tensors fill it.
  private static let footprintPartLimit = 64
  /// The most bytes over which the cells of a batch take turns: more than caches hold, so that sixteen large
  /// parts come from the memory, as in a step.
  private static let cellFootprint = 128 << 20
  /// Parts of one kernel take turns for at least so long, in seconds.
  private static let leastTime = 1e-3
  /// The time in which all parts may take their turn, in seconds: of those that fill a footprint longer.
  private static let longestTurn = (cells: 2e-3, footprint: 6e-3)
  /// The most calls of a round.
  private static let mostRepetitions = 1 << 20

  /// The bytes of memory that the largest kernels fill.
  static var size: Int { Region.result.range.upperBound }

  private let library: any KernelLibrary
  private let reserved: AnonymousMemory
  private var memory: UnsafeMutableRawPointer { reserved.start }
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
      case .signed: 0..<192 << 20
      case .positive: 192 << 20..<512 << 20
      case .zero: 512 << 20..<544 << 20
      case .result: 544 << 20..<1088 << 20
      }
    }
  }

  /// Where each region has been filled so far: memory that no kernel needs is never touched.
  private var filled = Region.allCases.map(\.range.lowerBound)
  private var state: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Reserves memory, or returns nil where there is none.
  init?(_ library: any KernelLibrary) {
    self.library = library
    // As a rank's own memory.
    guard let reserved = AnonymousMemory(byteCount: Self.size) else { return nil }
    self.reserved = reserved
  }

  /// Fills a region up to some place.
  private func fill(_ region: Region, to end: Int) {
    let start = filled[region.rawValue]
    guard end > start else { return }
    filled[region.rawValue] = end
    guard region == .signed || region == .positive else {
      memset(memory + start, 0, end - start)
      return
    }
    let numbers = memory.assumingMemoryBound(to: Float.self)
    for place in start / 4..<end / 4 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let number = Float(state >> 40) / Float(1 << 23) - 1
      numbers[place] = region == .signed ? number : 1.5 + 0.5 * number
    }
  }

  /// A kernel that is ready to run over its parts.
  struct Loop {
    /// Over how many parts it runs in turn.
    let parts: Int
    /// The time in which all of them may take their turn, in seconds.
    let longestTurn: Double
    /// Runs it over one part.
    let body: (Int) -> Void
  }

  /// What is measured, on activations that lie as they do between convolutions.
  func carried(_ subject: Subject) -> Subject {
    switch subject {
    case .kernel(let request): .kernel(request.carried(by: library))
    case .packing(let request): .packing(request.carried(by: library))
    case .sum, .update: subject
    }
  }

  /// The seconds of one call; nil where the kernel does not exist or its operands are too large.
  func time(_ subject: Subject) -> Double? { prepare(subject).map { time($0) } }

  /// Lays out a kernel's operands; nil where the kernel does not exist or its operands are too large.
  ///
  /// What was prepared before may no longer run.
  ///
  /// - Parameter footprint: The bytes that its parts fill together, as far as ``footprintPartLimit`` parts
  ///   do; one part where it is larger. Nil for as many parts as a grid has cells.
  func prepare(_ subject: Subject, footprint: Int? = nil) -> Loop? {
    switch subject {
    case .kernel(let request): return prepare(request, isPacking: false, footprint)
    case .packing(let request): return prepare(request, isPacking: true, footprint)
    case .sum(let count, let addends):
      return lists(count, addends, footprint).map { parts in
        // As a rank's stack of cells: the uppermost sum comes first, and the lowest takes them all.
        let sums = parts.map { lists in
          (addends: lists.reversed().map { UnsafeRawPointer($0) }, target: UnsafeMutableRawPointer(lists[0]))
        }
        return Loop(parts: parts.count, longestTurn: longestTurn(footprint)) { part in
          OrderedSum.float32(sums[part].addends, to: sums[part].target, count: count)
        }
      }
    case .update(let optimizer, let count):
      return lists(count, 2 + optimizer.stateCount, footprint).map { parts in
        Loop(parts: parts.count, longestTurn: longestTurn(footprint)) { part in
          optimizer.update(
            parameter: parts[part][0], gradient: UnsafePointer(parts[part][1]),
            states: Array(parts[part][2...]), count: count, step: 1)
        }
      }
    }
  }

  /// For each part some lists of so many numbers; nil where there is no room for them.
  private func lists(
    _ count: Int, _ listCount: Int, _ footprint: Int?
  ) -> [[UnsafeMutablePointer<Float>]]? {
    let stride = aligned(count * 4)
    let parts = partCount(of: stride * listCount, footprint)
    let size = stride * listCount * parts
    guard size <= Region.result.range.count else { return nil }
    let start = memory + Region.result.range.lowerBound
    let block = 1 << 20
    fill(.positive, to: Region.positive.range.lowerBound + block)
    for place in Swift.stride(from: 0, to: size, by: block) {
      memcpy(start + place, memory + Region.positive.range.lowerBound, min(block, size - place))
    }
    return (0..<parts).map { part in
      (0..<listCount).map {
        (start + (part * listCount + $0) * stride).assumingMemoryBound(to: Float.self)
      }
    }
  }

  /// How many parts of some bytes take turns.
  private func partCount(of bytes: Int, _ footprint: Int?) -> Int {
    guard let footprint else { return max(1, min(Self.partLimit, Self.cellFootprint / max(bytes, 1))) }
    return max(1, min(Self.footprintPartLimit, footprint / max(bytes, 1)))
  }

  private func longestTurn(_ footprint: Int?) -> Double {
    footprint == nil ? Self.longestTurn.cells : Self.longestTurn.footprint
  }

  private func prepare(_ request: KernelRequest, isPacking: Bool, _ footprint: Int?) -> Loop? {
    guard let kernel = try? library.kernel(for: request) else { return nil }
    guard let operands = operands(of: request, kernel, footprint) else { return nil }
    if isPacking {
      guard let packed = operands.list[0].packedParameters else { return nil }
      return Loop(parts: 1, longestTurn: longestTurn(footprint)) { _ in
        kernel.packParameters(operands.list[0], into: packed)
      }
    }
    if let packed = operands.list[0].packedParameters {
      kernel.packParameters(operands.list[0], into: packed)
    }
    if needsForward(request) {
      let forward = KernelRequest(
        request.operator, .forward, inputTypes: request.inputTypes, outputTypes: request.outputTypes,
        inputMemoryFormat: request.inputMemoryFormat, outputMemoryFormat: request.outputMemoryFormat)
      guard let first = try? library.kernel(for: forward), first.scratchSize <= operands.scratchSize
      else { return nil }
      for part in operands.list { first.run(part, moment, scratch: operands.scratch) }
    }
    return Loop(parts: operands.list.count, longestTurn: longestTurn(footprint)) { [moment] part in
      kernel.run(operands.list[part], moment, scratch: operands.scratch)
    }
  }

  /// Whether the backward operation follows places that the forward operation has noted.
  private func needsForward(_ request: KernelRequest) -> Bool {
    guard case .backward = request.step else { return false }
    return request.auxiliaryTypes.indices.contains { request.auxiliaryFormat($0) == .int32 }
  }

  // MARK: Time

  /// The time of one call, in seconds of this thread's own: other work on the computer adds little.
  ///
  /// It is the median of several rounds, and the mean of one where a round takes long.
  func time(_ loop: Loop) -> Double {
    let (parts, body) = (loop.parts, loop.body)
    let first = threadSeconds()
    body(0)
    let once = threadSeconds() - first
    // All parts take turns, unless that takes too long; of kernels that take long two are enough, and one of
    // those that take very long.
    let turns = max(
      min(parts, once < 10 * Self.leastTime ? 2 : 1), min(parts, Int(loop.longestTurn / max(once, 1e-9))))
    if turns > 1 { for part in 1..<turns { body(part) } }
    // Rounds so long that reading the clock does not count.
    var repetitions = max(1, Int(5e-5 / max(once * Double(turns), 1e-8)))
    var rounds: [Double] = []
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
        rounds.append(max(spent, 1e-9) / Double(turns * repetitions))
      }
    } while rounds.isEmpty || now - begin < Self.leastTime
      || (rounds.count < 3 && now - begin < 3 * Self.leastTime)
    return median(rounds)
  }

  // MARK: Operands

  private struct Operands {
    var list: [KernelOperands]
    let scratch: UnsafeMutableRawPointer
    let scratchSize: Int
  }

  private func operands(
    of request: KernelRequest, _ kernel: any PreparedKernel, _ footprint: Int?
  ) -> Operands? {
    var used = Region.allCases.map(\.range.lowerBound)
    func take(_ bytes: Int, _ region: Region) -> UnsafeMutableRawPointer? {
      let place = used[region.rawValue]
      used[region.rawValue] += aligned(max(bytes, 64))
      guard used[region.rawValue] <= region.range.upperBound else { return nil }
      fill(region, to: used[region.rawValue])
      return memory + place
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
    let parts = partCount(of: each, footprint)
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
