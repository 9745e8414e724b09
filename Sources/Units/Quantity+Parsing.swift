/// A number as written, before any rounding: `significand · 10^exponent`.
struct DecimalNumber {
  /// The digits without point or leading zeros; empty for zero.
  let digits: String
  /// The power of ten of the last digit.
  let exponent: Int
  /// Whether a minus stands before it.
  let isNegative: Bool

  /// Whether it is zero.
  var isZero: Bool { digits.isEmpty }
}

/// A quantity's text, split into its number and its scale.
struct WrittenQuantity {
  let number: DecimalNumber
  let scale: UnitScale

  /// Splits `text`, or says what is wrong with it.
  ///
  /// The grammar is an optional sign, digits with an optional point, an optional exponent, any spaces, a
  /// unit.
  init(_ text: String, units: UnitTable) throws(QuantityError) {
    func failure(_ problem: QuantityError.Problem) -> QuantityError {
      QuantityError(text: text, problem: problem, legalUnits: units.symbols)
    }
    var rest = Substring(text)
    let isNegative = rest.first == "-"
    if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
    let whole = rest.prefix { $0.isASCIIDigit }
    rest = rest[whole.endIndex...]
    var fraction: Substring = ""
    if rest.first == "." {
      fraction = rest.dropFirst().prefix { $0.isASCIIDigit }
      rest = rest[fraction.endIndex...]
    }
    // The limit keeps a hostile number of a million digits from being converted.
    guard !whole.isEmpty || !fraction.isEmpty, whole.count + fraction.count <= 100 else {
      throw failure(.notANumber)
    }
    var exponent = 0
    if let (value, end) = rest.exponentPrefix {
      exponent = value
      rest = rest[end...]
    }
    let symbol = String(rest.drop { $0 == " " })
    guard !symbol.isEmpty else { throw failure(.missingUnit) }
    guard let scale = units.scale(of: symbol) else { throw failure(.unknownUnit(symbol)) }
    self.scale = scale
    self.number = DecimalNumber(
      digits: String((whole + fraction).drop { $0 == "0" }), exponent: exponent - fraction.count,
      isNegative: isNegative)
    if isNegative && !number.isZero { throw failure(.negative) }
  }
}

extension Quantity {
  /// Reads a quantity such as `900 GB/s` or `4 us`, whose unit is required.
  ///
  /// The result is the number nearest to what is written: the prefix joins the exponent before the one
  /// rounding.
  ///
  /// - Throws: ``QuantityError`` with the legal units, where the text is not a number and a unit of this
  ///   kind.
  public init(parsing text: String) throws(QuantityError) {
    let written = try WrittenQuantity(text, units: Self.units)
    func failure(_ problem: QuantityError.Problem) -> QuantityError {
      QuantityError(text: text, problem: problem, legalUnits: Self.units.symbols)
    }
    guard !written.number.isZero else {
      self.init(0)
      return
    }
    let exponent = written.number.exponent + written.scale.decimalExponent
    guard let decimal = Double("\(written.number.digits)e\(exponent)") else { throw failure(.notANumber) }
    let value = Double(sign: .plus, exponent: written.scale.binaryExponent, significand: decimal)
    guard value.isFinite else { throw failure(.tooLarge) }
    guard value > 0 else { throw failure(.tooSmall) }
    self.init(value)
  }
}

extension Bytes {
  /// Reads an amount of data such as `64 GiB` or `1.5 kB`, whose unit is required.
  ///
  /// - Throws: ``QuantityError`` with the legal units, also where the amount is no whole number of bytes or
  ///   exceeds 2⁶³ − 1.
  public init(parsing text: String) throws(QuantityError) {
    let written = try WrittenQuantity(text, units: .bytes)
    func failure(_ problem: QuantityError.Problem) -> QuantityError {
      QuantityError(text: text, problem: problem, legalUnits: UnitTable.bytes.symbols)
    }
    var digits = Substring(written.number.digits)
    var exponent = written.number.exponent + written.scale.decimalExponent
    while digits.last == "0" {
      digits.removeLast()
      exponent += 1
    }
    guard !digits.isEmpty else {
      self.init(0)
      return
    }
    guard var count = Int(digits), exponent <= 18 else { throw failure(.tooLarge) }
    var doublings = written.scale.binaryExponent
    while exponent < 0 {
      // A tenth needs a factor of two and one of five; the two may come from a binary prefix.
      guard count % 5 == 0, count % 2 == 0 || doublings > 0 else { throw failure(.notWhole) }
      count /= 5
      if count % 2 == 0 { count /= 2 } else { doublings -= 1 }
      exponent += 1
    }
    for factor in [Int](repeating: 10, count: exponent) + [Int](repeating: 2, count: doublings) {
      let (product, overflow) = count.multipliedReportingOverflow(by: factor)
      guard !overflow else { throw failure(.tooLarge) }
      count = product
    }
    self.init(count)
  }
}

extension Character {
  /// Whether it is one of 0 to 9.
  fileprivate var isASCIIDigit: Bool { isASCII && isNumber }
}

extension Substring {
  /// The value and end of an exponent at the start, such as `e-6`; nil where there is none.
  fileprivate var exponentPrefix: (value: Int, end: Index)? {
    guard let first, first == "e" || first == "E" else { return nil }
    var rest = dropFirst()
    let isNegative = rest.first == "-"
    if rest.first == "-" || rest.first == "+" { rest.removeFirst() }
    let digits = rest.prefix { $0.isASCIIDigit }
    // Four digits exceed every Double; a longer run is not an exponent, and so becomes a wrong unit.
    guard 1...4 ~= digits.count, let value = Int(digits) else { return nil }
    return (isNegative ? -value : value, digits.endIndex)
  }
}
