import Diagnostics
import Documents
import Graphs
import Testing
import Units

@testable import Execution

struct WeightSafetensorsTests {
  // Written by hand from the format's description: the head's length, the head, 2 float32 numbers 1 and −2.
  @Test func `a file is what the format says`() {
    let tensor = NamedArray(name: "w", shape: [2], elements: [1, -2])
    let bytes = withTensorViews(of: [tensor]) {
      safetensors(of: $0, metadata: [.init("format", "pt")])
    }
    let head =
      #"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let plain = JSONValueText.withoutSpaces(String(decoding: bytes[8..<bytes.count - 8], as: UTF8.self))
    #expect(plain == head)
    #expect((bytes.count - 16) % 8 == 0)
    #expect(bytes[..<8].elementsEqual([UInt8(bytes.count - 16), 0, 0, 0, 0, 0, 0, 0]))
    #expect(bytes.suffix(8).elementsEqual([0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]))
  }

  @Test func `tensors of all kinds are read again`() throws {
    let numbers = [UInt8](repeating: 3, count: 8)
    let bytes = numbers.withUnsafeBytes { buffer in
      let views = ElementType.allCases.map { type in
        TensorView(
          name: type.rawValue, type: TensorType(type, [1]),
          bytes: UnsafeRawBufferPointer(rebasing: buffer[..<type.size.count]))
      }
      return safetensors(of: views)
    }
    let tensors = try parsedSafetensors(bytes, name: "all")
    #expect(Set(tensors.entries.map(\.name)) == Set(ElementType.allCases.map(\.rawValue)))
    for type in ElementType.allCases {
      #expect(tensors[type.rawValue]?.type == TensorType(type, [1]))
      let count = tensors.withBytes(of: type.rawValue) { bytes in
        bytes.allSatisfy { $0 == 3 } ? bytes.count : -1
      }
      #expect(count == type.size.count)
      // Each begins at a multiple of its own size in the file.
      #expect((tensors[type.rawValue]?.range.lowerBound ?? 1) % type.size.count == 0)
    }
  }

  @Test func `files that are none are refused`() throws {
    func file(_ head: String, data: Int = 8) -> [UInt8] {
      [UInt8(head.utf8.count), 0, 0, 0, 0, 0, 0, 0] + Array(head.utf8) + [UInt8](repeating: 0, count: data)
    }
    #expect(
      try parsedSafetensors(file(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#), name: "x")
        .floats(of: "w") == [0, 0])
    for (bytes, message) in [
      ([1, 2, 3], "it has 3 bytes"), ([255, 255, 255, 255, 255, 255, 255, 255], "cut short"),
      (file("{", data: 0), ""), (file("[1]"), "expected an object"),
      (file(#"{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#), "do not hold the shape"),
      (file(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,16]}}"#), "16 is not between"),
      (file(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#), "do not hold the shape"),
      (file(#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#), "does not begin where"),
      (file(#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#), "4 bytes follow"),
      (file(#"{"w":{"dtype":"F9","shape":[2],"data_offsets":[0,8]}}"#), "F9 are not read"),
      (
        file(#"{"w":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#),
        "do not hold the shape"
      ),
    ] as [([UInt8], String)] {
      let error = #expect(throws: InputError.self) { try parsedSafetensors(bytes, name: "x") }
      #expect(error?.diagnostics.first?.message.contains(message) == true, "\(message)")
    }
  }

  // The digest is of "a float32 [1]\n" + 1.0 + "b float32 [2]\n" + 2.0 + 3.0, by Python's hashlib.
  @Test func `the digest of weights does not depend on their order`() {
    let a = NamedArray(name: "a", shape: [1], elements: [1])
    let b = NamedArray(name: "b", shape: [2], elements: [2, 3])
    let first = withTensorViews(of: [a, b]) { weightsDigest(of: $0) }
    #expect(first == withTensorViews(of: [b, a]) { weightsDigest(of: $0) })
    #expect(first.hexadecimal == "04fa4a20b630317daaf6162eb4ec1efc56a8b64c0bc5a6c278bfa13b393e243c")
  }
}

private enum JSONValueText {
  /// The text without spaces, of which the head has none inside its names.
  static func withoutSpaces(_ text: String) -> String { text.filter { $0 != " " } }
}
