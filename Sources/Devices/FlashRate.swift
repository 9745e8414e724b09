public import Machines
public import Units

extension Flash {
  /// The rate at which a long stream of samples is read.
  ///
  /// ## Model
  ///
  /// `η · min(c · d · p ∕ (t + p ∕ β), c · β)`, with c channels of d dies, pages of p bytes, the read time
  /// t (s) of a page, the bus's rate β (B∕s) and the efficiency η: either every die is always reading or
  /// sending, or every bus is always busy. Collisions of dies on a channel are left to η.
  public var streamRate: BytesPerSecond {
    let dies = Double(channels) * Double(diesPerChannel)
    let pageBytes = Double(page.count)
    let ofDies = dies * pageBytes / (read + page / bus).value
    let ofBuses = Double(channels) * bus.value
    return BytesPerSecond(efficiency * min(ofDies, ofBuses))
  }

  /// The time in which the flash reads `data` as one stream.
  public func readTime(of data: Bytes) -> Seconds { data / streamRate }
}
