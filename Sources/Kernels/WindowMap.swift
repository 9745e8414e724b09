import Graphs

/// For each place of an output and each place of a window the place of the input that it covers.
///
/// It serves convolutions and pooling of any number of spatial dimensions.
struct WindowMap {
  /// The places of one channel of the output.
  let outputCount: Int
  /// The places of the window.
  let windowCount: Int
  /// The places of one channel of the input.
  let inputCount: Int
  /// The place of the input, or −1 in the padding; `outputCount` rows of `windowCount`.
  let places: [Int]
  /// For each output the window places inside the input and its declared padding, as averages count them.
  let paddedCounts: [Int]

  /// Creates the map of a window that moves over the spatial extents of an input.
  init(
    input: [Int], output: [Int], window: [Int], strides: [Int], dilations: [Int], padding: [Padding]
  ) {
    outputCount = product(output)
    windowCount = product(window)
    inputCount = product(input)
    let inputStrides = rowMajorStrides(input)
    var places: [Int] = []
    var paddedCounts: [Int] = []
    places.reserveCapacity(outputCount * windowCount)
    for outputPlace in 0..<outputCount {
      let origin = coordinates(of: outputPlace, in: output)
      var padded = 0
      for windowPlace in 0..<windowCount {
        let offset = coordinates(of: windowPlace, in: window)
        var place = 0
        var isInside = true
        var isPadded = true
        for d in input.indices {
          let position = origin[d] * strides[d] + offset[d] * dilations[d] - padding[d].begin
          if position < 0 || position >= input[d] { isInside = false }
          if position >= input[d] + padding[d].end { isPadded = false }
          place += position * inputStrides[d]
        }
        places.append(isInside ? place : -1)
        if isPadded { padded += 1 }
      }
      paddedCounts.append(padded)
    }
    self.places = places
    self.paddedCounts = paddedCounts
  }

  /// The covered places of one output, with their place in the window.
  @inline(__always)
  func forEach(_ output: Int, _ body: (_ window: Int, _ input: Int) -> Void) {
    let row = output * windowCount
    for window in 0..<windowCount where places[row + window] >= 0 { body(window, places[row + window]) }
  }
}
