/// Which rows of a table are present, one after the other: all of them, or those that a device holds.
public struct TableRows: Hashable, Sendable {
  /// The rows of the whole table.
  public let count: Int
  /// The rows that are present, in order.
  public let present: [Range<Int>]

  /// Creates the rows of a part of a table.
  public init(count: Int, present: [Range<Int>]) {
    self.count = count
    self.present = present
  }

  /// The place of a row among those present, or nil where another device has it; negative indices count from
  /// the end of the whole table.
  @inlinable public func place(of index: Int) -> Int? {
    let row = index < 0 ? index + count : index
    var first = 0
    for rows in present {
      if rows.contains(row) { return first + row - rows.lowerBound }
      first += rows.count
    }
    return nil
  }
}
