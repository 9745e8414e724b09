public import Diagnostics
public import Results

/// The names that `study` takes, in the order in which they are listed.
public let studyNames = ["hypar", "dpt"]

/// Returns the claims of a paper side by side with ours.
///
/// - Throws: ``InputError`` for an unknown name, with the nearest legal one.
public func study(named name: String) throws(InputError) -> StudyResult {
  guard studyNames.contains(name) else {
    throw InputError(
      .usage, "no study is called `\(name)`",
      hint: nearestName(to: name, among: studyNames).map { "did you mean `\($0)`?" }
        ?? "one of \(studyNames.joined(separator: ", "))")
  }
  throw InputError(.usage, "the study `\(name)` is not part of this build")
}
