import Datasets
import Diagnostics
import Testing

struct TarShardsTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func npy(_ numbers: [Float]) -> [UInt8] {
    FileFormats.npy("<f4", [numbers.count], FileFormats.littleEndian(numbers))
  }

  private func label(_ number: Int) -> [UInt8] { Array("\(number)\n".utf8) }

  @Test func `samples and labels of all shards are joined by their names`() throws {
    try folder.write(
      "train/shard-000000.tar",
      FileFormats.tar([
        ("000000.cls", label(1)), ("000000.npy", npy([1])), ("000000.json", [0x7B, 0x7D]),
        ("000001.npy", npy([3])), ("000001.cls", label(0)),
      ]))
    try folder.write(
      "train/shard-000001.tar",
      FileFormats.tar([("a/b.c/000002.npy", npy([5])), ("a/b.c/000002.cls", label(2))]))
    try folder.write("test/0.tar", FileFormats.tar([("x.npy", npy([3])), ("x.cls", label(2))]))
    let data = try openDataset(folder.path, in: [])
    // Mean 3 and deviation √(8/3).
    let unit = (8.0 / 3).squareRoot()
    #expect((0..<3).map { data.training.sample($0) } == [[Float(-2 / unit)], [0], [Float(2 / unit)]])
    #expect((0..<3).map { data.training.label(of: $0) } == [1, 0, 2])
    #expect(data.evaluation?.sample(0) == [0])
  }

  // Red 0 and 255, green always 51 (its deviation is taken as 1), blue 255 and 0.
  @Test func `pixmaps become channels, rows and columns`() throws {
    let image = Array("P6\n# made by hand\n2 1\n255\n".utf8) + [0, 51, 255, 255, 51, 0]
    let path = try folder.write("one.tar", FileFormats.tar([("0.ppm", image), ("0.cls", label(0))]))
    let data = try openDataset(path, in: [])
    #expect(data.training.sampleShape == [3, 1, 2])
    #expect(data.training.sample(0) == [-1, 1, 0, 0, 1, -1])
  }

  @Test func `long names of pax and GNU are read`() throws {
    let long = String(repeating: "folder/", count: 20) + "7"
    let pax = FileFormats.block("pax", FileFormats.paxRecord("path", "\(long).npy"), kind: "x")
    let gnu = FileFormats.block("././@LongLink", Array("\(long).cls".utf8) + [0], kind: "L")
    let folderEntry = FileFormats.block("some/", [], kind: "5")
    let bytes =
      folderEntry + pax + FileFormats.block("cut.npy", npy([1])) + gnu
      + FileFormats.block("cut.cls", label(3))
      + FileFormats.block("2.npy", npy([2]), prefix: "deep")
      + FileFormats.block("2.cls", label(0), prefix: "deep")
    let path = try folder.write("one.tar", bytes)
    let data = try openDataset(path, in: [])
    #expect((0..<2).map { data.training.label(of: $0) } == [3, 0])
  }

  @Test func `bytes are rows`() throws {
    let path = try folder.write(
      "one.tar",
      FileFormats.tar([("0.bin", [0, 255]), ("0.cls", label(0)), ("1.bin", [255, 0]), ("1.cls", label(1))]))
    let data = try openDataset(path, in: [])
    #expect(data.training.sampleShape == [2])
    #expect(data.training.sample(1) == [1, -1])
  }

  @Test func `faults name the shard and the member`() throws {
    let sound = FileFormats.tar([("0.npy", npy([1])), ("0.cls", label(0))])
    let cases: [([UInt8], String, String?)] = [
      // Cut inside the second member: its header begins at byte 1024.
      (Array(sound[..<1600]), "the member at byte 1024 does not end", nil),
      ([0x61] + sound.dropFirst(), "the header at byte 0 has a wrong checksum", nil),
      (FileFormats.tar([("0.npy", npy([1]))]), "a sample has no label beside it", "0.npy"),
      (FileFormats.tar([("0.cls", label(1))]), "a label has no sample beside it", "0.cls"),
      (
        FileFormats.tar([("0.npy", npy([1])), ("0.cls", Array("dog".utf8))]), "the label is no number",
        "0.cls"
      ),
      (FileFormats.tar([("0.npy", npy([1])), ("0.cls", label(-1))]), "the label -1.0 of sample 0", "0.cls"),
      (
        FileFormats.tar([
          ("0.npy", npy([1])), ("0.cls", label(0)), ("1.npy", npy([1, 2])), ("1.cls", label(0)),
        ]), "a sample of 2 is unlike 0.npy of 1", "1.npy"
      ),
      (FileFormats.tar([("readme.txt", [])]), "holds no samples", nil),
      (
        FileFormats.tar([("0.pgm", Array("P5 2 2 255\n1".utf8)), ("0.cls", label(0))]),
        "2×2 pixels has 1 bytes", "0.pgm"
      ),
    ]
    for (bytes, message, part) in cases {
      let path = try folder.write("bad.tar", bytes)
      let error = #expect(throws: InputError.self) { try openDataset(path, in: []) }
      let diagnostic = try #require(error?.diagnostics.first)
      #expect(diagnostic.message.contains(message), "\(diagnostic.message)")
      #expect(diagnostic.location?.file == path)
      #expect(diagnostic.location?.part == part)
    }
  }
}
