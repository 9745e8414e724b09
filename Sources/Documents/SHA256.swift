internal import CDigest

/// The SHA-256 digest of bytes that come in any number of parts.
///
/// Where the processor has instructions for it they are used.
///
/// ```swift
/// var hash = SHA256()
/// hash.update(bytes)
/// let text = hash.finished().hexadecimal
/// ```
///
/// > Source: NIST FIPS 180-4, "Secure Hash Standard", sections 4.1.2, 5.1.1 and 6.2.
public struct SHA256: Sendable {
  /// A digest of 32 bytes.
  public struct Digest: Hashable, Sendable {
    /// The bytes.
    public let bytes: [UInt8]
    /// Creates a digest from its bytes.
    public init(bytes: [UInt8]) {
      precondition(bytes.count == 32, "\(bytes.count) bytes are no digest")
      self.bytes = bytes
    }
    /// The digest in hexadecimal, as tools print it.
    public var hexadecimal: String {
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
  }

  /// The state before the first block.
  static let start: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]

  private(set) var state = SHA256.start
  private var pending: [UInt8] = []
  private var count: UInt64 = 0

  /// Creates the hash of nothing.
  public init() { pending.reserveCapacity(64) }

  /// Returns the digest of bytes.
  public static func digest(of bytes: [UInt8]) -> Digest {
    var hash = SHA256()
    hash.update(bytes)
    return hash.finished()
  }

  /// Adds bytes.
  public mutating func update(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { update($0) }
  }

  /// Adds bytes.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    count &+= UInt64(bytes.count)
    var start = 0
    if !pending.isEmpty {
      start = min(64 - pending.count, bytes.count)
      pending.append(contentsOf: bytes[..<start])
      guard pending.count == 64 else { return }
      pending.withUnsafeBytes { Self.compress($0, &state) }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = (bytes.count - start) / 64 * 64
    Self.compress(UnsafeRawBufferPointer(rebasing: bytes[start..<start + whole]), &state)
    pending.append(contentsOf: bytes[(start + whole)...])
  }

  /// Returns the digest of what was added so far.
  public func finished() -> Digest {
    var rest = pending + [0x80]
    while rest.count % 64 != 56 { rest.append(0) }
    let bits = count &* 8
    for index in (0..<8).reversed() { rest.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * index))) }
    var state = state
    rest.withUnsafeBytes { Self.compress($0, &state) }
    return Digest(
      bytes: state.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } })
  }

  /// Takes whole blocks of 64 bytes into the state.
  private static func compress(_ blocks: UnsafeRawBufferPointer, _ state: inout [UInt32]) {
    let isDone = state.withUnsafeMutableBufferPointer {
      digest_sha256($0.baseAddress, constants, blocks.baseAddress, blocks.count / 64)
    }
    if isDone == 0 { compressWithoutInstructions(blocks, &state) }
  }

  /// The same on every processor.
  static func compressWithoutInstructions(_ blocks: UnsafeRawBufferPointer, _ state: inout [UInt32]) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
      constants.withUnsafeBufferPointer { constants in
        state.withUnsafeMutableBufferPointer { state in
          for block in 0..<blocks.count / 64 {
            for index in 0..<16 {
              let word = blocks.loadUnaligned(fromByteOffset: block * 64 + index * 4, as: UInt32.self)
              words[index] = UInt32(bigEndian: word)
            }
            for index in 16..<64 {
              let (early, late) = (words[index - 15], words[index - 2])
              let first = rotated(early, 7) ^ rotated(early, 18) ^ early >> 3
              let second = rotated(late, 17) ^ rotated(late, 19) ^ late >> 10
              words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
            }
            var (a, b, c, d) = (state[0], state[1], state[2], state[3])
            var (e, f, g, h) = (state[4], state[5], state[6], state[7])
            // Eight rounds bring every variable back to its place, so that none is moved.
            for index in stride(from: 0, to: 64, by: 8) {
              mix(a, b, c, &d, e, f, g, &h, constants[index] &+ words[index])
              mix(h, a, b, &c, d, e, f, &g, constants[index + 1] &+ words[index + 1])
              mix(g, h, a, &b, c, d, e, &f, constants[index + 2] &+ words[index + 2])
              mix(f, g, h, &a, b, c, d, &e, constants[index + 3] &+ words[index + 3])
              mix(e, f, g, &h, a, b, c, &d, constants[index + 4] &+ words[index + 4])
              mix(d, e, f, &g, h, a, b, &c, constants[index + 5] &+ words[index + 5])
              mix(c, d, e, &f, g, h, a, &b, constants[index + 6] &+ words[index + 6])
              mix(b, c, d, &e, f, g, h, &a, constants[index + 7] &+ words[index + 7])
            }
            state[0] &+= a
            state[1] &+= b
            state[2] &+= c
            state[3] &+= d
            state[4] &+= e
            state[5] &+= f
            state[6] &+= g
            state[7] &+= h
          }
        }
      }
    }
  }

  /// One round: the new `e` is left in `d` and the new `a` in `h`.
  @inline(__always) private static func mix(
    _ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: inout UInt32, _ e: UInt32, _ f: UInt32, _ g: UInt32,
    _ h: inout UInt32, _ word: UInt32
  ) {
    let choice = g ^ (e & (f ^ g))
    let first = h &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ choice &+ word
    let majority = (a & b) | (c & (a | b))
    d &+= first
    h = first &+ (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
  }

  @inline(__always) private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word &>> count | word &<< (32 &- count)
  }

  /// The constants of the 64 rounds.
  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}
