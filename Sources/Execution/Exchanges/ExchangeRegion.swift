import Plans

extension ExchangeProgram {
  /// Places in one buffer, in the order in which their elements travel.
  struct Region {
    let buffer: Buffer
    let strips: [Holding.Strip]

    init(_ buffer: Buffer, _ strips: [Holding.Strip]) {
      self.buffer = buffer
      self.strips = Self.joined(strips)
    }

    /// One strip.
    init(_ buffer: Buffer, offset: Int, count: Int) {
      self.init(buffer, [Holding.Strip(offset: offset, count: count)])
    }

    /// The elements in it.
    var count: Int { strips.reduce(0) { $0 + $1.count } }

    /// Where it begins, if it is one strip.
    var start: Place? { strips.count == 1 ? Place(buffer: buffer, offset: strips[0].offset) : nil }

    /// Strips without the empty ones, those that follow each other joined.
    static func joined(_ strips: [Holding.Strip]) -> [Holding.Strip] {
      var joined: [Holding.Strip] = []
      for strip in strips where strip.count > 0 {
        if let last = joined.last, last.offset + last.count == strip.offset {
          joined[joined.count - 1] = Holding.Strip(offset: last.offset, count: last.count + strip.count)
        } else {
          joined.append(strip)
        }
      }
      return joined
    }

    /// Calls `body` with the longest strips that stay together on both sides.
    static func forEachCommonStrip(
      _ left: [Holding.Strip], _ right: [Holding.Strip],
      _ body: (_ left: Int, _ right: Int, _ count: Int) -> Void
    ) {
      var (leftIndex, rightIndex, leftDone, rightDone) = (0, 0, 0, 0)
      while leftIndex < left.count, rightIndex < right.count {
        let (one, other) = (left[leftIndex], right[rightIndex])
        let count = min(one.count - leftDone, other.count - rightDone)
        body(one.offset + leftDone, other.offset + rightDone, count)
        leftDone += count
        rightDone += count
        if leftDone == one.count { (leftIndex, leftDone) = (leftIndex + 1, 0) }
        if rightDone == other.count { (rightIndex, rightDone) = (rightIndex + 1, 0) }
      }
      precondition(leftIndex == left.count && rightIndex == right.count, "strips of unequal length")
    }
  }
}
