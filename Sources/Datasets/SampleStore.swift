internal import Diagnostics

/// Where the samples of a set lie and how their numbers are read.
struct SampleStore: Sendable {
  /// Where each sample begins.
  enum Places: Sendable {
    /// One after the other in the first file.
    case contiguous(start: Int)
    /// Anywhere.
    case scattered([Place])
  }

  /// The first byte of a sample.
  struct Place: Hashable, Sendable {
    let file: Int
    let offset: Int
  }

  /// The order of the numbers of a sample in the file.
  enum Order: Hashable, Sendable {
    /// As in ``shape``.
    case channelsFirst
    /// The channels of each pixel side by side.
    case channelsLast
  }

  let files: [DataFile]
  let places: Places
  let count: Int
  /// Channels, height and width of images; else the extents of the file.
  let shape: [Int]
  let coding: ElementCoding
  let order: Order

  init(
    files: [DataFile], places: Places, count: Int, shape: [Int], coding: ElementCoding,
    order: Order = .channelsFirst
  ) {
    self.files = files
    self.places = places
    self.count = count
    // An image without channels has one.
    self.shape = shape.isEmpty ? [1] : shape.count == 2 ? [1] + shape : shape
    self.coding = coding
    self.order = order
  }

  /// The numbers of a sample.
  var elementCount: Int { shape.reduce(1, *) }

  /// The file of a sample and its first byte.
  func place(of sample: Int) -> Place {
    precondition(sample >= 0 && sample < count, "sample \(sample) of \(count)")
    switch places {
    case .contiguous(let start): return Place(file: 0, offset: start + sample * elementCount * coding.size)
    case .scattered(let places): return places[sample]
    }
  }

  /// The first byte of a sample in memory.
  func start(of sample: Int) -> UnsafeRawPointer {
    let place = place(of: sample)
    let bytes = files[place.file].bytes
    let size = elementCount * coding.size
    precondition(
      place.offset >= 0 && place.offset <= bytes.count - size,
      "sample \(sample) lies at \(place.offset) of \(bytes.count) bytes in \(files[place.file].path)")
    guard let base = bytes.baseAddress else { preconditionFailure("\(files[place.file].path) has no bytes") }
    return base + place.offset
  }

  /// How far apart in the file the numbers of a group lie, and the groups.
  ///
  /// A group is a channel: an extent of the first dimension.
  var strides: (group: Int, element: Int) {
    let inner = elementCount / max(1, shape[0])
    return order == .channelsFirst ? (inner, 1) : (1, shape[0])
  }

  /// Throws where a number is not whole, or not among those from zero to below a limit.
  func checkWholeNumbers(below limit: Int) throws(InputError) {
    for sample in 0..<count {
      let start = start(of: sample)
      for element in 0..<elementCount {
        let number = coding.load(start + element * coding.size)
        guard number.rounded() != number || number < 0 || number >= Double(limit) else { continue }
        throw dataFault(
          files[place(of: sample).file].path,
          "sample \(sample) holds \(number), and the network reads whole numbers from 0 to \(limit - 1)")
      }
    }
  }

  /// Throws where a number is infinite or none; integers need no look.
  func checkNumbers() throws(InputError) {
    guard coding.isReal else { return }
    for sample in 0..<count {
      let start = start(of: sample)
      for element in 0..<elementCount where !coding.load(start + element * coding.size).isFinite {
        let place = place(of: sample)
        throw dataFault(
          files[place.file].path, "sample \(sample) holds a number that is infinite or none",
          at: place.offset + element * coding.size, hint: "remove the sample or replace the number")
      }
    }
  }
}
