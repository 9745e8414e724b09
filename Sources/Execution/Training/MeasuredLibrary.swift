import Kernels
import Synchronization

/// The kernels of a library, and what the process grows by while it makes them.
final class MeasuredLibrary: KernelLibrary {
  private let library: any KernelLibrary
  private let growth = Mutex(0)

  init(_ library: any KernelLibrary) { self.library = library }

  var name: String { library.name }
  var description: String { library.description }
  var channelBlock: Int? { library.channelBlock }
  func wantsChannelBlocks(_ request: KernelRequest) -> (input: Bool, output: Bool) {
    library.wantsChannelBlocks(request)
  }
  /// The bytes by which the process has grown: generated code and tables.
  var bytes: Int { growth.withLock { $0 } }

  func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel {
    let before = ProcessMemory.privateBytes()
    let kernel = try library.kernel(for: request)
    let grown = ProcessMemory.privateBytes() - before
    growth.withLock { $0 += max(0, grown) }
    return kernel
  }
}
