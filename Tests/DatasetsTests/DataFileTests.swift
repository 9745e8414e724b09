import Diagnostics
import Glibc
import Testing

@testable import Datasets

struct DataFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// What `printf '1,0\n2,1\n' | gzip -n` writes.
  static let packed: [UInt8] = [
    0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x33, 0xD4, 0x31, 0xE0, 0x32, 0xD2, 0x31,
    0xE4, 0x02, 0x00, 0x6C, 0xA1, 0x6F, 0x27, 0x08, 0x00, 0x00, 0x00,
  ]

  @Test func `compressed files are unpacked`() throws {
    let file = try DataFile.open(folder.write("t.csv.gz", Self.packed))
    #expect(Array(file.bytes) == Array("1,0\n2,1\n".utf8))
    let data = try openDataset("\(folder.path)/t.csv.gz", in: [])
    #expect(data.training.count == 2)
  }

  @Test func `damaged compressed files are refused`() throws {
    var wrongSum = Self.packed
    wrongSum[20] ^= 1
    for bytes in [Array(Self.packed.dropLast(9)), Array(Self.packed.dropLast(2)), wrongSum] {
      let path = try folder.write("t.csv.gz", bytes)
      let error = #expect(throws: InputError.self) { try DataFile.open(path) }
      #expect(error?.diagnostics.first?.message == "the compressed data are damaged or cut short")
    }
  }

  @Test func `a missing library says how to do without`() {
    let error = #expect(throws: InputError.self) {
      try GzipLibrary(for: "images.gz", library: "libnone.so.1")
    }
    #expect(error?.diagnostics.first?.hint == "unpack it with gunzip, or install zlib1g")
  }

  @Test func `what is no regular file is refused`() throws {
    mkdir("\(folder.path)/d", 0o777)
    let error = #expect(throws: InputError.self) { try DataFile.open("\(folder.path)/d") }
    #expect(error?.diagnostics.first?.message == "is not a regular file")
    let missing = #expect(throws: InputError.self) { try DataFile.open("\(folder.path)/none") }
    #expect(missing?.diagnostics.first?.kind == .missingFile)
  }
}
