import Communication
import Graphs
import Plans
import TestSupport
import Testing

@testable import Execution

/// Conversions whose states lie over each other: the results are those of states that lie apart.
struct StateOverlayTests {
  /// Small integers, whose sums are exact in any order.
  private static func value(_ device: Int, _ place: Int) -> Double { Double((place * 7 + device * 13) % 97) }

  /// What a device ends with, and what is left of its source; the states lie over each other or apart.
  private static func run(
    _ trial: ExchangeTrial, isOverlaid: Bool, over transport: ExchangeTransport
  ) -> (result: [Double], source: [Double], fault: String?) {
    let steps = trial.programs[transport.rank].steps
    let count = steps[0].beforeCount
    let source = ExchangeBuffer((0..<count).map { value(transport.rank, $0) })
    var buffers = [source]
    var places = [source.start]
    if isOverlaid {
      for overlay in StateOverlay.overlays(of: steps, use: trial.use) {
        let base = overlay.isInSource ? source : ExchangeBuffer(byteCount: 8 * overlay.count)
        buffers.append(base)
        places += overlay.offsets.map { base.start + 8 * $0 }
      }
    } else {
      for step in steps {
        buffers.append(ExchangeBuffer(byteCount: 8 * step.afterCount))
        places.append(buffers[buffers.count - 1].start)
      }
    }
    // Addresses alone keep no buffer alive.
    defer { withExtendedLifetime(buffers) {} }
    guard places.count == steps.count + 1 else { return ([], [], "\(places.count) states") }
    for (index, step) in steps.enumerated() {
      let scratch = ExchangeBuffer(byteCount: step.scratchBytes)
      defer { withExtendedLifetime(scratch) {} }
      do {
        try step.run(
          before: places[index], after: places[index + 1], scratch: scratch.start,
          ranks: Array(0..<transport.rankCount), over: transport)
      } catch {
        return ([], [], "\(error)")
      }
      if !scratch.isIntact { return ([], [], "written outside scratch") }
    }
    if buffers.contains(where: { !$0.isIntact }) { return ([], [], "written outside") }
    let last = steps[steps.count - 1].afterCount
    let result = (0..<last).map {
      places[steps.count].loadUnaligned(fromByteOffset: 8 * $0, as: Double.self)
    }
    return (result, source.doubles(count), nil)
  }

  @Test(arguments: [
    ([2], [[1, 1]], [4, 6]), ([3], [[2, 0, 3]], [5, 7]), ([4], [[1, 1, 1, 1]], [8, 3]),
    ([2, 2], [[1, 1], [1, 1]], [8, 4]), ([2, 2], [[3, 1], [1, 2]], [6, 5]),
    ([2, 3], [[1, 1], [1, 1, 1]], [6, 12]),
  ]) func statesThatLieOverEachOtherGiveTheSame(ways: [Int], weights: [[Int]], shape: [Int]) throws {
    var random = SplitMix64(seed: 17)
    let cut = Cut(group: exchangeGroup(ways), shares: Shares(weights))
    let trials = ExchangeTrial.drawn(shape, over: cut, count: 60, &random) { !$0.steps.isEmpty }
    let network = ExchangeNetwork(cut.deviceCount)
    let faults = ExchangeResults<[String]>(network.count, 1, [])
    try network.run { transport in
      var found: [String] = []
      for trial in trials {
        let apart = Self.run(trial, isOverlaid: false, over: transport)
        let overlaid = Self.run(trial, isOverlaid: true, over: transport)
        let expected = (0..<overlaid.source.count).map { Self.value(transport.rank, $0) }
        let isKept = trial.use == .consumed || overlaid.source == expected
        guard apart.fault == nil, overlaid.fault == nil, apart.result == overlaid.result, isKept else {
          found.append(
            "\(trial.from) to \(trial.to), \(trial.algorithm), \(trial.use): "
              + "\(overlaid.fault ?? apart.fault ?? (isKept ? "other values" : "the source has changed"))")
          continue
        }
      }
      faults.set(transport.rank, 0, found)
    }
    for rank in 0..<network.count { #expect(faults.get(rank, 0) == [], "seed 17, rank \(rank)") }
  }

  // The part of a device is reduced where it lies, and the whole is gathered around it.
  @Test(arguments: CollectiveAlgorithm.allCases) func anAllReduceOfWhatMayBeOverwrittenIsOneInPlace(
    algorithm: CollectiveAlgorithm
  ) {
    for ways in [[2], [4], [2, 2]] {
      let cut = Cut(
        group: exchangeGroup(ways), shares: Shares(ways.map { [Int](repeating: 1, count: $0) }))
      let partial = Layout(ways.map { _ in .partial })
      for device in 0..<cut.deviceCount {
        guard
          let conversion = PreparedConversion(
            [64], from: partial, to: partial.reduced, over: cut, device: device,
            algorithms: ways.map { _ in algorithm }, elementType: .float32, use: .consumed)
        else {
          Issue.record("no all-reduce")
          continue
        }
        let overlays = StateOverlay.overlays(of: conversion.steps, use: .consumed)
        #expect(overlays.map(\.isInSource) == [true], "\(algorithm), \(ways)")
        #expect(overlays.first?.offsets.last == 0)
        let kept = StateOverlay.overlays(of: conversion.steps, use: .kept)
        // The source stays, and one other buffer holds the whole.
        #expect(kept.map(\.isInSource) == [false] && kept.map(\.count) == [64])
      }
    }
  }
}
