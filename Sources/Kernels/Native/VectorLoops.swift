/// Eight numbers at once: two registers of the least x86-64 processor, one of a wider one.
typealias Vector = SIMD8<Float>

/// Reads eight numbers from any place.
@inline(__always)
func load(_ start: UnsafePointer<Float>, _ place: Int) -> Vector {
  UnsafeRawPointer(start + place).loadUnaligned(as: Vector.self)
}

/// Writes eight numbers to any place.
@inline(__always)
func store(_ vector: Vector, _ start: UnsafeMutablePointer<Float>, _ place: Int) {
  UnsafeMutableRawPointer(start + place).storeBytes(of: vector, as: Vector.self)
}

/// One number, or eight at once: what a formula is written for that both compute.
protocol Lanes {
  init(repeating number: Float)
  /// Reads from a place on.
  init(_ start: UnsafePointer<Float>, _ place: Int)
  /// Writes to a place and those behind it.
  func write(_ start: UnsafeMutablePointer<Float>, _ place: Int)
  /// Adds to a place and those behind it.
  func add(_ start: UnsafeMutablePointer<Double>, _ place: Int)

  static func + (left: Self, right: Self) -> Self
  static func - (left: Self, right: Self) -> Self
  static func * (left: Self, right: Self) -> Self
}

extension Float: Lanes {
  @inline(__always)
  init(repeating number: Float) { self = number }
  @inline(__always)
  init(_ start: UnsafePointer<Float>, _ place: Int) { self = start[place] }
  @inline(__always)
  func write(_ start: UnsafeMutablePointer<Float>, _ place: Int) { start[place] = self }
  @inline(__always)
  func add(_ start: UnsafeMutablePointer<Double>, _ place: Int) { start[place] += Double(self) }
}

extension SIMD8: Lanes where Scalar == Float {
  @inline(__always)
  init(_ start: UnsafePointer<Float>, _ place: Int) { self = load(start, place) }
  @inline(__always)
  func write(_ start: UnsafeMutablePointer<Float>, _ place: Int) { store(self, start, place) }
  @inline(__always)
  func add(_ start: UnsafeMutablePointer<Double>, _ place: Int) {
    for lane in 0..<8 { start[place + lane] += Double(self[lane]) }
  }
}

/// Calls `whole` for each eight places in turn and `single` for those that are left.
@inline(__always)
func inVectors(_ count: Int, _ whole: (Int) -> Void, _ single: (Int) -> Void) {
  inVectors(0..<count, whole, single)
}

/// Calls `whole` for each eight places of a range in turn and `single` for those that are left.
@inline(__always)
func inVectors(_ places: Range<Int>, _ whole: (Int) -> Void, _ single: (Int) -> Void) {
  var place = places.lowerBound
  while place + 8 <= places.upperBound {
    whole(place)
    place += 8
  }
  while place < places.upperBound {
    single(place)
    place += 1
  }
}

/// The sum of a function of the place: in Float32 within rows of 256 numbers, in Float64 over these rows.
///
/// The order of the additions depends on the count alone.
@inline(__always)
func sum(_ count: Int, _ whole: (Int) -> Vector, _ single: (Int) -> Float) -> Double {
  var total = 0.0
  var start = 0
  while start < count {
    let end = min(start + 256, count)
    var (first, second) = (Vector.zero, Vector.zero)
    var place = start
    while place + 16 <= end {
      first += whole(place)
      second += whole(place + 8)
      place += 16
    }
    var rest = (first + second).sum()
    while place < end {
      rest += single(place)
      place += 1
    }
    total += Double(rest)
    start = end
  }
  return total
}

/// The sum of numbers that lie one after another.
func sum(_ x: UnsafePointer<Float>, _ count: Int) -> Double { sum(count, { load(x, $0) }, { x[$0] }) }

/// Two sums in one pass over the places.
@inline(__always)
func sums(
  _ count: Int, _ whole: (Int) -> (Vector, Vector), _ single: (Int) -> (Float, Float)
) -> (Double, Double) {
  var total = (0.0, 0.0)
  var start = 0
  while start < count {
    let end = min(start + 256, count)
    var (first, second) = (Vector.zero, Vector.zero)
    var place = start
    while place + 8 <= end {
      let terms = whole(place)
      first += terms.0
      second += terms.1
      place += 8
    }
    var rest = (first.sum(), second.sum())
    while place < end {
      let terms = single(place)
      rest.0 += terms.0
      rest.1 += terms.1
      place += 1
    }
    total.0 += Double(rest.0)
    total.1 += Double(rest.1)
    start = end
  }
  return total
}

/// The places over which channels that lie side by side are summed in Float32, each in a sum of its own.
let placesOfRun = 128

/// Two sums over at most ``placesOfRun`` places, in Float32: over every other place, then of these two.
///
/// - Parameters:
///   - count: How many places.
///   - first: Where the element of the first of them lies.
///   - step: How far elements of neighbouring places lie apart.
///   - terms: What is summed of an element.
@inline(__always)
func sums<Numbers: Lanes>(
  _ count: Int, from first: Int, by step: Int, _ terms: (_ element: Int) -> (Numbers, Numbers)
) -> (Numbers, Numbers) {
  let zero = Numbers(repeating: 0)
  var (even, odd) = ((zero, zero), (zero, zero))
  var element = first
  for _ in 0..<count / 2 {
    let (one, other) = (terms(element), terms(element &+ step))
    even = (even.0 + one.0, even.1 + one.1)
    odd = (odd.0 + other.0, odd.1 + other.1)
    element &+= 2 &* step
  }
  if count % 2 == 1 {
    let one = terms(element)
    even = (even.0 + one.0, even.1 + one.1)
  }
  return (even.0 + odd.0, even.1 + odd.1)
}

/// One sum in the same order, in each of eight channels.
@inline(__always)
func sum(_ count: Int, from first: Int, by step: Int, _ term: (_ element: Int) -> Vector) -> Vector {
  var (even, odd) = (Vector.zero, Vector.zero)
  var element = first
  for _ in 0..<count / 2 {
    even += term(element)
    odd += term(element &+ step)
    element &+= 2 &* step
  }
  if count % 2 == 1 { even += term(element) }
  return even + odd
}

/// Calls the body for runs of at most ``placesOfRun`` places.
@inline(__always)
func inRuns(_ places: Int, _ body: (Range<Int>) -> Void) {
  var start = 0
  while start < places {
    let end = min(start + placesOfRun, places)
    body(start..<end)
    start = end
  }
}

/// The elements, none below the one bound and none above the other; what is no number stays as it is.
///
/// The library's own `clamped` is called element by element.
@inline(__always)
func bounded(_ x: Vector, _ low: Vector, _ high: Vector) -> Vector {
  let raised = x.replacing(with: low, where: x .< low)
  return raised.replacing(with: high, where: raised .> high)
}
