import Testing

@testable import Execution

/// Where buffers lie: checked by their definition, over every pair of buffers.
struct MemoryBookTests {
  /// Numbers without a pattern, the same in every run.
  private struct Numbers {
    var state: UInt64
    mutating func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
  }

  @Test(arguments: 1...40) func buffersThatLiveAtTheSameTimeNeverOverlap(seed: Int) {
    var numbers = Numbers(state: UInt64(seed))
    var book = MemoryBook()
    for _ in 0..<(5 + numbers.next(60)) {
      let place = book.add(size: numbers.next(5000), isPersistent: numbers.next(5) == 0)
      if numbers.next(3) == 0 { book.share(place) }
      let first = numbers.next(50)
      book.touch(place, at: first + numbers.next(20))
      book.touch(place, at: first)
    }
    let plan = ArenaPlan(book)
    for (one, buffer) in book.buffers.enumerated() {
      #expect(plan.offsets[one] % ArenaPlan.alignment == 0, "seed \(seed)")
      let end = plan.offsets[one] + buffer.size
      #expect(end <= (buffer.isShared ? plan.sharedSize : plan.size), "seed \(seed)")
      for other in 0..<one {
        let second = book.buffers[other]
        let meet =
          buffer.isPersistent || second.isPersistent
          || (buffer.first ?? 0) <= second.last && (second.first ?? 0) <= buffer.last
        guard meet, buffer.isShared == second.isShared, buffer.size > 0, second.size > 0 else { continue }
        let left = plan.offsets[one]..<plan.offsets[one] + buffer.size
        let right = plan.offsets[other]..<plan.offsets[other] + second.size
        #expect(!left.overlaps(right), "seed \(seed): buffers \(one) and \(other)")
      }
    }
  }

  @Test func buffersThatFollowOneAnotherShareTheirPlace() {
    var book = MemoryBook()
    for index in 0..<10 {
      let place = book.add(size: 640)
      book.touch(place, at: 2 * index)
      book.touch(place, at: 2 * index + 1)
    }
    #expect(ArenaPlan(book).size == 640)
  }

  @Test func whatOthersReadLiesInAnAreaOfItsOwn() {
    var book = MemoryBook()
    let kept = book.add(size: 100, isPersistent: true)
    let own = book.add(size: 640)
    let read = book.add(size: 1280)
    for place in [kept, own, read] { book.touch(place, at: 3) }
    book.share(read.advanced(by: 64))
    let plan = ArenaPlan(book)
    // 100 bytes fill two lines of 64.
    #expect(plan.offsets == [0, 128, 0])
    #expect((plan.persistentSize, plan.size, plan.sharedSize) == (128, 768, 1280))
  }

  @Test func whatNothingTouchesTakesNoRoom() {
    var book = MemoryBook()
    _ = book.add(size: 1 << 20)
    #expect(ArenaPlan(book).size == 0)
  }

  @Test func aBufferGrowsAndNeverShrinks() {
    var book = MemoryBook()
    let place = book.add(size: 10)
    book.grow(place, to: 30)
    book.grow(place, to: 20)
    #expect(book.buffers[0].size == 30)
  }
}
