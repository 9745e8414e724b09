public import Units

/// What happened, or would happen, when and on which resource: simulated or measured.
public struct Timeline: Hashable, Sendable {
  /// An interval on a track.
  public struct Span: Hashable, Sendable {
    /// The index of the track in ``Timeline/tracks``.
    public let track: Int
    /// When it begins.
    public let start: SimulatedTime
    /// How long the track is occupied.
    public let duration: SimulatedTime
    /// What runs, for a person.
    public let name: String
    /// The kind of work: `forward`, `error`, `weight-gradient`, `update`, `collective`, `transfer`,
    /// `storage`.
    public let category: String
    /// The index of the task in the task graph.
    public let task: Int

    /// Creates a span.
    public init(
      track: Int, start: SimulatedTime, duration: SimulatedTime, name: String, category: String, task: Int
    ) {
      self.track = track
      self.start = start
      self.duration = duration
      self.name = name
      self.category = category
      self.task = task
    }
  }

  /// The names of the resources, one track each.
  public let tracks: [String]
  /// The spans by start, then by track; spans of one track never overlap.
  public let spans: [Span]
  /// The end of the last task, latencies included; in a steady state the period of the last step.
  public let makespan: SimulatedTime
  /// For each task when it began and ended, latencies included.
  public let taskIntervals: [Interval]

  /// From when to when a task ran.
  public struct Interval: Hashable, Sendable {
    /// When it began.
    public let start: SimulatedTime
    /// When it ended.
    public let end: SimulatedTime
    /// Creates an interval.
    public init(start: SimulatedTime, end: SimulatedTime) {
      self.start = start
      self.end = end
    }
  }

  /// Creates a timeline.
  public init(tracks: [String], spans: [Span], makespan: SimulatedTime, taskIntervals: [Interval]) {
    self.tracks = tracks
    self.spans = spans
    self.makespan = makespan
    self.taskIntervals = taskIntervals
  }
}
