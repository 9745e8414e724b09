import Graphs
import Plans

/// Devices that hold elements one by one, with the addends that each holding sums: the second
/// implementation of conversions, which moves sets where the first one counts.
///
/// An element stands for its blocks, one for each dimension. What a partial level scatters in chunks are
/// shares of the atoms, the elements that no level tells apart, in their order.
struct ElementExchange {
  private let ways: [Int]
  private let weights: [[Int]]
  private let from: Layout
  private let to: Layout
  private let shape: [Int]
  private let strides: [Int]
  /// For each element and dimension the block it belongs to.
  private let blocks: [[Int]]
  /// For each element and level the coordinate that takes it where the level scatters chunks.
  private var chunks: [[Int]]
  private var layout: Layout
  private var chunked: Set<Int> = []
  /// For each device and element the addends summed in what it holds, as bits; nothing where it holds none.
  private var held: [[UInt32]]

  private var deviceCount: Int { ways.reduce(1, *) }

  init(shape: [Int], cut: Cut, from: Layout, to: Layout) {
    ways = cut.ways
    weights = cut.shares.weights
    self.from = from
    self.to = to
    self.shape = shape
    layout = from
    var strides = ways
    for level in ways.indices { strides[level] = ways[(level + 1)...].reduce(1, *) }
    self.strides = strides
    let devices = ways.reduce(1, *)
    let elements = shape.reduce(1, *)
    blocks = (0..<elements).map { element in
      var rest = element
      return shape.indices.reversed().map { dimension -> Int in
        let step = rest % shape[dimension]
        rest /= shape[dimension]
        return (0..<devices).first { cut.block($0, of: shape[dimension]).contains(step) } ?? -1
      }.reversed()
    }
    chunks = []
    held = []
    chunks = assignedChunks()
    held = (0..<devices).map { device in
      (0..<elements).map { holds($0, device, from) ? 1 << addend(of: device) : 0 }
    }
  }

  private func coordinate(_ device: Int, _ level: Int) -> Int { device / strides[level] % ways[level] }

  /// Which addend a device begins with: its coordinates on the partial levels.
  private func addend(of device: Int) -> UInt32 {
    UInt32(
      ways.indices.reduce(0) { index, level in
        from[level] == .partial ? index * ways[level] + coordinate(device, level) : index
      })
  }

  /// Whether a device holds an element as far as the sharded levels of a layout say.
  private func holds(_ element: Int, _ device: Int, _ layout: Layout) -> Bool {
    ways.indices.allSatisfy { level in
      guard case .sharded(let dimension) = layout[level] else { return true }
      return coordinate(blocks[element][dimension], level) == coordinate(device, level)
    }
  }

  /// The chunk coordinates of every element: each atom falls into shares, the lowest partial level first.
  private func assignedChunks() -> [[Int]] {
    var atoms: [[Int]: [Int]] = [:]
    for element in blocks.indices {
      let atom = ways.indices.flatMap { level in
        [from[level], to[level]].map { state -> Int in
          guard case .sharded(let dimension) = state else { return 0 }
          return coordinate(blocks[element][dimension], level)
        }
      }
      atoms[atom, default: []].append(element)
    }
    var result = [[Int]](repeating: [Int](repeating: -1, count: ways.count), count: blocks.count)
    for members in atoms.values {
      var parts = [members]
      for level in ways.indices.reversed() where from[level] == .partial && to[level] == .replicated {
        let total = weights[level].reduce(0, +)
        parts = parts.flatMap { part in
          (0..<ways[level]).map { coordinate in
            let before = weights[level][..<coordinate].reduce(0, +)
            let range =
              part.count * before / total..<part.count * (before + weights[level][coordinate]) / total
            for element in part[range] { result[element][level] = coordinate }
            return Array(part[range])
          }
        }
      }
    }
    return result
  }

  /// Drops what is not needed of a replicated level that becomes sharded.
  mutating func slice() {
    for level in ways.indices where from[level] == .replicated {
      if case .sharded = to[level] { layout = layout.with(to[level], at: level) }
    }
    for device in held.indices {
      for element in held[device].indices where !holds(element, device, layout) { held[device][element] = 0 }
    }
  }

  /// Runs a step and returns how many elements each device received.
  ///
  /// Every device of a line of the level takes what it must hold afterwards: all addends where they are
  /// reduced, the missing elements from one that holds them otherwise.
  mutating func apply(_ operation: CollectiveOperation, level: Int) -> [Int] {
    let isReduction = operation == .reduceScatter
    switch (operation, to[level]) {
    case (.reduceScatter, .replicated):
      chunked.insert(level)
      layout = layout.with(.replicated, at: level)
    case (.allGather, _):
      chunked.remove(level)
      layout = layout.with(.replicated, at: level)
    default: layout = layout.with(to[level], at: level)
    }
    let before = held
    var received = [Int](repeating: 0, count: held.count)
    for device in held.indices {
      let line = (0..<ways[level]).map { device + ($0 - coordinate(device, level)) * strides[level] }
      for element in blocks.indices {
        let isWanted =
          holds(element, device, layout)
          && chunked.allSatisfy { chunks[element][$0] == coordinate(device, $0) }
        guard isWanted else {
          held[device][element] = 0
          continue
        }
        for peer in line where peer != device && before[peer][element] != 0 {
          if isReduction {
            precondition(held[device][element] & before[peer][element] == 0, "an addend is counted twice")
            held[device][element] |= before[peer][element]
            received[device] += 1
          } else if held[device][element] == 0 {
            held[device][element] = before[peer][element]
            received[device] += 1
          }
        }
      }
    }
    return received
  }

  /// Whether every device holds exactly its part of the target, with every addend of the levels that were
  /// reduced.
  func isTarget() -> Bool {
    held.indices.allSatisfy { device in
      blocks.indices.allSatisfy { element in
        guard holds(element, device, to) else { return held[device][element] == 0 }
        let expected = held.indices.reduce(UInt32(0)) { bits, other in
          let sums = ways.indices.allSatisfy { level in
            from[level] != .partial || to[level] != .partial
              || coordinate(other, level) == coordinate(device, level)
          }
          return sums ? bits | 1 << addend(of: other) : bits
        }
        return held[device][element] == expected
      }
    }
  }
}
