public import Documents
internal import Graphs

/// Returns the SHA-256 of tensors, in which two runs agree if their weights are equal bit for bit.
///
/// Tensors are taken in the order of their names; each adds a line of its name, element type and shape, and
/// then its bytes, row-major and little-endian.
public func weightsDigest(of tensors: [TensorView]) -> SHA256.Digest {
  var hash = SHA256()
  for tensor in tensors.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
    let shape = tensor.type.shape.map(String.init).joined(separator: ",")
    hash.update(Array("\(tensor.name) \(tensor.type.elementType.rawValue) [\(shape)]\n".utf8))
    hash.update(tensor.bytes)
  }
  return hash.finished()
}
