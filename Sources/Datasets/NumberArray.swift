internal import Diagnostics

/// Numbers of one kind in a data file with the extents that its header names.
struct NumberArray: Sendable {
  let file: DataFile
  let start: Int
  let shape: [Int]
  let coding: ElementCoding

  /// Checks that the numbers end with the file.
  init(
    file: DataFile, start: Int, shape: [Int], coding: ElementCoding, end: Int? = nil
  ) throws(InputError) {
    let end = end ?? file.bytes.count
    guard let count = boundedProduct(shape) else {
      throw dataFault(file.path, "the header names the extents \(extents(shape)), which is too much", at: 0)
    }
    let needed = start + count * coding.size
    guard needed <= end else {
      throw dataFault(
        file.path,
        "the header promises \(extents(shape)) numbers up to byte \(needed), but it ends at \(end)",
        at: end, hint: "download or write the file again")
    }
    guard needed == end else {
      throw dataFault(
        file.path, "\(end - needed) bytes follow the \(extents(shape)) numbers that the header promises",
        at: needed, hint: "write the file again")
    }
    self.file = file
    self.start = start
    self.shape = shape
    self.coding = coding
  }

  /// The numbers as samples, one for each extent of the first dimension.
  func samples() throws(InputError) -> SampleStore {
    guard shape.count >= 2 else {
      throw dataFault(file.path, "holds \(extents(shape)) numbers, not one row or image for each sample")
    }
    guard shape.allSatisfy({ $0 > 0 }) else {
      throw dataFault(file.path, "holds no samples: its extents are \(extents(shape))")
    }
    let store = SampleStore(
      files: [file], places: .contiguous(start: start), count: shape[0], shape: Array(shape.dropFirst()),
      coding: coding)
    try store.checkNumbers()
    return store
  }

  /// The numbers as labels.
  func labels() throws(InputError) -> [Int32] {
    let isColumn = shape.count == 2 && shape[1] == 1
    guard shape.count == 1 || isColumn else {
      throw dataFault(
        file.path, "holds \(extents(shape)) numbers, not one label for each sample",
        hint: "give classes as integers, not as rows of probabilities")
    }
    var labels: [Int32] = []
    labels.reserveCapacity(shape[0])
    guard let base = file.bytes.baseAddress else { return labels }
    for index in 0..<shape[0] {
      let offset = start + index * coding.size
      let number = coding.load(base + offset)
      labels.append(try label(number, of: index, in: file.path, at: offset))
    }
    return labels
  }
}

/// The greatest number of classes.
let largestClassCount = 1 << 20

/// Checks that a number is a class.
func label(
  _ number: Double, of sample: Int, in path: String, at offset: Int? = nil, part: String? = nil
) throws(InputError) -> Int32 {
  guard number >= 0, number < Double(largestClassCount), number.rounded() == number else {
    throw dataFault(
      path, "the label \(number) of sample \(sample) is no class", at: offset, part: part,
      hint: "number the classes from 0")
  }
  return Int32(number)
}

/// Extents for messages, such as `3×32×32`.
func extents(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: "×") }
