/// The greatest of the numbers considered, in each of eight channels, and its place; of equal ones the first.
struct GreatestSoFar {
  var value = Vector(repeating: -.infinity)
  var place = SIMD8<Int32>(repeating: -1)

  @inline(__always)
  mutating func consider(_ number: Vector, _ place: Int) {
    let isGreater = number .> value
    value.replace(with: number, where: isGreater)
    self.place.replace(with: SIMD8<Int32>(repeating: Int32(truncatingIfNeeded: place)), where: isGreater)
  }

  @inline(__always)
  func write(_ y: Floats, _ places: UnsafeMutablePointer<Int32>, _ element: Int) {
    store(value, y, element)
    UnsafeMutableRawPointer(places + element).storeBytes(of: place, as: SIMD8<Int32>.self)
  }
}
