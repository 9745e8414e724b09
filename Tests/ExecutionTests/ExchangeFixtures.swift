import Graphs
import Machines
import Plans
import Units

/// A reproducible generator (Steele, Lea, Flood 2014, SplitMix64).
struct ExchangeRandom: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

/// A mesh of devices; what joins them does not matter here.
func exchangeGroup(_ ways: [Int], firstDevice: Int = 0) -> DeviceGroup {
  DeviceGroup(
    name: "mesh", devices: (0..<ways.reduce(1, *)).map { DeviceID(firstDevice + $0) },
    levels: ways.map { .init(ways: $0, network: .listed) })
}

/// All layouts of a tensor of some dimensions over some levels.
func exchangeLayouts(dimensions: Int, levels: Int) -> [Layout] {
  let states: [SplitState] = [.replicated, .partial] + (0..<dimensions).map { .sharded($0) }
  var lists: [[SplitState]] = [[]]
  for _ in 0..<levels { lists = lists.flatMap { list in states.map { list + [$0] } } }
  return lists.map { Layout($0) }
}

/// Memory that a program reads or writes, with a margin that must stay as it is.
final class ExchangeBuffer: @unchecked Sendable {
  private static let margin = 64
  private static let mark: UInt8 = 0xA5
  private let memory: UnsafeMutableRawBufferPointer
  let byteCount: Int

  init(byteCount: Int) {
    self.byteCount = byteCount
    memory = .allocate(byteCount: byteCount + 2 * Self.margin, alignment: 64)
    memory.initializeMemory(as: UInt8.self, repeating: Self.mark)
  }

  convenience init(_ values: [Double]) {
    self.init(byteCount: 8 * values.count)
    for (index, value) in values.enumerated() {
      start.storeBytes(of: value, toByteOffset: 8 * index, as: Double.self)
    }
  }

  deinit { memory.deallocate() }

  var start: UnsafeMutableRawPointer {
    guard let base = memory.baseAddress else { preconditionFailure("there is a margin") }
    return base + Self.margin
  }

  func doubles(_ count: Int, from first: Int = 0) -> [Double] {
    (first..<first + count).map { start.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
  }

  /// Whether nothing was written outside.
  var isIntact: Bool {
    memory[..<Self.margin].allSatisfy { $0 == Self.mark }
      && memory[(Self.margin + byteCount)...].allSatisfy { $0 == Self.mark }
  }
}
