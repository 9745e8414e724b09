import Datasets
import Diagnostics
import Glibc
import TestSupport
import Testing

struct OpenDatasetTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func message(of body: () throws -> Void) -> String {
    do {
      try body()
      return ""
    } catch {
      return (error as? InputError)?.diagnostics.first?.message ?? "\(error)"
    }
  }

  private func writeIDX(_ prefix: String, images: [UInt8], shape: [Int], labels: [UInt8]) throws {
    try folder.write("\(prefix)-images-idx3-ubyte", FileFormats.idx(shape, images))
    try folder.write("\(prefix)-labels-idx1-ubyte", FileFormats.idx([labels.count], labels))
  }

  // Bytes 0 and 255 in equal number: mean 1/2 and deviation 1/2, so that they become −1 and 1.
  @Test func `bytes of IDX are divided by 255 and standardised by the training set`() throws {
    try writeIDX("train", images: [0, 255, 0, 255, 255, 0, 255, 0], shape: [2, 2, 2], labels: [0, 1])
    try writeIDX("t10k", images: [255, 255, 0, 0], shape: [1, 2, 2], labels: [1])
    let data = try openDataset(folder.path, in: [])
    #expect(data.training.count == 2)
    #expect(data.training.sampleShape == [1, 2, 2])
    #expect(data.training.classCount == 2)
    #expect(data.training.sample(0) == [-1, 1, -1, 1])
    #expect(data.training.sample(1) == [1, -1, 1, -1])
    #expect(data.evaluation?.sample(0) == [1, 1, -1, -1])
    #expect(data.evaluation?.label(of: 0) == 1)
    #expect(data.notes[1].contains("mean 0.5, deviation 0.5"))
  }

  @Test func `numbers that name rows are read as they are, and must name some`() throws {
    try folder.write("words.csv", Array("3,0,1\n4,2,0\n".utf8))
    let path = "\(folder.path)/words.csv"
    let data = try openDataset(path, in: [], numbers: .whole(below: 5))
    #expect(data.training.sample(0) == [3, 0])
    #expect(data.training.sample(1) == [4, 2])
    #expect(
      message { _ = try openDataset(path, in: [], numbers: .whole(below: 4)) }
        == "sample 1 holds 4.0, and the network reads whole numbers from 0 to 3")
    try folder.write("half.csv", Array("3,0.5,1\n".utf8))
    #expect(
      message { _ = try openDataset("\(folder.path)/half.csv", in: [], numbers: .whole(below: 5)) }
        .hasPrefix("sample 0 holds 0.5"))
  }

  @Test func `big-endian numbers of IDX are read`() throws {
    // −256 and 256 in 16 bits: mean 0, deviation 256.
    try folder.write("train-images-idx3-ubyte", FileFormats.idx([2, 1, 1], [0xFF, 0, 1, 0], kind: 0x0B))
    try folder.write("train-labels-idx1-ubyte", FileFormats.idx([2], [0, 1]))
    let data = try openDataset(folder.path, in: [])
    #expect(data.training.sample(0) == [-1])
    #expect(data.training.sample(1) == [1])
    #expect(data.evaluation == nil)
  }

  @Test(arguments: [UInt8(1), 2, 3])
  func `arrays of NumPy are read`(version: UInt8) throws {
    // Two columns: (1, 3) has mean 2 and deviation 1; (5, 5) never changes and is only shifted.
    let numbers = FileFormats.littleEndian([1, 5, 3, 5] as [Float])
    try folder.write("x_train.npy", FileFormats.npy("<f4", [2, 2], numbers, version: version))
    try folder.write(
      "y_train.npy",
      FileFormats.npy("<i8", [2], FileFormats.littleEndian([2, 0] as [Int64]), version: version))
    let data = try openDataset(folder.path, in: [])
    #expect(data.training.sampleShape == [2])
    #expect(data.training.sample(0) == [-1, 0])
    #expect(data.training.sample(1) == [1, 0])
    #expect(data.training.label(of: 0) == 2)
    #expect(data.training.classCount == 3)
  }

  @Test func `rows of CSV are read with and without a heading`() throws {
    for heading in ["", "a,b,class\n", "2,2,3,4\n"] {
      let path = try folder.write("t.csv", Array("\(heading)1,4,0\r\n3, 8 ,1\n\n".utf8))
      let data = try openDataset(path, in: [])
      #expect(data.training.count == 2, "\(heading)")
      #expect(data.training.sample(0) == [-1, -1])
      #expect(data.training.sample(1) == [1, 1])
      #expect(data.training.label(of: 1) == 1)
    }
  }

  @Test func `what is wrong with a data set is said in one sentence`() throws {
    func fault(_ change: () throws -> Void) throws -> String {
      try writeIDX("train", images: [1, 2, 3, 4], shape: [2, 1, 2], labels: [0, 1])
      try change()
      return message { _ = try openDataset(folder.path, in: []) }
    }
    let images = "train-images-idx3-ubyte"
    let labels = "train-labels-idx1-ubyte"
    #expect(
      try fault { try folder.write(labels, FileFormats.idx([3], [0, 1, 0])) }.hasPrefix(
        "has 3 labels for 2 samples"))
    #expect(try fault { try folder.write(images, [1, 2, 3, 4, 5]) }.contains("begins with 01 02 03 04"))
    #expect(
      try fault { try folder.write(images, FileFormats.idx([2, 1, 2], [1, 2, 3])) }.contains(
        "promises 2×1×2 numbers up to byte 20, but it ends at 19"))
    #expect(
      try fault { try folder.write(images, FileFormats.idx([2, 1, 2], [1, 2, 3, 4, 5])) }.contains(
        "1 bytes follow"))
    #expect(try fault { try folder.write(images, FileFormats.idx([0, 1, 2], [])) }.contains("no samples"))
    #expect(try fault { try folder.write(images, []) } == "is empty")
    #expect(try fault { unlink("\(folder.path)/\(labels)") }.hasPrefix("the labels of"))
    try folder.write(labels, FileFormats.idx([2], [0, 1]))
    #expect(
      try fault { try writeIDX("t10k", images: [1, 2], shape: [1, 1, 2], labels: [5]) }
        == "the label 5 of sample 0 is none of the 2 classes that are trained")
    #expect(
      try fault { try writeIDX("t10k", images: [1, 2], shape: [1, 2, 1], labels: [0]) }.contains(
        "samples of 1×2×1 are unlike those to train on, which have 1×1×2"))
  }

  @Test func `numbers that are none are found with their place`() throws {
    let numbers = FileFormats.littleEndian([1, 2, .nan, 4] as [Float])
    try folder.write("train-images.npy", FileFormats.npy("<f4", [2, 2], numbers))
    try folder.write("train-labels.npy", FileFormats.npy("|u1", [2], [0, 1]))
    let error = #expect(throws: InputError.self) { try openDataset(folder.path, in: []) }
    let diagnostic = try #require(error?.diagnostics.first)
    #expect(diagnostic.message == "sample 1 holds a number that is infinite or none")
    #expect(diagnostic.kind == .badModel)
    #expect(diagnostic.location?.file.hasSuffix("train-images.npy") == true)
    // The header takes 128 bytes, and the number is the third of 4 bytes.
    #expect(diagnostic.location?.byteOffset == 128 + 8)
  }

  @Test(arguments: [
    ("<f2", false, "numbers of the kind '<f2' are not read"), ("|O", false, "'|O' are not read"),
    ("<f4", true, "the array is in Fortran order"),
  ])
  func `arrays that cannot be read say why`(_ description: String, fortran: Bool, expected: String) throws {
    let numbers = [UInt8](repeating: 0, count: 16)
    try folder.write("train-images.npy", FileFormats.npy(description, [2, 2], numbers, fortran: fortran))
    try folder.write("train-labels.npy", FileFormats.npy("|u1", [2], [0, 1]))
    #expect(message { _ = try openDataset(folder.path, in: []) }.contains(expected))
  }

  @Test func `labels that are no classes are refused`() throws {
    for (row, expected) in [
      ("1,2,-1", "the label -1.0 is no class"), ("1,2,0.5", "the label 0.5 is no class"),
      ("1,nan,0", "holds a number that is infinite or none"), ("1,2,3,4", "has 4 fields"),
      ("1,x,2", "field 2 is no number"),
    ] {
      let path = try folder.write("t.csv", Array("1,2,0\n1,2,1\n\(row)\n".utf8))
      #expect(message { _ = try openDataset(path, in: []) }.hasPrefix(expected), "\(row)")
    }
  }

  @Test func `a data set is found in the first folder that has it`() throws {
    let path = try folder.write("fashion-mnist/train.csv", Array("1,0\n2,1\n".utf8))
    #expect(path.hasSuffix("train.csv"))
    let data = try openDataset("fashion-mnist", in: ["\(folder.path)/nowhere", folder.path])
    #expect(data.training.name == "fashion-mnist")
    #expect(try openDataset("fashion-mnist", in: ["\(folder.path)/fashion-mnist"]).training.count == 2)
    let error = #expect(throws: InputError.self) { try openDataset("fashion-mnist", in: ["nowhere"]) }
    #expect(error?.diagnostics.first?.kind == .missingFile)
    #expect(error?.diagnostics.first?.hint?.contains("make deps") == true)
    let misspelt = #expect(throws: InputError.self) { try openDataset("fashion-minst", in: []) }
    #expect(misspelt?.diagnostics.first?.hint == "did you mean 'fashion-mnist'?")
  }

  @Test func `named data sets are looked for around the executable`() {
    #expect(
      datasetFolders(given: "/data", executable: "/x/.build/release/partita") == [
        "/data", ".deps", "/x/.build/release/.deps", "/x/.build/.deps", "/x/.deps", "/.deps",
      ])
    #expect(datasetFolders(given: nil, executable: nil) == [".deps"])
  }

  // Whatever is in a file: an error or a data set, but never a trap. The seed of a failure is in the message.
  @Test func `damaged files never stop the process`() throws {
    let image = Array("P5 2 2 255\n".utf8) + [1, 2, 3, 4]
    let files: [(String, [UInt8])] = [
      ("train-images-idx3-ubyte", FileFormats.idx([2, 1, 2], [1, 2, 3, 4])),
      ("train-images.npy", FileFormats.npy("<f4", [2, 1], FileFormats.littleEndian([1, 2] as [Float]))),
      ("train.csv", Array("a,b\n1,0\n2.5e3,1\n".utf8)),
      ("train-0.tar", FileFormats.tar([("a.pgm", image), ("a.cls", [0x30])])),
    ]
    for seed in 0..<400 as Range<UInt64> {
      var generator = SplitMix64(seed: seed)
      let (name, sound) = files[Int(seed) % files.count]
      var bytes = sound
      for _ in 0...generator.below(4) {
        let place = generator.below(bytes.count)
        switch generator.below(3) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes.removeSubrange(place..<min(bytes.count, place + 1 + generator.below(40)))
        default: bytes[place] ^= 1 << UInt8(generator.below(8))
        }
        if bytes.isEmpty { bytes = sound }
      }
      let place = try TemporaryFolder()
      try place.write(name, bytes)
      try place.write("train-labels-idx1-ubyte", FileFormats.idx([2], [0, 1]))
      try place.write("train-labels.npy", FileFormats.npy("|u1", [2], [0, 1]))
      do {
        let data = try openDataset(place.path, in: [])
        #expect(data.training.sample(0).count == data.training.sampleElements, "seed \(seed)")
      } catch {
        #expect(error.diagnostics.first?.location != nil, "seed \(seed)")
      }
    }
  }
}
