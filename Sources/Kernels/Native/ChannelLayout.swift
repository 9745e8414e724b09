import Graphs

/// How the channels of an activation `[N, C, …]` lie in memory, for kernels that treat each channel alike.
///
/// The channels of a group lie side by side at every place: one channel of row-major planes, a block of
/// channels, or all of them where a plane has one place. An item is one group of one sample: what lies in one
/// piece.
struct ChannelLayout {
  let samples: Int
  let channels: Int
  let places: Int
  /// The channels of a group.
  let width: Int

  init(_ request: KernelRequest) {
    let shape = request.inputTypes[0].shape
    (samples, channels, places) = (shape[0], shape[1], request.inputTypes[0].placeCount)
    width = places == 1 ? channels : request.channelBlock
  }

  private var groups: Int { channels / width }

  /// Shares the items among the threads.
  func overItems(_ team: ThreadTeam, _ body: (Range<Int>) -> Void) {
    team.split(samples * groups, of: width * places) { items, _ in body(items) }
  }

  /// Some channels: some of those that lie side by side, of some groups.
  struct Channels {
    let groups: Range<Int>
    let lanes: Range<Int>
  }

  /// Shares the channels among the threads; whole vectors of those that lie side by side stay whole.
  func overChannels(_ team: ThreadTeam, _ body: (Channels) -> Void) {
    if groups == 1 {
      team.split(width, of: samples * places, at: 8) { lanes, _ in
        body(Channels(groups: 0..<1, lanes: lanes))
      }
    } else {
      team.split(groups, of: samples * places * width) { groups, _ in
        body(Channels(groups: groups, lanes: 0..<width))
      }
    }
  }

  /// Calls `whole` for each eight elements and `single` for those that are left, with the place in memory and
  /// the numbers of the channel, or of the eight.
  @inline(__always)
  func forEachElement(
    of items: Range<Int>, _ numbers: ChannelNumbers<UnsafePointer<Float>>,
    _ whole: (_ place: Int, _ numbers: ChannelNumbers<Vector>) -> Void,
    _ single: (_ place: Int, _ numbers: ChannelNumbers<Float>) -> Void
  ) {
    for item in items {
      let (start, first) = (item * width * places, item % groups * width)
      if width == 1 {
        let own = numbers.map { $0[first] }
        let eight = own.map { Vector(repeating: $0) }
        inVectors(places) {
          whole(start + $0, eight)
        } _: {
          single(start + $0, own)
        }
        continue
      }
      // Sixteen in one pass, so that every line of the cache is read and written once.
      var lane = 0
      while lane + 16 <= width {
        let low = numbers.map { load($0, first + lane) }
        let high = numbers.map { load($0, first + lane + 8) }
        var element = start + lane
        for _ in 0..<places {
          whole(element, low)
          whole(element &+ 8, high)
          element &+= width
        }
        lane += 16
      }
      inVectors(lane..<width) { lane in
        let eight = numbers.map { load($0, first + lane) }
        var element = start + lane
        for _ in 0..<places {
          whole(element, eight)
          element &+= width
        }
      } _: { lane in
        let own = numbers.map { $0[first + lane] }
        for place in 0..<places { single(start + place * width + lane, own) }
      }
    }
  }

  /// For each channel two sums over all samples and places: in Float32 within runs, in Float64 over them.
  ///
  /// - Parameters:
  ///   - some: The channels.
  ///   - centres: A number for each channel.
  ///   - whole: The terms of eight elements, from their place in memory and the numbers of the channels.
  ///   - single: The terms of one element.
  ///   - result: What is done with the sums of a channel.
  @inline(__always)
  func forEachSum(
    of some: Channels, _ centres: UnsafePointer<Float>,
    _ whole: (_ place: Int, _ centre: Vector) -> (Vector, Vector),
    _ single: (_ place: Int, _ centre: Float) -> (Float, Float),
    _ result: (_ channel: Int, _ sums: (Double, Double)) -> Void
  ) {
    if width == 1 {
      for channel in some.groups {
        let centre = centres[channel]
        let eight = Vector(repeating: centre)
        var total = (0.0, 0.0)
        for sample in 0..<samples {
          let start = (sample * channels + channel) * places
          let part = sums(places) {
            whole(start + $0, eight)
          } _: {
            single(start + $0, centre)
          }
          total = (total.0 + part.0, total.1 + part.1)
        }
        result(channel, total)
      }
      return
    }
    let totals = UnsafeMutablePointer<Double>.allocate(capacity: 2 * width)
    defer { totals.deallocate() }
    for group in some.groups {
      totals.initialize(repeating: 0, count: 2 * width)
      for sample in 0..<samples {
        let plane = (sample * groups + group) * width * places
        inRuns(places) { run in
          let start = plane + run.lowerBound * width
          inVectors(some.lanes) { lane in
            let centre = load(centres, group * width + lane)
            let part = sums(run.count, from: start + lane, by: width) { whole($0, centre) }
            part.0.add(totals, lane)
            part.1.add(totals, width + lane)
          } _: { lane in
            let centre = centres[group * width + lane]
            let part = sums(run.count, from: start + lane, by: width) { single($0, centre) }
            part.0.add(totals, lane)
            part.1.add(totals, width + lane)
          }
        }
      }
      for lane in some.lanes { result(group * width + lane, (totals[lane], totals[width + lane])) }
    }
  }
}

/// The numbers of a channel, of eight, or where those of all channels lie.
///
/// A formula that does not use one of them is given another in its place, which costs nothing.
struct ChannelNumbers<Numbers> {
  let centre: Numbers
  let factor: Numbers
  let slope: Numbers
  let shift: Numbers

  @inline(__always)
  func map<Result>(_ body: (Numbers) -> Result) -> ChannelNumbers<Result> {
    ChannelNumbers<Result>(
      centre: body(centre), factor: body(factor), slope: body(slope), shift: body(shift))
  }
}
