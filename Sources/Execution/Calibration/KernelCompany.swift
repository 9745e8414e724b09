import Communication
import Glibc
import Kernels
import Synchronization

/// Threads that run what is measured as well, each over memory of its own: the company that ranks are to each
/// other in a step.
///
/// They sleep while nothing is to be run.
final class KernelCompany: Sendable {
  /// What the threads are told, and what they tell.
  private struct State {
    /// What they are to run; nil at the end.
    var subject: KernelBench.Subject?
    /// The bytes that its parts fill.
    var footprint: Int?
    /// How many have prepared it.
    var readyCount = 0
    /// How many have stopped running it.
    var restingCount = 0
  }

  /// How many threads there are.
  let count: Int
  private let members: [Member]
  private let state: Mutex<State>
  /// Whether the threads go on.
  private let isRunning = Atomic<Bool>(false)

  /// Begins threads; nil where there is no memory for them, or the system begins no more.
  init?(_ library: any KernelLibrary, count: Int) {
    self.count = count
    state = Mutex(State())
    members = (0..<count).compactMap { _ in KernelBench(library).map(Member.init) }
    guard members.count == count else { return nil }
    for (index, member) in members.enumerated() {
      guard startThread({ self.work(member) }) else {
        for earlier in members[..<index] { earlier.wake() }
        return nil
      }
    }
  }

  /// Runs `body` while all threads run `subject`.
  func during<Result>(
    _ subject: KernelBench.Subject, footprint: Int?, _ body: () -> Result
  ) -> Result {
    isRunning.store(true, ordering: .releasing)
    state.withLock { $0 = State(subject: subject, footprint: footprint) }
    for member in members { member.wake() }
    while state.withLock({ $0.readyCount }) < count { sched_yield() }
    let result = body()
    isRunning.store(false, ordering: .releasing)
    while state.withLock({ $0.restingCount }) < count { sched_yield() }
    return result
  }

  /// Ends the threads.
  func end() {
    state.withLock { $0.subject = nil }
    for member in members { member.wake() }
  }

  /// What the thread of a member does: it runs what it is told until it is told nothing.
  private func work(_ member: Member) {
    while true {
      member.sleep()
      let told = state.withLock { $0 }
      guard let subject = told.subject else { return }
      let loop = member.bench.prepare(subject, footprint: told.footprint)
      loop?.body(0)
      state.withLock { $0.readyCount += 1 }
      if let loop {
        var part = 0
        while isRunning.load(ordering: .acquiring) {
          loop.body(part)
          part = part + 1 < loop.parts ? part + 1 : 0
        }
      }
      state.withLock { $0.restingCount += 1 }
    }
  }

  /// The memory of a thread, and what wakes it.
  ///
  /// The memory is used by its thread alone.
  private final class Member: @unchecked Sendable {
    let bench: KernelBench
    private let calls: UnsafeMutablePointer<sem_t>

    init(bench: KernelBench) {
      self.bench = bench
      calls = .allocate(capacity: 1)
      sem_init(calls, 0, 0)
    }

    deinit {
      sem_destroy(calls)
      calls.deallocate()
    }

    func wake() { sem_post(calls) }

    /// Sleeps until the next call; a signal is none.
    func sleep() {
      while sem_wait(calls) != 0 {}
    }
  }
}
