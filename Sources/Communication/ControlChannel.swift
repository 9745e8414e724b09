internal import CTransport
internal import Glibc

/// One end of the socket between the coordinator and a rank: whole messages over a stream, never waiting.
struct ControlChannel {
  /// The socket, -1 once it is closed.
  private(set) var descriptor: Int32
  private var outgoing: [UInt8] = []
  private var sentCount = 0
  private var incoming: [UInt8] = []
  private var takenCount = 0

  init(descriptor: Int32) { self.descriptor = descriptor }

  /// Whether the other side may still be there.
  var isOpen: Bool { descriptor >= 0 }

  /// Whether bytes wait until the socket has room.
  var hasUnsent: Bool { isOpen && sentCount < outgoing.count }

  /// Appends a message and sends what fits now.
  mutating func send(_ message: [UInt8]) {
    precondition(message.count <= Int(UInt32.max), "a message of \(message.count) bytes")
    guard isOpen else { return }
    for shift in stride(from: 0, to: 32, by: 8) {
      outgoing.append(UInt8(truncatingIfNeeded: message.count >> shift))
    }
    outgoing.append(contentsOf: message)
    flush()
  }

  /// Sends what fits now.
  mutating func flush() {
    while hasUnsent {
      let count = outgoing.withUnsafeBytes { bytes in
        transport_write(descriptor, bytes.baseAddress.map { $0 + sentCount }, bytes.count - sentCount)
      }
      if count < 0 { close() }
      if count <= 0 { return }
      sentCount += Int(count)
    }
    outgoing.removeAll(keepingCapacity: true)
    sentCount = 0
  }

  /// Takes in what is there; false once the other side is gone and everything was taken.
  mutating func receive() -> Bool {
    let size = 64 << 10
    while isOpen {
      var count: Int64 = 0
      let start = incoming.count
      incoming.append(contentsOf: repeatElement(0, count: size))
      incoming.withUnsafeMutableBytes { bytes in
        count = transport_read(descriptor, bytes.baseAddress.map { $0 + start }, size)
      }
      incoming.removeLast(size - Int(max(0, count)))
      if count < 0 { return false }
      if count == 0 { return true }
    }
    return false
  }

  /// The next whole message that was taken in.
  mutating func nextMessage() -> [UInt8]? {
    let header = 4
    guard incoming.count - takenCount >= header else { return nil }
    let size = (0..<header).reduce(0) { $0 | Int(incoming[takenCount + $1]) << (8 * $1) }
    guard incoming.count - takenCount >= header + size else { return nil }
    let start = takenCount + header
    defer {
      takenCount = start + size
      if takenCount == incoming.count {
        incoming.removeAll(keepingCapacity: true)
        takenCount = 0
      } else if takenCount > 1 << 20 {
        incoming.removeFirst(takenCount)
        takenCount = 0
      }
    }
    return Array(incoming[start..<start + size])
  }

  /// Closes the socket.
  mutating func close() {
    if isOpen { _ = Glibc.close(descriptor) }
    descriptor = -1
  }
}
