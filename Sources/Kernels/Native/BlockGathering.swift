import Graphs

/// From which places of one plane each place of another is computed, for pooling of channels in blocks.
///
/// Forward the window of an output meets places of the input; backward a place of the input is met by windows
/// of outputs. So every result is written once, from terms in a fixed order.
struct BlockGathering: Sendable {
  /// The channels of a block: a multiple of eight, of which as many are computed at once.
  private let block: Int
  private let columnsOfSource: Int
  private let placesOfSource: Int
  /// For each row of the result the rows that it comes from.
  private let rows: [EvenPositions]
  /// For each column of the result the columns that it comes from.
  private let columns: [EvenPositions]

  /// Prepares the forward or the backward phase of a pooling over planes of two dimensions.
  ///
  /// - Parameter fromLastColumn: Whether the terms of a row come in falling order of the columns.
  init(
    block: Int, input: [Int], output: [Int], _ rules: Pooling, isForward: Bool, fromLastColumn: Bool
  ) {
    self.block = block
    let sources = isForward ? input : output
    (columnsOfSource, placesOfSource) = (sources[1], sources[0] * sources[1])
    let positions = (0..<2).map { d in
      let windows = EvenPositions.met(
        byWindowsOf: rules.kernel[d], count: output[d], stride: rules.strides[d],
        dilation: rules.dilations[d], begin: rules.padding[d].begin, below: input[d])
      return isForward ? windows : EvenPositions.meeting(windows, input[d])
    }
    (rows, columns) = (positions[0], fromLastColumn ? positions[1].map(\.reversed) : positions[1])
  }

  /// The greatest of each window, of equal ones the first.
  func maximum(
    _ planes: Range<Int>, _ x: UnsafePointer<Float>, _ y: Floats, _ places: UnsafeMutablePointer<Int32>
  ) {
    forEachResult(of: planes) { _ in
      GreatestSoFar()
    } _: { greatest, place, element in
      greatest.consider(load(x, element), place)
    } _: { greatest, _, element in
      // Nothing was greater than the first value. Comparing places would go through memory, one by one.
      greatest.value.replace(with: 0, where: greatest.value .== -.infinity)
      greatest.write(y, places, element)
    }
  }

  /// The errors of the outputs that chose a place.
  func maximumError(
    _ planes: Range<Int>, _ e: UnsafePointer<Float>, _ places: UnsafePointer<Int32>, _ dx: Floats
  ) {
    forEachResult(of: planes) { place in
      (total: Vector.zero, place: SIMD8<Int32>(repeating: Int32(place)))
    } _: { own, _, element in
      let chosen = UnsafeRawPointer(places + element).loadUnaligned(as: SIMD8<Int32>.self)
      own.total += Vector.zero.replacing(with: load(e, element), where: chosen .== own.place)
    } _: { own, _, element in
      store(own.total, dx, element)
    }
  }

  /// The sum of each window times the share of one element.
  func average(_ planes: Range<Int>, _ x: UnsafePointer<Float>, _ y: Floats, _ shares: [Float]) {
    shares.withUnsafeBufferPointer { shares in
      forEachResult(of: planes) { _ in
        Vector.zero
      } _: { total, _, element in
        total += load(x, element)
      } _: { total, place, element in
        store(total * shares[place], y, element)
      }
    }
  }

  /// The sum of the errors of the windows that meet a place, each times its share.
  func averageError(_ planes: Range<Int>, _ e: UnsafePointer<Float>, _ dx: Floats, _ shares: [Float]) {
    shares.withUnsafeBufferPointer { shares in
      forEachResult(of: planes) { _ in
        Vector.zero
      } _: { total, place, element in
        total += load(e, element) * shares[place]
      } _: { total, _, element in
        store(total, dx, element)
      }
    }
  }

  /// Computes every place of some planes of blocks, eight channels at a time.
  ///
  /// - Parameters:
  ///   - planes: Which planes.
  ///   - start: What a result begins with, from its place in the plane.
  ///   - gather: Adds what lies at a place of the source's plane, and where it lies in memory.
  ///   - write: Writes a result to its place in the plane, and where that lies in memory.
  @inline(__always)
  private func forEachResult<Gathered>(
    of planes: Range<Int>, _ start: (_ place: Int) -> Gathered,
    _ gather: (inout Gathered, _ place: Int, _ element: Int) -> Void,
    _ write: (inout Gathered, _ place: Int, _ element: Int) -> Void
  ) {
    for plane in planes {
      let source = plane * placesOfSource * block
      var (place, target) = (0, plane * rows.count * columns.count * block)
      for row in rows {
        let lineStep = row.step * columnsOfSource
        for column in columns {
          let elementStep = column.step * block
          var lane = 0
          while lane < block {
            var gathered = start(place)
            // None of these sums can overflow where the planes themselves lie in memory.
            var line = row.first &* columnsOfSource &+ column.first
            for _ in 0..<row.count {
              var (met, element) = (line, source &+ line &* block &+ lane)
              for _ in 0..<column.count {
                gather(&gathered, met, element)
                met &+= column.step
                element &+= elementStep
              }
              line &+= lineStep
            }
            write(&gathered, place, target + lane)
            lane += 8
          }
          place += 1
          target += block
        }
      }
    }
  }
}
