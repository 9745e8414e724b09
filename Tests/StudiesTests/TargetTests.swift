import Results
import Studies
import Testing

@Suite struct TargetTests {
  /// A reproduced value, a published one, a target and the verdict that follows by the definition of the
  /// target.
  struct Case: CustomTestStringConvertible {
    let reproduced: ClaimValue
    let published: ClaimValue?
    let target: Target
    let verdict: Verdict

    init(_ reproduced: ClaimValue, _ published: ClaimValue?, _ target: Target, _ verdict: Verdict) {
      self.reproduced = reproduced
      self.published = published
      self.target = target
      self.verdict = verdict
    }

    var testDescription: String { "\(reproduced) against \(String(describing: published)), \(target)" }
  }

  @Test(arguments: [
    // 4.97 ± 1 % is 4.9203 to 5.0197.
    Case(.number(4.973), .number(4.97), .within(0.01), .holds),
    Case(.number(4.93), .number(4.97), .within(0.01), .holds),
    Case(.number(5.02), .number(4.97), .within(0.01), .misses),
    Case(.number(4.92), .number(4.97), .within(0.01), .misses),
    // Deviations count as parts of the published value, whatever its sign.
    Case(.number(-4.98), .number(-4.97), .within(0.01), .holds),
    Case(.number(-5.1), .number(-4.97), .within(0.01), .misses),
    Case(.number(.nan), .number(4.97), .within(0.01), .misses),
    Case(.number(.infinity), .number(4.97), .within(0.01), .misses),
    // A number cannot be near a text, or near nothing.
    Case(.text("4.97"), .number(4.97), .within(0.01), .misses),
    Case(.number(4.97), .text("4.97"), .within(0.01), .misses),
    Case(.number(4.97), nil, .within(0.01), .misses),
    Case(.text("0011"), .text("0011"), .equal, .holds),
    Case(.text("0010"), .text("0011"), .equal, .misses),
    Case(.text("0011"), nil, .equal, .misses),
    // A range holds its ends.
    Case(.number(12.2), .number(21.6), .inside(12.2...31), .holds),
    Case(.number(31), .number(21.6), .inside(12.2...31), .holds),
    Case(.number(31.1), .number(21.6), .inside(12.2...31), .misses),
    Case(.number(.nan), nil, .inside(12.2...31), .misses),
    Case(.text("20"), nil, .inside(12.2...31), .misses),
    // Without a target nothing can miss.
    Case(.number(1), .number(2), .none, .context),
    Case(.number(1), nil, .none, .context),
  ])
  func verdictFollowsFromPublishedReproducedAndTarget(_ example: Case) {
    let verdict = Verdict(on: example.reproduced, published: example.published, target: example.target)
    #expect(verdict == example.verdict)
  }

  @Test func claimTellsItsToleranceAndItsVerdict() {
    let claim = Claim(
      "fig1", what: "gain", source: "Fig. 1", published: .number(2), reproduced: .number(2.1),
      target: .within(0.02), note: "a note")
    #expect(claim.verdict == .misses)
    #expect(claim.tolerance == 0.02)
    #expect(claim.note == "a note")
  }

  @Test func unmetConditionMakesAClaimMiss() {
    func claim(_ isMet: Bool, _ target: Target) -> Claim {
      Claim(
        "fig1", what: "gain", source: "Fig. 1", published: .number(2), reproduced: .number(2),
        target: target, note: "a note", condition: Condition("the maximum", isMet: isMet))
    }
    #expect(claim(true, .within(0)).verdict == .holds)
    #expect(claim(true, .within(0)).note == "the maximum; a note")
    #expect(claim(false, .within(0)).verdict == .misses)
    #expect(claim(false, .within(0)).note == "not so: the maximum; a note")
    #expect(claim(false, .none).verdict == .context)
  }
}
