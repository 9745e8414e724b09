/// A place in the memory of a rank: a buffer and an offset in bytes.
struct BufferReference: Hashable, Sendable {
  /// The buffer's index in the ``MemoryBook``.
  let buffer: Int
  /// Bytes from its beginning.
  var offset = 0

  /// A place some bytes further.
  func advanced(by bytes: Int) -> BufferReference { BufferReference(buffer: buffer, offset: offset + bytes) }
}

/// Every buffer of a rank's program, with the instructions between which it must be kept.
struct MemoryBook: Sendable {
  /// One buffer.
  struct Buffer: Hashable, Sendable {
    /// Bytes.
    var size: Int
    /// The first instruction that touches it, or nil while none does.
    var first: Int?
    /// The last instruction that touches it.
    var last: Int
    /// Whether it lives from step to step: parameters and states.
    let isPersistent: Bool
    /// Whether other ranks read it where it lies.
    var isShared = false
  }

  private(set) var buffers: [Buffer] = []

  /// Adds a buffer.
  mutating func add(size: Int, isPersistent: Bool = false) -> BufferReference {
    buffers.append(Buffer(size: size, first: nil, last: 0, isPersistent: isPersistent))
    return BufferReference(buffer: buffers.count - 1)
  }

  /// Makes a buffer at least so large.
  mutating func grow(_ reference: BufferReference, to size: Int) {
    buffers[reference.buffer].size = max(buffers[reference.buffer].size, size)
  }

  /// Notes that an instruction touches a buffer.
  mutating func touch(_ reference: BufferReference, at instruction: Int) {
    let first = buffers[reference.buffer].first ?? instruction
    buffers[reference.buffer].first = min(first, instruction)
    buffers[reference.buffer].last = max(buffers[reference.buffer].last, instruction)
  }

  /// Notes that other ranks read a buffer where it lies.
  mutating func share(_ reference: BufferReference) { buffers[reference.buffer].isShared = true }
}

/// Where each buffer lies: persistent ones one behind the other, the others so that two that live at the same
/// time never overlap.
///
/// There are two areas, one for the buffers that other ranks read and one for all else, each with its own
/// offsets. The largest buffers are placed first, each at the lowest place that is free during its life.
struct ArenaPlan: Hashable, Sendable {
  /// For each buffer its offset in its area, in bytes.
  let offsets: [Int]
  /// The bytes of the persistent buffers that no other rank reads, which lie first.
  let persistentSize: Int
  /// The bytes that no other rank reads.
  let size: Int
  /// The bytes that other ranks read.
  let sharedSize: Int

  /// What buffers are aligned to: a cache line, and the widest vector.
  static let alignment = 64

  init(_ book: MemoryBook) {
    var offsets = [Int](repeating: 0, count: book.buffers.count)
    (persistentSize, size) = Self.place(book.buffers, isShared: false, &offsets)
    (_, sharedSize) = Self.place(book.buffers, isShared: true, &offsets)
    self.offsets = offsets
  }

  /// Places the buffers of one area.
  private static func place(
    _ buffers: [MemoryBook.Buffer], isShared: Bool, _ offsets: inout [Int]
  ) -> (persistentSize: Int, size: Int) {
    func aligned(_ size: Int) -> Int { (size + alignment - 1) / alignment * alignment }
    let own = buffers.indices.filter { buffers[$0].isShared == isShared }
    var persistentSize = 0
    for index in own where buffers[index].isPersistent {
      offsets[index] = persistentSize
      persistentSize += aligned(buffers[index].size)
    }
    var end = persistentSize
    let passing = own.filter {
      !buffers[$0].isPersistent && buffers[$0].first != nil && buffers[$0].size > 0
    }
    var placed: [(range: Range<Int>, first: Int, last: Int)] = []
    for index in passing.sorted(by: { (buffers[$1].size, $0) < (buffers[$0].size, $1) }) {
      let buffer = buffers[index]
      let first = buffer.first ?? 0
      let size = aligned(buffer.size)
      let meeting = placed.filter { $0.first <= buffer.last && first <= $0.last }
        .sorted { $0.range.lowerBound < $1.range.lowerBound }
      var start = persistentSize
      for other in meeting where other.range.lowerBound < start + size && start < other.range.upperBound {
        start = other.range.upperBound
      }
      offsets[index] = start
      placed.append((start..<start + size, first, buffer.last))
      end = max(end, start + size)
    }
    return (persistentSize, end)
  }
}
