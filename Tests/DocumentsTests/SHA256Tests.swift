import Testing

@testable import Documents

struct SHA256Tests {
  // FIPS 180-4 examples (NIST, "Cryptographic Standards and Guidelines", SHA256.pdf) and the empty message of
  // the NIST test vectors.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `published examples come out`(text: String, digest: String) {
    #expect(SHA256.digest(of: Array(text.utf8)).hexadecimal == digest)
  }

  // The long message of the same source: 10⁶ times the letter a.
  @Test func `a million letters come out, however they are cut`() {
    let letters = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    var hash = SHA256()
    var start = 0
    var length = 1
    while start < letters.count {
      let end = min(letters.count, start + length)
      hash.update(Array(letters[start..<end]))
      start = end
      length = length * 3 + 1
    }
    #expect(
      hash.finished().hexadecimal == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  // Both follow FIPS 180-4, once in instructions of the processor and once in arithmetic.
  @Test func `a processor with and one without instructions come to the same`() {
    for blockCount in 0...20 {
      let blocks = (0..<64 * blockCount).map { UInt8(truncatingIfNeeded: $0 * $0 + 31 * blockCount) }
      var hash = SHA256()
      hash.update(blocks)
      var state = SHA256.start
      blocks.withUnsafeBytes { SHA256.compressWithoutInstructions($0, &state) }
      #expect(hash.state == state)
    }
  }

  @Test func `every cut of a message has the same digest`() {
    let message = (0..<200).map { UInt8($0) }
    let whole = SHA256.digest(of: message)
    for cut in 0...200 {
      var hash = SHA256()
      hash.update(Array(message[..<cut]))
      hash.update(Array(message[cut...]))
      #expect(hash.finished() == whole, "cut at \(cut)")
    }
  }

  // The bit count of a message of 55 and 56 bytes falls into the same and into the next block. Values from
  // Python's hashlib, another implementation.
  @Test(arguments: [
    (55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
    (56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"),
    (64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
  ])
  func `the padding fits`(count: Int, digest: String) {
    #expect(SHA256.digest(of: [UInt8](repeating: 0x61, count: count)).hexadecimal == digest)
  }
}
