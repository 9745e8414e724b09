internal import Diagnostics

/// Rows of features with labels.
struct LabelledSamples: Sendable {
  let store: SampleStore
  let labels: [Int32]
  /// Where the labels are, for messages.
  let labelPath: String
}

/// Reads rows `feature,…,feature,label` of numbers.
///
/// A first line in which a field is no number, or that has another number of fields than the second, is a
/// heading and is passed over. Empty lines are, too.
func readCSV(_ file: DataFile) throws(InputError) -> LabelledSamples {
  var numbers: [Float] = []
  var labels: [Int32] = []
  var columns: Int?
  var heading: (line: Int, fields: Int)?
  for (index, line) in file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    .enumerated()
  {
    let text = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
    guard !text.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) else { continue }
    let fields = text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    func fault(_ message: String, _ hint: String? = nil) -> InputError {
      InputError(.badModel, message, at: SourceLocation(file: file.path, line: index + 1), hint: hint)
    }
    let values = fields.map { number($0) }
    if let bad = values.firstIndex(where: { $0 == nil }) {
      guard columns == nil, heading == nil else {
        throw fault(
          "field \(bad + 1) is no number", "give numbers, and the class as a number from 0 in the last field")
      }
      heading = (index, fields.count)
      continue
    }
    if let columns, columns != fields.count {
      // A first line of numbers may still be a heading: the counts of rows, columns and so on.
      guard labels.count == 1, heading == nil else {
        throw fault("has \(fields.count) fields, but the lines before have \(columns)")
      }
      heading = (0, columns)
      numbers = []
      labels = []
    }
    columns = fields.count
    guard fields.count >= 2, fields.count <= 1 << 24 else {
      throw fault("has \(fields.count) fields, but a feature and a label are needed")
    }
    for value in values.dropLast() {
      let number = Float(value ?? 0)
      guard number.isFinite else { throw fault("holds a number that is infinite or none") }
      numbers.append(number)
    }
    guard let last = values.last, let last else { continue }
    guard last >= 0, last < Double(largestClassCount), last.rounded() == last else {
      throw fault("the label \(last) is no class", "number the classes from 0, in the last field")
    }
    labels.append(Int32(last))
  }
  guard let columns, !labels.isEmpty else {
    throw dataFault(file.path, "has no rows of numbers", hint: "each line holds the features and the class")
  }
  let store = SampleStore(
    files: [DataFile(path: file.path, copying: numbers)], places: .contiguous(start: 0), count: labels.count,
    shape: [columns - 1], coding: ElementCoding(.float32))
  return LabelledSamples(store: store, labels: labels, labelPath: file.path)
}

private func number(_ field: Slice<UnsafeRawBufferPointer>) -> Double? {
  let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
  var field = field.drop(while: isSpace)
  while let last = field.last, isSpace(last) { field = field.dropLast() }
  guard !field.isEmpty, field.count <= 64 else { return nil }
  return Double(String(decoding: field, as: UTF8.self))
}
