import Communication
import Glibc
import Kernels
import Synchronization

/// Threads that run what is measured as well, each over memory of its own: the company that ranks are to each
/// other in a step.
final class KernelCompany: Sendable {
  /// What the threads are told, and what they tell.
  private struct State {
    /// What they are to run; nil where nothing is.
    var subject: KernelBench.Subject?
    /// The bytes that its parts fill.
    var footprint: Int?
    /// Counts what they were told.
    var turn = 0
    /// How many have prepared it.
    var readyCount = 0
    /// How many have stopped running it.
    var restingCount = 0
    var isEnded = false
  }

  /// How many threads there are.
  let count: Int
  private let state = Mutex(State())
  /// Whether the threads go on.
  private let isRunning = Atomic<Bool>(false)

  /// Begins threads; nil where there is no memory for them.
  init?(_ library: any KernelLibrary, count: Int) {
    self.count = count
    let benches = (0..<count).compactMap { _ in KernelBench(library) }
    guard benches.count == count else { return nil }
    for bench in benches {
      let member = Unmanaged.passRetained(Member(company: self, bench: bench))
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { argument in
          guard let argument else { return nil }
          Unmanaged<Member>.fromOpaque(argument).takeRetainedValue().work()
          return nil
        }, member.toOpaque())
      guard code == 0 else {
        member.release()
        end()
        return nil
      }
      pthread_detach(thread)
    }
  }

  /// Runs `body` while all threads run `subject`.
  func during<Result>(
    _ subject: KernelBench.Subject, footprint: Int?, _ body: () -> Result
  ) -> Result {
    isRunning.store(true, ordering: .releasing)
    state.withLock { state in
      state.subject = subject
      state.footprint = footprint
      state.turn += 1
      state.readyCount = 0
      state.restingCount = 0
    }
    while state.withLock({ $0.readyCount }) < count { sched_yield() }
    let result = body()
    isRunning.store(false, ordering: .releasing)
    while state.withLock({ $0.restingCount }) < count { sched_yield() }
    return result
  }

  /// Ends the threads.
  func end() { state.withLock { $0.isEnded = true } }

  private final class Member {
    let company: KernelCompany
    let bench: KernelBench

    init(company: KernelCompany, bench: KernelBench) {
      self.company = company
      self.bench = bench
    }

    func work() {
      var seen = 0
      while true {
        let told = company.state.withLock { $0 }
        if told.isEnded { return }
        guard told.turn != seen, let subject = told.subject else {
          usleep(20)
          continue
        }
        seen = told.turn
        let loop = bench.prepare(subject, footprint: told.footprint)
        if let loop { loop.body(0) }
        company.state.withLock { $0.readyCount += 1 }
        if let loop {
          var part = 0
          while company.isRunning.load(ordering: .acquiring) {
            loop.body(part)
            part = part + 1 < loop.parts ? part + 1 : 0
          }
        }
        company.state.withLock { $0.restingCount += 1 }
      }
    }
  }
}
