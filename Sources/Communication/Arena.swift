internal import CTransport

/// The memory that the ranks of one run share, mapped into this process.
final class Arena: @unchecked Sendable {
  /// Where everything lies.
  let layout: ArenaLayout
  /// The first byte.
  let start: UnsafeMutableRawPointer
  /// How patient a wait is before it sleeps.
  let patience: Patience

  private init(layout: ArenaLayout, start: UnsafeMutableRawPointer, patience: Patience) {
    self.layout = layout
    self.start = start
    self.patience = patience
  }

  deinit { transport_unmap(start, layout.byteCount) }

  /// Words of the first page.
  private enum Word: Int {
    case magic, rankCount, ringCapacity, sharedByteCount, coordinator, loss, ending, looks, yields
  }

  /// "PARTITA" and a version of the layout.
  private static let magic: UInt64 = 0x5041_5254_4954_4101

  private func word(_ word: Word) -> UnsafeMutablePointer<UInt64> {
    start.assumingMemoryBound(to: UInt64.self) + word.rawValue
  }

  // MARK: Making one

  /// Maps memory of this process only, for ranks that are its threads.
  static func ofThisProcess(layout: ArenaLayout) -> Arena? {
    guard let start = transport_map(-1, layout.byteCount) else { return nil }
    let patience = Patience(rankCount: layout.rankCount, processorCount: Int(transport_processor_count()))
    let arena = Arena(layout: layout, start: start, patience: patience)
    arena.writeHeader(coordinator: 0)
    return arena
  }

  /// Maps a file without a name and fills its first page.
  static func initialized(file: Int32, layout: ArenaLayout, coordinator: Int32, patience: Patience) -> Arena?
  {
    guard let start = transport_map(file, layout.byteCount) else { return nil }
    let arena = Arena(layout: layout, start: start, patience: patience)
    arena.writeHeader(coordinator: coordinator)
    return arena
  }

  /// Maps a file that another process has filled; nil where it is none.
  static func existing(file: Int32) -> Arena? {
    let size = Int(transport_file_size(file))
    guard size >= ArenaLayout.page, let page = transport_map(file, ArenaLayout.page) else { return nil }
    defer { transport_unmap(page, ArenaLayout.page) }
    let words = page.assumingMemoryBound(to: UInt64.self)
    guard words[Word.magic.rawValue] == magic else { return nil }
    let layout = ArenaLayout(
      rankCount: Int(words[Word.rankCount.rawValue]),
      ringCapacity: Int(words[Word.ringCapacity.rawValue]),
      sharedByteCount: Int(words[Word.sharedByteCount.rawValue]))
    guard layout.byteCount <= size, let start = transport_map(file, layout.byteCount) else { return nil }
    let patience = Patience(
      looks: Int(words[Word.looks.rawValue]), yields: Int(words[Word.yields.rawValue]))
    return Arena(layout: layout, start: start, patience: patience)
  }

  private func writeHeader(coordinator: Int32) {
    word(.rankCount).pointee = UInt64(layout.rankCount)
    word(.ringCapacity).pointee = UInt64(layout.ringCapacity)
    word(.sharedByteCount).pointee = UInt64(layout.sharedByteCount)
    word(.coordinator).pointee = UInt64(coordinator)
    word(.looks).pointee = UInt64(patience.looks)
    word(.yields).pointee = UInt64(patience.yields)
    transport_store_release(word(.magic), Self.magic)
  }

  /// The process that supervises, zero where there is none.
  var coordinator: Int32 { Int32(word(.coordinator).pointee) }

  // MARK: Loss and end

  /// The rank that was lost first, and how.
  var loss: Loss? {
    let value = transport_load_acquire(word(.loss))
    return value == 0 ? nil : Loss(packed: value)
  }

  /// Declares a rank lost and wakes everyone; only the first loss counts.
  func declare(_ loss: Loss) {
    _ = transport_store_once(word(.loss), loss.packed)
    wakeAll()
  }

  /// Whether the run is asked to end in order.
  var isEnding: Bool { transport_load_acquire(word(.ending)) != 0 }

  /// Asks every rank to end in order.
  func askToEnd() {
    transport_store_release(word(.ending), 1)
    wakeAll()
  }

  // MARK: Slots

  /// What a rank says of itself, in shared memory.
  struct Slot {
    let start: UnsafeMutableRawPointer

    /// Grows as long as the rank lives.
    var heartbeat: UnsafeMutablePointer<UInt64> { start.assumingMemoryBound(to: UInt64.self) }
    /// Not zero once the rank has left in order.
    var departure: UnsafeMutablePointer<UInt64> { heartbeat + 1 }
    /// Changes whenever a peer has news for the rank.
    var bell: UnsafeMutablePointer<UInt32> {
      (start + ArenaLayout.line).assumingMemoryBound(to: UInt32.self)
    }
    /// Not zero while the rank sleeps.
    var sleeper: UnsafeMutablePointer<UInt32> { bell + 1 }
    /// A bit for each processor that the rank may use; none is set where it may use all.
    var processors: UnsafeMutableBufferPointer<UInt64> {
      let words = (start + 2 * ArenaLayout.line).assumingMemoryBound(to: UInt64.self)
      return UnsafeMutableBufferPointer(start: words, count: 16)
    }
  }

  /// The slot of a rank.
  func slot(of rank: Int) -> Slot { Slot(start: start + layout.slot(of: rank)) }

  /// Notes that a rank has left in order.
  func noteDeparture(of rank: Int) {
    transport_store_release(slot(of: rank).departure, 1)
    wakeAll()
  }

  /// Whether a rank has left in order.
  func hasLeft(_ rank: Int) -> Bool { transport_load_acquire(slot(of: rank).departure) != 0 }

  private func wakeAll() {
    for rank in 0..<layout.rankCount {
      let slot = slot(of: rank)
      _ = transport_add_32(slot.bell, 1)
      transport_wake(slot.bell)
    }
  }
}

/// How often a wait looks before it lets others run, and how often it does that before it sleeps.
struct Patience: Hashable, Sendable {
  /// How often it looks at once.
  let looks: Int
  /// How often it yields between looks.
  let yields: Int

  init(looks: Int, yields: Int) {
    self.looks = looks
    self.yields = yields
  }

  /// Looking again costs nobody anything while every rank has a processor of its own.
  init(rankCount: Int, processorCount: Int) {
    let isAlone = rankCount <= processorCount
    self.init(looks: isAlone ? 4000 : 20, yields: isAlone ? 20 : 8)
  }
}

/// How a rank was lost.
struct Loss: Hashable, Sendable {
  /// What was noticed.
  enum Kind: UInt8, Sendable {
    case signal = 1
    case exitCode, silence, departure, standstill
  }

  let rank: Int
  let kind: Kind
  /// The signal, the exit code or the seconds of silence.
  let detail: Int

  /// One word, so that it is published at once.
  var packed: UInt64 {
    UInt64(rank + 1) | UInt64(UInt16(truncatingIfNeeded: detail)) << 32 | UInt64(kind.rawValue) << 48
  }

  init(rank: Int, kind: Kind, detail: Int) {
    self.rank = rank
    self.kind = kind
    self.detail = detail
  }

  init(packed: UInt64) {
    rank = Int(packed & 0xFFFF_FFFF) - 1
    detail = Int(packed >> 32 & 0xFFFF)
    kind = Kind(rawValue: UInt8(packed >> 48 & 0xFF)) ?? .silence
  }

  /// Whether a rank ends because of it.
  func concerns(_ other: Int) -> Bool { other != rank || kind == .standstill }

  /// The error that peers throw.
  var error: PeerLost {
    switch kind {
    case .signal: PeerLost(rank: rank, reason: "it was ended by signal \(detail)")
    case .exitCode: PeerLost(rank: rank, reason: "it ended with exit code \(detail)")
    case .silence: PeerLost(rank: rank, reason: "it gave no sign of life for \(detail) s")
    case .departure: PeerLost(rank: rank, reason: "it left while others still waited for it")
    case .standstill:
      PeerLost(rank: rank, reason: "like every other rank, it waits for a message that nobody sends")
    }
  }
}
