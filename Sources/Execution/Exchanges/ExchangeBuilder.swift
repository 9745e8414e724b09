import Graphs
import Plans
import Units

/// Writes an ``ExchangeProgram``, instruction by instruction.
struct ExchangeBuilder {
  typealias Region = ExchangeProgram.Region
  typealias Message = ExchangeProgram.Message

  /// What goes to another device.
  struct Outgoing {
    let peer: Int
    let region: Region
    /// Where it will lie with the receiver.
    let remote: [Holding.Strip]
  }

  /// What comes from another device.
  struct Incoming {
    let peer: Int
    let region: Region
    /// Where it lies with the sender.
    let remote: [Holding.Strip]
    var isAdded = false
  }

  /// The shortest strips, in bytes on average, that travel without being packed.
  ///
  /// A message costs about a microsecond, in which some ten kilobytes can be copied.
  static let shortestStrip = 16 << 10

  let elementType: ElementType
  private var scratch: ScratchSpace
  private(set) var instructions: [ExchangeProgram.Instruction] = []

  init(_ elementType: ElementType) {
    self.elementType = elementType
    scratch = ScratchSpace(unit: 64 / elementType.size.count)
  }

  /// The finished program.
  func program(
    beforeCount: Int, afterCount: Int, resultOffsetInSource: Int? = nil, sourceOffsetInResult: Int? = nil
  ) -> ExchangeProgram {
    ExchangeProgram(
      elementType: elementType, beforeCount: beforeCount, afterCount: afterCount,
      scratchBytes: scratch.highest * elementType.size.count, resultOffsetInSource: resultOffsetInSource,
      sourceOffsetInResult: sourceOffsetInResult, instructions: instructions)
  }

  /// A place for elements that are under way.
  mutating func allocate(_ count: Int) -> Region {
    Region(.scratch, offset: scratch.allocate(count), count: count)
  }

  /// Gives a place back; other regions are left alone.
  mutating func free(_ region: Region) {
    guard region.buffer == .scratch, let start = region.start else { return }
    scratch.free(start.offset..<start.offset + region.count)
  }

  mutating func copy(from source: Region, to target: Region) {
    let moves = ExchangeProgram.BlockMove.moves(from: source, to: target)
    if !moves.isEmpty { instructions.append(.copy(moves)) }
  }

  /// Adds regions of equal length, each one strip, in the given order.
  mutating func sum(_ addends: [Region], to target: Region) {
    guard target.count > 0, let start = target.start else { return }
    requireSums()
    let places = addends.compactMap(\.start)
    precondition(
      places.count == addends.count && addends.allSatisfy { $0.count == target.count },
      "addends of \(addends.map(\.count)) elements for \(target.count)")
    instructions.append(.sum(to: start, addends: places, count: target.count))
  }

  /// Messages that are under way at the same time; what lies in short strips is packed.
  mutating func exchange(_ outgoing: [Outgoing], _ incoming: [Incoming]) {
    var sending: [Message] = []
    var receiving: [Message] = []
    var packed: [Region] = []
    var arrived: [(from: Region, to: Region)] = []
    for item in outgoing where item.region.count > 0 {
      var lengths = [item.region.count]
      var region = item.region
      if let split = split(item.region.strips, item.remote) {
        lengths = split
      } else if region.start == nil {
        region = allocate(item.region.count)
        packed.append(region)
        copy(from: item.region, to: region)
      }
      sending += messages(item.peer, region, lengths, isAdded: false)
    }
    for item in incoming where item.region.count > 0 {
      if item.isAdded { requireSums() }
      var lengths = [item.region.count]
      var region = item.region
      if let split = split(item.remote, item.region.strips) {
        lengths = split
      } else if region.start == nil {
        precondition(!item.isAdded, "addends that arrive in strips")
        region = allocate(item.region.count)
        packed.append(region)
        arrived.append((region, item.region))
      }
      receiving += messages(item.peer, region, lengths, isAdded: item.isAdded)
    }
    if !sending.isEmpty || !receiving.isEmpty {
      instructions.append(.exchange(sending: sending, receiving: receiving))
    }
    for (from, to) in arrived { copy(from: from, to: to) }
    for region in packed { free(region) }
  }

  /// The lengths of the messages if they go straight from their places to their places; nil where these are
  /// so short that one packed message is faster.
  private func split(_ sender: [Holding.Strip], _ receiver: [Holding.Strip]) -> [Int]? {
    var lengths: [Int] = []
    Region.forEachCommonStrip(Region.joined(sender), Region.joined(receiver)) { _, _, count in
      lengths.append(count)
    }
    let bytes = lengths.reduce(0, +) * elementType.size.count
    return lengths.count == 1 || bytes >= Self.shortestStrip * lengths.count ? lengths : nil
  }

  /// One message for each length; a region in short strips was packed and is one strip.
  private func messages(_ peer: Int, _ region: Region, _ lengths: [Int], isAdded: Bool) -> [Message] {
    var messages: [Message] = []
    var dense: [Holding.Strip] = []
    for length in lengths {
      dense.append(Holding.Strip(offset: dense.last.map { $0.offset + $0.count } ?? 0, count: length))
    }
    Region.forEachCommonStrip(region.strips, dense) { place, _, count in
      messages.append(
        Message(
          peer: peer, place: .init(buffer: region.buffer, offset: place), count: count, isAdded: isAdded))
    }
    return messages
  }

  private func requireSums() {
    precondition(
      elementType == .float32 || elementType == .float64, "\(elementType) is moved but never summed")
  }
}

/// Places in the scratch buffer, in elements; the first gap that is long enough is taken.
///
/// A place may be given back in parts, and is free when all of it is.
private struct ScratchSpace {
  /// The most elements in use at any time.
  private(set) var highest = 0
  private var used: [(place: Range<Int>, live: Int)] = []
  /// The elements of a cache line, at which every place begins.
  private let unit: Int

  init(unit: Int) { self.unit = unit }

  mutating func allocate(_ count: Int) -> Int {
    guard count > 0 else { return 0 }
    let padded = (count + unit - 1) / unit * unit
    var start = 0
    var index = 0
    while index < used.count, used[index].place.lowerBound - start < padded {
      start = used[index].place.upperBound
      index += 1
    }
    used.insert((start..<start + padded, count), at: index)
    highest = max(highest, start + padded)
    return start
  }

  mutating func free(_ range: Range<Int>) {
    guard let index = used.firstIndex(where: { $0.place.contains(range.lowerBound) }) else { return }
    used[index].live -= range.count
    precondition(used[index].live >= 0, "\(range) is given back twice")
    if used[index].live == 0 { used.remove(at: index) }
  }
}
