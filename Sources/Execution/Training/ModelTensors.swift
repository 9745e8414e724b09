import Communication
public import Datasets
import Differentiation
import Graphs
import Plans
import Units

/// A trained model put together from the ranks that hold its parts.
///
/// Names are those of the network's tensors; a state of the optimizer is `NAME/optimizer.0`, and running
/// statistics that each cell has of its own are `NAME/cell.3`.
public struct ModelTensors: Sendable {
  /// One tensor.
  public struct Entry: Hashable, Sendable {
    /// The shape.
    public let shape: [Int]
    /// Row-major.
    public var elements: [Float]
    /// Of statistics of a cell, the samples of the cell; zero otherwise.
    public let weight: Int
  }

  /// By name.
  public private(set) var entries: [String: Entry] = [:]
  /// Which samples were read.
  public internal(set) var ledger = SampleLedger()

  /// The tensors of a checkpoint, in the order of their names.
  public var arrays: [NamedArray] {
    entries.sorted { $0.key < $1.key }.map {
      NamedArray(name: $0.key, shape: $0.value.shape, elements: $0.value.elements)
    }
  }

  /// The tensors of the network itself, in the order of their names: parameters and running statistics, those
  /// of cells averaged with their samples as weights.
  public var network: [NamedArray] {
    var whole: [String: [Float]] = [:]
    var shapes: [String: [Int]] = [:]
    var cells: [String: [(cell: Int, entry: Entry)]] = [:]
    for (name, entry) in entries where !name.contains("/optimizer.") {
      if entry.weight > 0, let slash = name.lastIndex(of: "/") {
        let base = String(name[..<slash])
        let number = name[slash...].split(separator: ".").last.flatMap { Int($0) }
        cells[base, default: []].append((number ?? 0, entry))
        shapes[base] = entry.shape
      } else {
        whole[name] = entry.elements
        shapes[name] = entry.shape
      }
    }
    for (name, parts) in cells {
      let total = parts.reduce(0) { $0 + $1.entry.weight }
      var sum = [Double](repeating: 0, count: parts[0].entry.elements.count)
      for part in parts.sorted(by: { $0.cell < $1.cell }) {
        for (index, value) in part.entry.elements.enumerated() {
          sum[index] += Double(value) * Double(part.entry.weight)
        }
      }
      whole[name] = sum.map { Float($0 / Double(max(1, total))) }
    }
    return whole.sorted { $0.key < $1.key }.map {
      NamedArray(name: $0.key, shape: shapes[$0.key] ?? [$0.value.count], elements: $0.value)
    }
  }

  mutating func set(
    _ name: String, shape: [Int], runs: [Range<Int>], weight: Int, _ values: UnsafeBufferPointer<Float>
  ) {
    let count = shape.reduce(1, *)
    var entry =
      entries.removeValue(forKey: name)
      ?? Entry(shape: shape, elements: [Float](repeating: 0, count: count), weight: weight)
    entry.elements.withUnsafeMutableBufferPointer { elements in
      var place = 0
      for run in runs {
        _ = UnsafeMutableBufferPointer(rebasing: elements[run]).update(
          fromContentsOf: values[place..<place + run.count])
        place += run.count
      }
    }
    entries[name] = entry
  }
}

extension RankExecutor {
  /// The name under which a kept tensor stands in files; nil for constants.
  func name(of tensor: KeptTensor, in training: TrainingGraph) -> String? {
    switch tensor.value {
    case .forward(let id):
      if case .constant = training.graph[id].role { return nil }
      return training.graph[id].name + (tensor.cell.map { "/cell.\($0.index)" } ?? "")
    case .optimizerState(let id, let index): return "\(training.graph[id].name)/optimizer.\(index)"
    case .error, .gradient, .auxiliary: return nil
    }
  }

  /// Brings the parts of a model to rank 0.
  ///
  /// - Returns: The model at rank 0, nil at the others.
  /// - Throws: ``Communication/PeerLost`` where a rank is gone.
  func gather(
    _ training: TrainingGraph, ledger: SampleLedger, over transport: any Transport
  ) throws(PeerLost) -> ModelTensors? {
    // What a rank sends: the number of bytes of its names, the names and runs as text, then the numbers.
    var head = ledger.text + "\n"
    var numbers: [Float] = []
    for tensor in kept where tensor.isPrincipal {
      guard let name = name(of: tensor, in: training) else { continue }
      let shape = training.type(of: tensor.value).shape
      let runs = tensor.holding.runs.map { "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ",")
      head +=
        "\(shape.map(String.init).joined(separator: ","))\t\(tensor.cell?.samples ?? 0)\t\(runs)\t\(name)\n"
      if let floats = floats(of: tensor) {
        numbers += floats
      } else {
        numbers += values(of: tensor).map(Float.init)
      }
    }
    let text = Array(head.utf8)
    if transport.rank > 0 {
      try transport.send([text.count, numbers.count], to: 0)
      try transport.send(text, to: 0)
      try transport.send(numbers, to: 0)
      return nil
    }
    var model = ModelTensors()
    model.read(text, numbers)
    for rank in 1..<max(1, transport.rankCount) {
      let sizes = try transport.receive(2, of: Int.self, from: rank)
      let other = try transport.receive(sizes[0], of: UInt8.self, from: rank)
      model.read(other, try transport.receive(sizes[1], of: Float.self, from: rank))
    }
    return model
  }
}

extension Transport {
  /// Sends the elements of an array.
  func send<Element: BitwiseCopyable>(_ array: [Element], to rank: Int) throws(PeerLost) {
    let copy = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(1, array.count))
    defer { copy.deallocate() }
    _ = copy.initialize(from: array)
    try exchange(
      sending: [
        OutgoingMessage(
          to: rank, bytes: UnsafeRawBufferPointer(UnsafeMutableBufferPointer(rebasing: copy[..<array.count])))
      ], receiving: [])
  }

  /// Receives so many elements.
  func receive<Element: BitwiseCopyable>(
    _ count: Int, of type: Element.Type, from rank: Int
  ) throws(PeerLost) -> [Element] {
    let memory = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, count * MemoryLayout<Element>.stride), alignment: 64)
    defer { memory.deallocate() }
    let bytes = UnsafeMutableRawBufferPointer(
      rebasing: memory[..<(count * MemoryLayout<Element>.stride)])
    try exchange(sending: [], receiving: [IncomingMessage(from: rank, bytes: bytes)])
    return Array(bytes.bindMemory(to: type))
  }
}

extension ModelTensors {
  /// Takes what a rank sent.
  fileprivate mutating func read(_ head: [UInt8], _ numbers: [Float]) {
    let lines = String(decoding: head, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    if let text = lines.first, let other = SampleLedger(text: String(text)) { ledger.merge(other) }
    var place = 0
    for line in lines.dropFirst() {
      let fields = line.split(separator: "\t", maxSplits: 3, omittingEmptySubsequences: false)
      guard fields.count == 4 else { continue }
      let shape = fields[0].split(separator: ",").compactMap { Int($0) }
      let runs = fields[2].split(separator: ",").map { run in
        let ends = run.split(separator: "-").compactMap { Int($0) }
        return ends[0]..<ends[1]
      }
      let count = runs.reduce(0) { $0 + $1.count }
      numbers.withUnsafeBufferPointer { numbers in
        set(
          String(fields[3]), shape: shape, runs: runs, weight: Int(fields[1]) ?? 0,
          UnsafeBufferPointer(rebasing: numbers[place..<place + count]))
      }
      place += count
    }
  }
}
