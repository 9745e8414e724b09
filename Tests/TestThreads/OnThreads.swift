import Communication

/// Runs a body on as many threads at once, each with its number, and waits until all have returned.
///
/// - Throws: The first error of a body.
public func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  let results = Mailbox<(any Error)?>()
  for number in 0..<count {
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
  let errors = (0..<count).compactMap { _ in results.next() ?? nil }
  if let error = errors.first { throw error }
}
