public import Kernels

extension TrainingRequest.Kernels {
  /// The kernels on some threads.
  ///
  /// - Parameters:
  ///   - threads: How many threads one call may use.
  ///   - paths: Where oneDNN's library may lie; where it is empty, the usual places.
  public func library(threads: Int, paths: [String] = []) -> any KernelLibrary {
    switch self {
    case .reference: ReferenceKernelLibrary()
    case .onednn:
      paths.isEmpty ? FastKernelLibrary(threads: threads) : FastKernelLibrary(threads: threads, paths: paths)
    }
  }
}
