import Documents
public import Results
import Units

extension Timeline {
  /// Returns the timeline in the Trace Event Format, which Perfetto and Chrome open.
  ///
  /// One track for each resource, in the order of ``tracks``, and one complete event for each span. Spans of
  /// one track never overlap, so that they are strictly nested. Times are microseconds with up to six
  /// decimals, which is exact to the picosecond.
  ///
  /// > Source: "Trace Event Format", the Chromium project, section "Complete Events".
  public func trace(named process: String) -> String {
    var events = [metadata("process_name", track: 0, "name", .string(process))]
    for (track, name) in tracks.enumerated() {
      events.append(metadata("thread_name", track: track, "name", .string(name)))
      events.append(metadata("thread_sort_index", track: track, "sort_index", .integer(track)))
    }
    events.reserveCapacity(events.count + spans.count)
    for span in spans {
      let name = JSONValue.string(span.name).compact
      let category = JSONValue.string(span.category).compact
      events.append(
        "{\"ph\": \"X\", \"pid\": 1, \"tid\": \(span.track + 1), \"ts\": \(microseconds(span.start)), "
          + "\"dur\": \(microseconds(span.duration)), \"name\": \(name), \"cat\": \(category), "
          + "\"args\": {\"task\": \(span.task)}}")
    }
    return "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n" + events.joined(separator: ",\n") + "\n]}\n"
  }

  private func metadata(_ kind: String, track: Int, _ key: String, _ value: JSONValue) -> String {
    let event: JSONValue = [
      "ph": "M", "pid": 1, "tid": .integer(track + 1), "name": .string(kind),
      "args": .object([JSONValue.Member(key, value)]),
    ]
    return event.compact
  }
}

/// Writes a time in microseconds without rounding: six decimals are picoseconds.
private func microseconds(_ time: SimulatedTime) -> String {
  let (whole, rest) = time.picoseconds.quotientAndRemainder(dividingBy: 1_000_000)
  guard rest != 0 else { return "\(whole)" }
  var digits = "\(rest.magnitude)"
  digits = String(repeating: "0", count: 6 - digits.count) + digits
  while digits.last == "0" { digits.removeLast() }
  return "\(time.picoseconds < 0 && whole == 0 ? "-" : "")\(whole).\(digits)"
}
