public import Diagnostics
public import Results

/// The studies, in the order in which they are listed.
private let studies: [(name: String, run: @Sendable () throws(InputError) -> StudyResult)] = [
  ("hypar", hyParStudy),
  ("dpt", dptStudy),
]

/// The names that `study` takes, in the order in which they are listed.
public let studyNames = studies.map(\.name)

/// Returns the claims of a paper side by side with ours.
///
/// - Throws: ``InputError`` for an unknown name, with the nearest legal one.
public func study(named name: String) throws(InputError) -> StudyResult {
  guard let study = studies.first(where: { $0.name == name }) else {
    throw InputError(
      .usage, "no study is called '\(name)'",
      hint: nearestName(to: name, among: studyNames).map { "did you mean '\($0)'?" }
        ?? "one of \(studyNames.joined(separator: ", "))")
  }
  return try study.run()
}
