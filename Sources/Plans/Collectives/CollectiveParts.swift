public import Units

/// The bytes of each coordinate's part of each lane, in the shortest of three forms.
public enum CollectiveParts: Hashable, Sendable {
  /// Every part is of this size.
  case even(Bytes)
  /// One size for each coordinate, the same in every lane.
  case byCoordinate([Bytes])
  /// One size for each lane and coordinate, lane by lane.
  case byLane([Bytes])

  /// Creates parts from one size for each lane and coordinate, lane by lane.
  public init(_ sizes: [Bytes], ways: Int) {
    precondition(ways > 0 && !sizes.isEmpty && sizes.count % ways == 0, "\(sizes.count) parts, \(ways) ways")
    if sizes.allSatisfy({ $0 == sizes[0] }) {
      self = .even(sizes[0])
    } else if sizes.indices.allSatisfy({ sizes[$0] == sizes[$0 % ways] }) {
      self = .byCoordinate(Array(sizes[..<ways]))
    } else {
      self = .byLane(sizes)
    }
  }

  /// Cuts `elements` of `elementSize` bytes over `ways` coordinates, into parts that differ by at most one
  /// element.
  public static func dividing(_ elements: Int, of elementSize: Int, over ways: Int) -> CollectiveParts {
    guard elements % ways != 0 else { return .even(Bytes(elements / ways * elementSize)) }
    let (whole, rest) = elements.quotientAndRemainder(dividingBy: ways)
    return .byCoordinate((0..<ways).map { Bytes((whole + ($0 < rest ? 1 : 0)) * elementSize) })
  }

  /// The bytes of each coordinate of a lane.
  public func sizes(lane: Int, ways: Int) -> [Int] {
    switch self {
    case .even(let size): return [Int](repeating: size.count, count: ways)
    case .byCoordinate(let sizes):
      precondition(sizes.count == ways, "\(sizes.count) parts for \(ways) ways")
      return sizes.map(\.count)
    case .byLane(let sizes):
      precondition(sizes.count >= (lane + 1) * ways, "\(sizes.count) parts, lane \(lane) of \(ways) ways")
      return sizes[(lane * ways)..<((lane + 1) * ways)].map(\.count)
    }
  }

  /// The bytes of a lane's whole data.
  public func total(lane: Int, ways: Int) -> Bytes { Bytes(sizes(lane: lane, ways: ways).reduce(0, +)) }
}
