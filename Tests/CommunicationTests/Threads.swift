import Glibc
import Synchronization
import Testing

@testable import Communication

/// Threads that run one body, each with its number.
final class Threads: Sendable {
  private let count: Int
  private let results = Mailbox<(any Error)?>()

  init(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) {
    self.count = count
    for number in 0..<count {
      let results = results
      let isRunning = startThread {
        do {
          try body(number)
          results.put(nil)
        } catch {
          results.put(error)
        }
      }
      precondition(isRunning, "no thread \(number)")
    }
  }

  /// Waits until every body has returned; throws the first error.
  func join() throws {
    for _ in 0..<count {
      if let error = results.next() ?? nil { throw error }
    }
  }
}
