internal import Glibc

/// Elements that one thread puts in and another waits for.
public final class Mailbox<Element: Sendable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let news: UnsafeMutablePointer<pthread_cond_t>
  private var elements: [Element] = []
  private var first = 0
  private var isClosed = false

  /// Makes an empty one.
  public init() {
    mutex = .allocate(capacity: 1)
    news = .allocate(capacity: 1)
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(news, nil)
  }

  deinit {
    pthread_cond_destroy(news)
    pthread_mutex_destroy(mutex)
    news.deallocate()
    mutex.deallocate()
  }

  /// Puts an element in.
  public func put(_ element: Element) {
    pthread_mutex_lock(mutex)
    elements.append(element)
    pthread_cond_broadcast(news)
    pthread_mutex_unlock(mutex)
  }

  /// Says that no element follows.
  public func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(news)
    pthread_mutex_unlock(mutex)
  }

  /// The oldest element; waits for one, and returns nil when none follows.
  public func next() -> Element? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while first == elements.count && !isClosed { pthread_cond_wait(news, mutex) }
    return takeFirst()
  }

  /// The oldest element, or nil where there is none now.
  public func nextIfPresent() -> Element? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return takeFirst()
  }

  private func takeFirst() -> Element? {
    guard first < elements.count else { return nil }
    defer {
      first += 1
      if first == elements.count {
        elements.removeAll(keepingCapacity: true)
        first = 0
      }
    }
    return elements[first]
  }
}
