/// Where everything lies in the memory that the ranks share.
///
/// One page of words for all, then a slot for each rank, then a ring for each ordered pair of ranks, then the
/// memory that each rank hands out with ``Transport/sharedBuffer(byteCount:)``. Pages that nobody touches
/// cost nothing, so the whole may be larger than the machine's memory.
struct ArenaLayout: Hashable, Sendable {
  /// The number of ranks.
  let rankCount: Int
  /// The bytes that one ring holds.
  let ringCapacity: Int
  /// The bytes that each rank can hand out.
  let sharedByteCount: Int

  /// Creates a layout; sizes are rounded up to whole pages.
  init(rankCount: Int, ringCapacity: Int, sharedByteCount: Int) {
    precondition(rankCount > 0, "\(rankCount) ranks")
    self.rankCount = rankCount
    self.ringCapacity = max(Self.page, ArenaLayout.rounded(ringCapacity, to: Self.page))
    self.sharedByteCount = ArenaLayout.rounded(sharedByteCount, to: Self.largePage)
  }

  /// The bytes of a page.
  static let page = 4096
  /// The bytes of a large page.
  static let largePage = 2 << 20
  /// The bytes that two processors fetch together: words of different writers keep this distance.
  static let line = 128
  /// What a rank says of itself: state, heartbeat, bell, processors.
  static let slotByteCount = 512
  /// The two positions of a ring, one line each.
  static let ringHeaderByteCount = 2 * line
  /// What stands in a ring before each message; messages begin at multiples of it.
  static let messageHeaderByteCount = 64

  /// Where a rank's slot begins.
  func slot(of rank: Int) -> Int {
    precondition(rank >= 0 && rank < rankCount, "rank \(rank) of \(rankCount)")
    return Self.page + rank * Self.slotByteCount
  }

  /// Where the ring from one rank to another begins.
  func ring(from sender: Int, to receiver: Int) -> Int {
    precondition(max(sender, receiver) < rankCount && min(sender, receiver) >= 0)
    return ringStart + (sender * rankCount + receiver) * ringStride
  }

  /// Where the memory that a rank hands out begins.
  func sharedMemory(of rank: Int) -> Int {
    Self.rounded(ringStart + rankCount * rankCount * ringStride, to: Self.largePage) + rank * sharedByteCount
  }

  /// The bytes of all.
  var byteCount: Int { sharedMemory(of: rankCount - 1) + sharedByteCount }

  private var ringStart: Int { Self.page + Self.rounded(rankCount * Self.slotByteCount, to: Self.page) }

  private var ringStride: Int { Self.page + ringCapacity }

  /// Rounds up to a multiple.
  static func rounded(_ count: Int, to multiple: Int) -> Int { (count + multiple - 1) / multiple * multiple }
}
