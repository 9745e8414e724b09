import Graphs
import Machines
import Plans
import TestSupport
import Units

@testable import Execution

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

/// One conversion that all ranks run.
struct ExchangeTrial: Sendable {
  let from: Layout
  let to: Layout
  let algorithm: CollectiveAlgorithm
  let use: SourceUse
  /// Whether buffers share memory where a program allows it.
  let isShared: Bool
  /// For each device what it does.
  let programs: [PreparedConversion]

  /// Draws conversions that there are, and whose programs are wanted.
  static func drawn(
    _ shape: [Int], over cut: Cut, count: Int, _ random: inout SplitMix64,
    where isWanted: (PreparedConversion) -> Bool = { _ in true }
  ) -> [ExchangeTrial] {
    let layouts = exchangeLayouts(dimensions: shape.count, levels: cut.levelCount)
    var trials: [ExchangeTrial] = []
    while trials.count < count {
      let from = layouts[Int.random(in: layouts.indices, using: &random)]
      let to = layouts[Int.random(in: layouts.indices, using: &random)]
      let algorithm = CollectiveAlgorithm.allCases[Int.random(in: 0..<3, using: &random)]
      let use: SourceUse = Bool.random(using: &random) ? .kept : .consumed
      let programs = (0..<cut.deviceCount).compactMap {
        PreparedConversion(
          shape, from: from, to: to, over: cut, device: $0,
          algorithms: [CollectiveAlgorithm](repeating: algorithm, count: cut.levelCount),
          elementType: .float64, use: use)
      }
      guard programs.count == cut.deviceCount, programs.allSatisfy(isWanted) else { continue }
      trials.append(
        ExchangeTrial(
          from: from, to: to, algorithm: algorithm, use: use, isShared: Bool.random(using: &random),
          programs: programs))
    }
    return trials
  }
}

/// The element numbers that a device holds, each element asked by itself.
func exchangeElements(_ shape: [Int], _ layout: Layout, _ cut: Cut, _ device: Int) -> [Int] {
  (0..<shape.reduce(1, *)).filter { element in
    var rest = element
    for dimension in shape.indices.reversed() {
      let step = rest % shape[dimension]
      rest /= shape[dimension]
      let isHeld = (0..<cut.deviceCount).contains { block in
        cut.block(block, of: shape[dimension]).contains(step)
          && cut.holds(block, of: dimension, layout: layout, device: device)
      }
      if !isHeld { return false }
    }
    return true
  }
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

  convenience init(_ values: [Double]) { self.init(values.map(\.bitPattern)) }

  convenience init(_ words: [UInt64]) {
    self.init(byteCount: 8 * words.count)
    for (index, word) in words.enumerated() {
      start.storeBytes(of: word, toByteOffset: 8 * index, as: UInt64.self)
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

  func words() -> [UInt64] {
    (0..<byteCount / 8).map { start.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self) }
  }

  /// Whether nothing was written outside.
  var isIntact: Bool {
    memory[..<Self.margin].allSatisfy { $0 == Self.mark }
      && memory[(Self.margin + byteCount)...].allSatisfy { $0 == Self.mark }
  }
}

/// What all ranks ended with, each slot written by one rank.
final class ExchangeResults<Value>: @unchecked Sendable {
  private let slots: UnsafeMutableBufferPointer<Value>
  private let columns: Int

  init(_ rows: Int, _ columns: Int, _ value: Value) {
    self.columns = columns
    slots = .allocate(capacity: rows * columns)
    slots.initialize(repeating: value)
  }

  deinit {
    slots.deinitialize()
    slots.deallocate()
  }

  func set(_ row: Int, _ column: Int, _ value: Value) { slots[row * columns + column] = value }

  func get(_ row: Int, _ column: Int) -> Value { slots[row * columns + column] }
}
