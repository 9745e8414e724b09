import Glibc
import Graphs
import Kernels
import Synchronization
import Testing

@testable import Execution

/// The reference kernels, and how often one ran.
private final class CountedLibrary: KernelLibrary {
  let runCount = Mutex(0)
  private let reference = ReferenceKernelLibrary()

  var name: String { reference.name }
  var description: String { reference.description }
  var channelBlock: Int? { reference.channelBlock }

  func wantsChannelBlocks(_ request: KernelRequest) -> (input: Bool, output: Bool) {
    reference.wantsChannelBlocks(request)
  }

  func kernel(for request: KernelRequest) throws(UnrunnableNode) -> any PreparedKernel {
    CountedKernel(kernel: try reference.kernel(for: request), library: self)
  }
}

private final class CountedKernel: PreparedKernel {
  private let kernel: any PreparedKernel
  private let library: CountedLibrary

  init(kernel: any PreparedKernel, library: CountedLibrary) {
    self.kernel = kernel
    self.library = library
  }

  var scratchSize: Int { kernel.scratchSize }

  func run(_ operands: KernelOperands, _ moment: KernelMoment, scratch: UnsafeMutableRawPointer?) {
    library.runCount.withLock { $0 += 1 }
    kernel.run(operands, moment, scratch: scratch)
  }
}

@Suite struct KernelCompanyTests {
  private let subject = KernelBench.Subject.kernel(
    KernelRequest(
      .activation(Activation(.relu)), .forward, inputTypes: [TensorType(.float32, [8])],
      outputTypes: [TensorType(.float32, [8])]))

  // Threads that ran the kernel once alone would never come beyond three runs each time.
  @Test(.timeLimit(.minutes(1))) func threadsRunTheKernelDuringTheBodyAndOnlyThen() throws {
    let library = CountedLibrary()
    func runs() -> Int { library.runCount.withLock { $0 } }
    let company = try #require(KernelCompany(library, count: 3))
    defer { company.end() }
    for _ in 0..<2 {
      let before = runs()
      company.during(subject, footprint: nil) {
        while runs() < before + 100 { sched_yield() }
      }
      let after = runs()
      usleep(20_000)
      #expect(runs() == after)
    }
  }

  @Test func companyOfNobodyIsNoHindrance() throws {
    let company = try #require(KernelCompany(ReferenceKernelLibrary(), count: 0))
    #expect(company.during(subject, footprint: 1 << 20) { 7 } == 7)
  }
}
