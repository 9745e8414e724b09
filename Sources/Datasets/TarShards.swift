internal import Diagnostics

/// Reads samples from tar archives in the naming of WebDataset.
///
/// Files that follow each other and have the same path up to the first dot of the last component are one
/// sample: `000123.cls` holds the class in digits, and one of `.npy`, `.pgm`, `.ppm`, `.bin` the numbers (of
/// `.bin`, bytes). Others are passed over. All samples have one shape and kind of number. Only headers are
/// read now; the rest stays in the mapped files.
func readTarShards(_ paths: [String]) throws(InputError) -> LabelledSamples {
  var collected = CollectedSamples()
  for path in paths {
    let file = try DataFile.open(path)
    let index = collected.add(file)
    var pending = PendingSample()
    for member in try readTar(file) {
      let (key, suffix) = sampleName(member.name)
      if key != pending.key {
        try collected.add(pending, file: index)
        pending = PendingSample(key: key)
      }
      switch suffix {
      case "cls": pending.label = member
      case "npy", "pgm", "ppm", "bin":
        guard pending.numbers == nil else {
          throw dataFault(path, "has two arrays of one sample", part: member.name)
        }
        pending.numbers = member
        pending.suffix = suffix
      default: break
      }
    }
    try collected.add(pending, file: index)
  }
  return try collected.samples(paths)
}

/// The path of a sample without what follows the first dot of its last component, and what follows it.
private func sampleName(_ name: String) -> (key: String, suffix: String) {
  let bytes = name.utf8
  let start = bytes.lastIndex(of: UInt8(ascii: "/")).map { bytes.index(after: $0) } ?? bytes.startIndex
  guard let dot = bytes[start...].firstIndex(of: UInt8(ascii: ".")) else { return (name, "") }
  return (String(name[..<dot]), name[bytes.index(after: dot)...].lowercased())
}

private struct PendingSample {
  var key = ""
  var numbers: TarMember?
  var suffix = ""
  var label: TarMember?
}

private struct CollectedSamples {
  private var files: [DataFile] = []
  private var places: [SampleStore.Place] = []
  private var labels: [Int32] = []
  private var first: (layout: Layout, name: String)?

  private struct Layout: Hashable {
    let shape: [Int]
    let coding: ElementCoding
    let order: SampleStore.Order
  }

  mutating func add(_ file: DataFile) -> Int {
    files.append(file)
    return files.count - 1
  }

  mutating func add(_ sample: PendingSample, file index: Int) throws(InputError) {
    let file = files[index]
    guard let numbers = sample.numbers else {
      guard let label = sample.label else { return }
      throw dataFault(
        file.path, "a label has no sample beside it", part: label.name,
        hint: "write NAME.npy, .pgm, .ppm or .bin beside NAME.cls")
    }
    guard let label = sample.label else {
      throw dataFault(
        file.path, "a sample has no label beside it", part: numbers.name, hint: "write NAME.cls beside it")
    }
    let digits = String(
      decoding: file.bytes[label.range].prefix(32).filter { $0 > 0x20 }, as: UTF8.self)
    guard let number = Double(digits) else {
      throw dataFault(
        file.path, "the label is no number", at: label.range.lowerBound, part: label.name,
        hint: "a .cls file holds the class in digits")
    }
    labels.append(
      try Datasets.label(
        number, of: places.count, in: file.path, at: label.range.lowerBound, part: label.name))
    let (layout, start) = try layout(of: numbers, sample.suffix, in: file)
    if let first, first.layout != layout {
      throw dataFault(
        file.path,
        "a sample of \(extents(layout.shape)) is unlike \(first.name) of \(extents(first.layout.shape))",
        at: numbers.range.lowerBound, part: numbers.name,
        hint: "all samples have one shape and kind of number")
    }
    if first == nil { first = (layout, numbers.name) }
    places.append(SampleStore.Place(file: index, offset: start))
  }

  private func layout(
    of member: TarMember, _ suffix: String, in file: DataFile
  ) throws(InputError) -> (Layout, start: Int) {
    switch suffix {
    case "npy":
      let array = try readNPY(file, range: member.range)
      return (Layout(shape: array.shape, coding: array.coding, order: .channelsFirst), array.start)
    case "bin":
      let layout = Layout(shape: [member.range.count], coding: ElementCoding(.uint8), order: .channelsFirst)
      return (layout, member.range.lowerBound)
    default:
      let image = try readPortableImage(file, member)
      let layout = Layout(
        shape: [image.channels, image.height, image.width], coding: ElementCoding(.uint8),
        order: .channelsLast)
      return (layout, image.start)
    }
  }

  func samples(_ paths: [String]) throws(InputError) -> LabelledSamples {
    let path = paths.first ?? ""
    guard let layout = first?.layout else {
      throw dataFault(
        path, "holds no samples", hint: "a sample is NAME.npy, .pgm, .ppm or .bin with NAME.cls beside it")
    }
    guard layout.shape.allSatisfy({ $0 > 0 }) else {
      throw dataFault(path, "holds empty samples of \(extents(layout.shape))")
    }
    let store = SampleStore(
      files: files, places: .scattered(places), count: places.count, shape: layout.shape,
      coding: layout.coding, order: layout.order)
    try store.checkNumbers()
    return LabelledSamples(store: store, labels: labels, labelPath: path)
  }
}

/// An image without compression.
struct PortableImage: Hashable {
  let channels: Int
  let height: Int
  let width: Int
  /// The first byte of the pixels.
  let start: Int
}

/// Reads the header of a binary portable graymap or pixmap with one byte for each number.
///
/// > Source: Netpbm documentation, `pgm` and `ppm` (raw formats P5 and P6).
func readPortableImage(_ file: DataFile, _ member: TarMember) throws(InputError) -> PortableImage {
  let bytes = file.bytes
  let end = member.range.upperBound
  var position = member.range.lowerBound
  func fault(_ message: String) -> InputError {
    dataFault(
      file.path, message, at: position, part: member.name,
      hint: "images are binary .pgm (P5) or .ppm (P6) with at most 255 levels")
  }
  guard member.range.count > 2, bytes[position] == UInt8(ascii: "P"),
    bytes[position + 1] == UInt8(ascii: "5") || bytes[position + 1] == UInt8(ascii: "6")
  else { throw fault("is no binary portable image") }
  let channels = bytes[position + 1] == UInt8(ascii: "5") ? 1 : 3
  position += 2
  func number() -> Int? {
    while position < end {
      if bytes[position] == UInt8(ascii: "#") {
        while position < end, bytes[position] != 0x0A { position += 1 }
      } else if bytes[position] == 0x20 || (0x09...0x0D).contains(bytes[position]) {
        position += 1
      } else {
        break
      }
    }
    var value: Int?
    while position < end, (0x30...0x39).contains(bytes[position]), (value ?? 0) < 1 << 24 {
      value = (value ?? 0) * 10 + Int(bytes[position] - 0x30)
      position += 1
    }
    return value
  }
  guard let width = number(), let height = number(), let levels = number(), position < end else {
    throw fault("the header of the image is cut short")
  }
  guard (1...255).contains(levels) else { throw fault("the image has \(levels) levels") }
  position += 1
  guard let count = boundedProduct([channels, height, width]), count == end - position else {
    throw fault("the image of \(width)×\(height) pixels has \(end - position) bytes")
  }
  return PortableImage(channels: channels, height: height, width: width, start: position)
}
