import Machines

/// Equal rounds of an even collective: `repetitions · (⌈units · unit ∕ β⌉ + hops · α)`.
struct EvenTerm: Hashable, Sendable {
  /// Units of data on the busiest port in one round.
  var units: Int
  /// Hops of the longest message.
  var hops: Int
  /// How many rounds there are.
  var repetitions: Int
}

/// Who sends to whom in a round in which every message has the same size.
enum EvenPattern {
  /// Each coordinate `i` to `i + distance`, cyclically.
  case shift(Int)
  /// Each coordinate `i` to `i ⊕ mask`.
  case exchange(Int)
  /// Each coordinate to each other.
  case allPairs
}

extension LevelPorts {
  /// The busiest port's messages and the most hops in a round of a pattern, without looking at a message.
  ///
  /// A pattern that permutes the coordinates crosses every cut as often one way as the other, so that half
  /// duplex doubles the load on a line and at a port.
  func term(_ pattern: EvenPattern, units: Int, repetitions: Int = 1) -> EvenTerm {
    let half = level.duplex == .half
    let load: Int
    var hops = level.topology == .switch ? 2 : 1
    switch level.topology {
    case .fullyConnected, .switch:
      let sent = if case .allPairs = pattern { ways - 1 } else { 1 }
      load = half ? 2 * sent : sent
    case .tree:
      load = lanes * messagesOverTree(pattern, half: half)
    case .line, .ring:
      let onWires = level.topology == .line ? onLine(pattern, half: half) : onRing(pattern, half: half)
      load = onWires.load
      hops = onWires.hops
    }
    return EvenTerm(units: load * units, hops: hops, repetitions: repetitions)
  }

  private func messagesOverTree(_ pattern: EvenPattern, half: Bool) -> Int {
    switch pattern {
    case .shift(let distance): half ? ways : max(distance, ways - distance)
    case .exchange: half ? ways : ways / 2
    case .allPairs: half ? ways * (ways - 1) : ways * (ways - 1) / 2
    }
  }

  /// Both directions of a line are loaded alike, the middle most.
  private func onLine(_ pattern: EvenPattern, half: Bool) -> (load: Int, hops: Int) {
    let load: Int
    let hops: Int
    switch pattern {
    case .shift(let distance):
      load = min(distance, ways - distance)
      hops = max(distance, ways - distance)
    case .exchange(let mask):
      // The halves of a block of twice the highest bit change places over the block's middle.
      load = highestBit(mask)
      hops = mask
    case .allPairs:
      load = (ways / 2) * (ways - ways / 2)
      hops = ways - 1
    }
    return (half ? 2 * load : load, hops)
  }

  private func onRing(_ pattern: EvenPattern, half: Bool) -> (load: Int, hops: Int) {
    switch pattern {
    case .shift(let distance):
      // All messages go the same way round, so that the other direction stays empty.
      let hops = min(distance, ways - distance)
      return (hops, hops)
    case .exchange(let mask) where 2 * highestBit(mask) < ways:
      return onLine(pattern, half: half)
    case .exchange(let mask):
      return exchangeAcrossRing(mask, half: half)
    case .allPairs:
      let (forward, backward) = (ways / 2, (ways - 1) / 2)
      let (up, down) = (forward * (forward + 1) / 2, backward * (backward + 1) / 2)
      return (half ? up + down : up, forward)
    }
  }

  /// Partners stand in opposite halves of the ring, and each message takes its shorter way.
  private func exchangeAcrossRing(_ mask: Int, half: Bool) -> (load: Int, hops: Int) {
    // Differences of the loads between neighbouring wires, for each direction.
    var forward = [Int](repeating: 0, count: 2 * ways + 1)
    var backward = forward
    var most = 0
    for from in 0..<ways {
      let distance = ((from ^ mask) - from + ways) % ways
      if 2 * distance <= ways {
        forward[from] += 1
        forward[from + distance] -= 1
      } else {
        backward[from ^ mask] += 1
        backward[(from ^ mask) + ways - distance] -= 1
      }
      most = max(most, min(distance, ways - distance))
    }
    var loads = (forward: [Int](repeating: 0, count: ways), backward: [Int](repeating: 0, count: ways))
    var running = (forward: 0, backward: 0)
    for place in 0..<(2 * ways) {
      running.forward += forward[place]
      running.backward += backward[place]
      loads.forward[place % ways] += running.forward
      loads.backward[place % ways] += running.backward
    }
    let load = (0..<ways).reduce(0) { busiest, wire in
      let both = (loads.forward[wire], loads.backward[wire])
      return max(busiest, half ? both.0 + both.1 : max(both.0, both.1))
    }
    return (load, most)
  }

  private func highestBit(_ mask: Int) -> Int { 1 << (Int.bitWidth - 1 - mask.leadingZeroBitCount) }
}
