import Graphs
import Synchronization

/// Which code computes an operation of ``FastKernelLibrary``.
public enum KernelSource: String, Hashable, Sendable {
  /// The oneDNN library.
  case oneDNN
  /// Loops of our own over memory.
  case native
  /// The plainly written kernels.
  case reference
}

/// Kernels for training in earnest: weighted operators with oneDNN where it can be opened, the others with
/// loops of our own, and what neither has with the reference kernels.
///
/// A result of oneDNN depends on the operands, the processor and the number of threads of the library; that
/// of a loop of our own on the operands alone. Several threads may run kernels at once.
public final class FastKernelLibrary: KernelLibrary {
  /// The channels of oneDNN's blocks; nil without oneDNN, or where its convolutions want no blocks.
  public let channelBlock: Int?
  private let library: OneDNNLibrary?
  private let team: ThreadTeam
  private let reference = ReferenceKernelLibrary()
  private let kernels = Mutex<[KernelRequest: (kernel: any PreparedKernel, source: KernelSource)]>([:])

  /// Opens oneDNN where it is found.
  ///
  /// `.deps/onednn/lib` of the current folder and of the folders around the program are looked at, then the
  /// system.
  ///
  /// - Parameter threads: How many threads share the work of one kernel.
  public convenience init(threads: Int = 1) {
    self.init(threads: threads, paths: OneDNNLibrary.usualPaths())
  }

  /// Opens the first of the given files that is a oneDNN library of version 3; none where the list is empty.
  public init(threads: Int = 1, paths: [String]) {
    library = OneDNNLibrary(paths: paths, threads: threads)
    team = library?.team ?? ThreadTeam(count: threads)
    channelBlock = library?.channelBlock
  }

  /// The name on the command line.
  public var name: String { "onednn" }
  /// Whether a oneDNN library is open.
  public var hasOneDNN: Bool { library != nil }
  /// The instructions that oneDNN uses, in the words of its variable `ONEDNN_MAX_CPU_ISA`, such as `SSE41`;
  /// nil without oneDNN, or where it uses a set of another name.
  public var instructionSet: String? { library?.instructionSetWord }
  /// What computes: the library, its version and its instruction set.
  public var description: String {
    guard let library else { return "native kernels without oneDNN" }
    return "oneDNN \(library.version) (\(library.instructionSet)) and native kernels"
  }

  /// Returns whether oneDNN computes an operation of a convolution with blocks of channels.
  public func wantsChannelBlocks(_ request: KernelRequest) -> (input: Bool, output: Bool) {
    guard let library, let channelBlock, case .convolution(let rules) = request.operator else {
      return (false, false)
    }
    return library.wantsBlocks(of: channelBlock, request, rules)
  }

  /// Returns the operation, ready to run; prepared at the first request.
  public func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel {
    try entry(request).kernel
  }

  /// Returns which code computes an operation.
  ///
  /// - Throws: ``UnrunnableNode`` where the operator has no arithmetic.
  public func source(of request: KernelRequest) throws(UnrunnableNode) -> KernelSource {
    try entry(request).source
  }

  private func entry(
    _ request: KernelRequest
  ) throws(UnrunnableNode) -> (kernel: any PreparedKernel, source: KernelSource) {
    if let known = kernels.withLock({ $0[request] }) { return known }
    let entry = try prepared(request)
    // Two threads may have prepared the same kernel; both get the first.
    return kernels.withLock { kernels in
      if let known = kernels[request] { return known }
      kernels[request] = entry
      return entry
    }
  }

  private func prepared(
    _ request: KernelRequest
  ) throws(UnrunnableNode) -> (kernel: any PreparedKernel, source: KernelSource) {
    request.checkMemoryFormats(
      request.operator.memoryFormatRule(inputs: request.inputTypes, outputs: request.outputTypes))
    if request.scalar == .float32 {
      if let library, let kernel = library.kernel(for: request) { return (kernel, .oneDNN) }
      if let kernel = nativeKernel(for: request, team) { return (kernel, .native) }
    }
    return (try reference.kernel(for: request), .reference)
  }
}

extension OneDNNLibrary {
  /// The operation of a weighted operator, or nil where the library has none for it.
  fileprivate func kernel(for request: KernelRequest) -> (any PreparedKernel)? {
    let products = OneDNNMatrixKernels(library: self, request: request)
    // Whole numbers lie in memory in another way.
    guard (request.inputTypes + request.outputTypes).allSatisfy({ $0.elementCount > 0 }) else { return nil }
    let product: (any PreparedKernel)?
    switch request.operator {
    case .convolution(let rules):
      product = products.pointwiseConvolution(rules)
      if product == nil { return OneDNNConvolution(self, request, rules) }
    case .dense(let rules): product = products.dense(rules)
    case .matrixMultiplication: product = products.matrixMultiplication()
    default: return nil
    }
    if product != nil { prepareProducts() }
    return product
  }
}
