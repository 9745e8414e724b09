import Graphs
import Kernels
import Synchronization
import Testing

@testable import Execution

/// The reference kernels, and how often one was asked for.
private final class CountedLibrary: KernelLibrary {
  let requestCount = Mutex(0)
  private let reference = ReferenceKernelLibrary()

  var name: String { reference.name }
  var description: String { reference.description }

  func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel {
    requestCount.withLock { $0 += 1 }
    return try reference.kernel(for: request)
  }
}

@Suite struct KernelCompanyTests {
  private let subject = KernelBench.Subject.kernel(
    KernelRequest(
      .activation(Activation(.relu)), .forward, inputTypes: [TensorType(.float32, [8])],
      outputTypes: [TensorType(.float32, [8])]))

  // Each of three threads asks for the kernel once before the body runs, and again the next time.
  @Test func allThreadsRunWhatIsMeasured() throws {
    let library = CountedLibrary()
    let company = try #require(KernelCompany(library, count: 3))
    defer { company.end() }
    for turn in 1...2 {
      let seen = company.during(subject, footprint: nil) { library.requestCount.withLock { $0 } }
      #expect(seen == 3 * turn)
    }
  }

  @Test func companyOfNobodyIsNoHindrance() throws {
    let company = try #require(KernelCompany(ReferenceKernelLibrary(), count: 0))
    #expect(company.during(subject, footprint: 1 << 20) { 7 } == 7)
  }
}
