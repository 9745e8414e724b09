/// How the steps of an axis that does not divide over all devices fall into blocks whose sizes differ by at
/// most one.
///
/// The steps go down the levels: each part of a level hands them on to the parts below in numbers that differ
/// by at most one, and what is left over goes to the coordinates of that level that were given least so far;
/// of equal ones first to that which the sum of the digits of a running number names (for two ways the
/// Thue–Morse sequence), so that what is left over on one level does not keep step with another.
///
/// So for each single level and for each run of levels from the top the parts differ by at most one step, and
/// are equal wherever the extent divides; the same holds for all sets of up to three two-way levels. No
/// placement of blocks can do that for every set: four steps over four two-way levels would need an
/// orthogonal array of four rows, four factors and strength two, and such arrays have at most three factors.
enum BalancedBlocks {
  /// The sizes of the blocks of `extent` steps, by mixed-radix number.
  static func sizes(of extent: Int, ways: [Int]) -> [Int] {
    var sizes = [extent]
    for count in ways {
      var given = [Int](repeating: 0, count: count)
      var number = 0
      sizes = sizes.flatMap { size -> [Int] in
        var parts = [Int](repeating: size / count, count: count)
        let rest = size % count
        if rest > 0 {
          let start = digitSum(number, base: count) % count
          let order = (0..<count).sorted {
            (given[$0], ($0 - start + count) % count) < (given[$1], ($1 - start + count) % count)
          }
          for part in order[..<rest] {
            parts[part] += 1
            given[part] += 1
          }
          number += 1
        }
        return parts
      }
    }
    return sizes
  }

  private static func digitSum(_ number: Int, base: Int) -> Int {
    var (sum, rest) = (0, number)
    while rest > 0, base > 1 {
      sum += rest % base
      rest /= base
    }
    return sum
  }
}
