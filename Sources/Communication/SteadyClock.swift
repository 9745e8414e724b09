internal import CTransport

/// A clock that goes forward at one pace, whatever is done to the time of day.
public enum SteadyClock {
  /// The nanoseconds since some moment before the process began.
  public static func now() -> UInt64 { transport_now() }
}
