internal import Glibc

/// Elements that one thread puts in and another waits for.
final class Mailbox<Element: Sendable>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private let news: UnsafeMutablePointer<pthread_cond_t>
  private var elements: [Element] = []
  private var first = 0
  private var isClosed = false

  init() {
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
  func put(_ element: Element) {
    pthread_mutex_lock(mutex)
    elements.append(element)
    pthread_cond_broadcast(news)
    pthread_mutex_unlock(mutex)
  }

  /// Says that no element follows.
  func close() {
    pthread_mutex_lock(mutex)
    isClosed = true
    pthread_cond_broadcast(news)
    pthread_mutex_unlock(mutex)
  }

  /// The oldest element; waits for one, and returns nil when none follows.
  func next() -> Element? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while first == elements.count && !isClosed { pthread_cond_wait(news, mutex) }
    return takeFirst()
  }

  /// The oldest element, or nil where there is none now.
  func nextIfPresent() -> Element? {
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

/// Runs the body on a thread of its own; says whether there is one.
func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
  final class Body: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
  var thread = pthread_t()
  let context = Unmanaged.passRetained(Body(body))
  let code = pthread_create(
    &thread, nil,
    { context in
      guard let context else { return nil }
      Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
      return nil
    }, context.toOpaque())
  guard code == 0 else {
    context.release()
    return false
  }
  pthread_detach(thread)
  return true
}
