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
}

/// Where each buffer lies: persistent ones one behind the other, the others so that two that live at the same
/// time never overlap.
///
/// The largest buffers are placed first, each at the lowest place that is free during its life.
struct ArenaPlan: Hashable, Sendable {
  /// For each buffer its offset in bytes.
  let offsets: [Int]
  /// The bytes of the persistent buffers, which lie first.
  let persistentSize: Int
  /// The bytes of all.
  let size: Int

  /// What buffers are aligned to: a cache line, and the widest vector.
  static let alignment = 64

  init(_ book: MemoryBook) {
    func aligned(_ size: Int) -> Int { (size + Self.alignment - 1) / Self.alignment * Self.alignment }
    var offsets = [Int](repeating: 0, count: book.buffers.count)
    var end = 0
    for (index, buffer) in book.buffers.enumerated() where buffer.isPersistent {
      offsets[index] = end
      end += aligned(buffer.size)
    }
    persistentSize = end
    let passing = book.buffers.indices.filter {
      !book.buffers[$0].isPersistent && book.buffers[$0].first != nil && book.buffers[$0].size > 0
    }
    var placed: [(range: Range<Int>, first: Int, last: Int)] = []
    for index in passing.sorted(by: {
      (book.buffers[$1].size, $0) < (book.buffers[$0].size, $1)
    }) {
      let buffer = book.buffers[index]
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
    self.offsets = offsets
    size = end
  }
}
