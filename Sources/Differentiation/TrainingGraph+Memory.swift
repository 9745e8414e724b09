import Graphs
public import Units

extension TrainingGraph {
  /// The part of a device's memory to which a value belongs.
  public enum MemoryPart: String, Hashable, Sendable, CaseIterable {
    /// Parameters, running statistics and constants.
    case weights
    case gradients
    case optimizerState = "optimizer state"
    /// Samples, labels, activations and what the forward phase leaves for the backward phase.
    case activations
    case errors
  }

  /// How long a storage is needed, in indices of ``TrainingGraph/operations``, both ends included.
  public struct Lifetime: Hashable, Sendable {
    /// The value that owns the storage.
    public let value: Value
    /// The operation that writes it first; the first operation for what is there before the step.
    public let first: Int
    /// The last operation that reads or writes it or a view of it; the last of all for what stays.
    public let last: Int
  }

  /// Something that the forward phase makes or is given and that the backward phase reads.
  public struct SavedValue: Hashable, Sendable {
    /// The value that owns the storage.
    public let value: Value
    /// The first backward operation that reads it.
    public let firstRead: Int
    /// The last backward operation that reads it.
    public let lastRead: Int
  }

  /// What memory a step holds.
  public struct MemoryProfile: Hashable, Sendable {
    /// The bytes held while each operation runs.
    public let held: [Bytes]
    /// The most bytes held at once.
    public let peak: Bytes
    /// The first operation at which the peak is held.
    public let operation: Int
    /// The peak by ``MemoryPart``, in its order; all of them, also where zero.
    public let parts: [Bytes]
  }

  /// Returns the value that owns the storage of a value: itself, or that of which it is a view.
  ///
  /// The outputs of reshapes and forks are views of their inputs; the error of a reshape's input, and those
  /// of the operands of a sum without broadcasting, are views of the error of the output. Nothing else is
  /// done in place.
  public func storage(of value: Value) -> Value {
    switch value {
    case .forward(let tensor): .forward(forwardOwners[tensor.index])
    case .error(let tensor): .error(errorOwners[tensor.index])
    case .gradient, .auxiliary, .optimizerState: value
    }
  }

  /// The part of the memory to which a value belongs.
  public func part(of value: Value) -> MemoryPart {
    switch value {
    case .forward(let tensor): graph[tensor].role.isStatic ? .weights : .activations
    case .auxiliary: .activations
    case .error: .errors
    case .gradient: .gradients
    case .optimizerState: .optimizerState
    }
  }

  /// Returns the lifetime of every storage, by first use in program order.
  ///
  /// What belongs to the model and to the optimizer stays for the whole step; samples and labels are there
  /// from the beginning.
  ///
  /// - Complexity: O(operations · operands).
  public func lifetimes() -> [Lifetime] {
    var order: [Value] = []
    var spans: [Value: (first: Int, last: Int)] = [:]
    for (index, operation) in operations.enumerated() {
      for value in operation.reads + operation.writes {
        let owner = storage(of: value)
        if let span = spans[owner] {
          spans[owner] = (span.first, index)
        } else {
          order.append(owner)
          spans[owner] = (index, index)
        }
      }
    }
    let end = max(operations.count - 1, 0)
    return order.map { value in
      let span = spans[value] ?? (0, end)
      switch value {
      case .optimizerState: return Lifetime(value: value, first: 0, last: end)
      case .forward(let tensor):
        let role = graph[tensor].role
        if role.isStatic { return Lifetime(value: value, first: 0, last: end) }
        return Lifetime(value: value, first: role == .activation ? span.first : 0, last: span.last)
      case .error, .gradient, .auxiliary: return Lifetime(value: value, first: span.first, last: span.last)
      }
    }
  }

  /// Returns the memory that one device holds, operation by operation, and its peak.
  ///
  /// A value is held from the operation that writes it to the last that reads it or a view of it.
  /// Workspace of the operations and the padding of an allocator are left out.
  ///
  /// - Parameter localSize: The bytes that the device holds of a value; asked once for each storage.
  /// - Complexity: O(operations · operands).
  public func memoryProfile(localSize: (Value) -> Bytes) -> MemoryProfile {
    var rises = [[(part: Int, bytes: Int)]](repeating: [], count: operations.count + 1)
    let parts = MemoryPart.allCases
    for lifetime in lifetimes() {
      let bytes = localSize(lifetime.value).count
      guard let part = parts.firstIndex(of: part(of: lifetime.value)) else { continue }
      rises[lifetime.first].append((part, bytes))
      rises[lifetime.last + 1].append((part, -bytes))
    }
    var now = [Int](repeating: 0, count: parts.count)
    var held: [Bytes] = []
    var best = (bytes: -1, operation: 0, parts: now)
    for index in operations.indices {
      for rise in rises[index] { now[rise.part] += rise.bytes }
      let total = now.reduce(0, +)
      held.append(Bytes(total))
      if total > best.bytes { best = (total, index, now) }
    }
    return MemoryProfile(
      held: held, peak: Bytes(max(best.bytes, 0)), operation: best.operation,
      parts: best.parts.map(Bytes.init))
  }

  /// Returns what the forward phase must keep for the backward phase, by first backward read.
  ///
  /// Samples count, since the first layer's gradient reads them; labels and parameters do not.
  ///
  /// - Complexity: O(operations · operands).
  public func savedValues() -> [SavedValue] {
    var order: [Value] = []
    var spans: [Value: (first: Int, last: Int)] = [:]
    for (index, operation) in operations.enumerated() {
      guard operation.phase == .error || operation.phase == .weightGradient else { continue }
      for value in operation.reads {
        let owner = storage(of: value)
        switch owner {
        case .forward(let tensor):
          let role = graph[tensor].role
          guard role == .sample || role == .activation else { continue }
        case .auxiliary: break
        case .error, .gradient, .optimizerState: continue
        }
        if spans[owner] == nil { order.append(owner) }
        spans[owner] = (spans[owner]?.first ?? index, index)
      }
    }
    return order.compactMap { value in
      spans[value].map { SavedValue(value: value, firstRead: $0.first, lastRead: $0.last) }
    }
  }

  /// Returns the bytes of all ``savedValues()`` over the whole batch.
  ///
  /// - Parameter activationSize: The bytes of an element of a floating-point activation; other values, such
  ///   as masks and indices, have the size of their own type.
  public func savedActivationBytes(activationSize: Bytes = Bytes(4)) -> Bytes {
    savedValues().reduce(.zero) { sum, saved in
      let type = type(of: saved.value)
      let size = type.elementType.isFloatingPoint ? activationSize : type.elementType.size
      return sum + type.elementCount * size
    }
  }
}
