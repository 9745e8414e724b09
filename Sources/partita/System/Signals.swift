import Glibc

/// What the process does when it is interrupted, or finds a fault of its own.
///
/// Handlers call only what POSIX allows in them: `unlink`, `write` and `_exit`.
enum Signals {
  /// The file to remove on an interrupt.
  ///
  /// Only the main thread sets it, and a handler only reads it.
  nonisolated(unsafe) private static var temporary: UnsafeMutablePointer<CChar>?

  /// Installs all handlers.
  static func install() {
    // A closed pipe is noticed where it is written to.
    signal(SIGPIPE, SIG_IGN)
    handle(SIGINT) { _ in Signals.leave(130) }
    handle(SIGTERM) { _ in Signals.leave(143) }
    installAlternateStack()
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT] {
      handle(number) { _ in
        Signals.message.withUTF8Buffer { _ = Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
        Signals.leave(70)
      }
    }
  }

  /// Names a file that an interrupt removes.
  static func removeOnInterrupt(_ path: String) {
    keepOnInterrupt()
    temporary = strdup(path)
  }

  /// Forgets the file.
  static func keepOnInterrupt() {
    let path = temporary
    temporary = nil
    free(path)
  }

  private static let message: StaticString =
    "partita: a fault of Partita itself; please report it with the command and its input files\n"

  private static func leave(_ code: Int32) {
    if let temporary { unlink(temporary) }
    _exit(code)
  }

  private static func handle(_ number: Int32, _ handler: @escaping @convention(c) (Int32) -> Void) {
    var action = sigaction()
    action.__sigaction_handler.sa_handler = handler
    action.sa_flags = SA_ONSTACK
    sigaction(number, &action, nil)
  }

  /// Gives handlers a stack of their own, since the ordinary one may be what overflowed.
  private static func installAlternateStack() {
    let size = 1 << 16
    var stack = stack_t()
    stack.ss_sp = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    stack.ss_size = size
    sigaltstack(&stack, nil)
  }
}
