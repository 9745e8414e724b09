public import Diagnostics
internal import Glibc

/// A data set that was opened by its name.
public struct OpenedDataset: Sendable {
  /// The samples to train on.
  public let training: any Dataset
  /// The samples to report on, if there are any.
  public let evaluation: (any Dataset)?
  /// How the data were read, one sentence each.
  public let notes: [String]
}

/// What becomes of the numbers of samples.
public enum SampleNumbers: Hashable, Sendable {
  /// They are standardised by the training set.
  case standardized
  /// They stay as they are and must be whole, from zero to below a limit: rows of a table, such as words.
  case whole(below: Int)
}

/// The names of data sets that are known.
public let datasetNames = ["digits", "fashion-mnist"]

/// Returns the folders in which named data sets are looked for.
///
/// They are a given one, then `.deps` of the current folder and of the folders around the executable.
///
/// - Parameters:
///   - given: What the user set, as in the environment variable `PARTITA_DATA`.
///   - executable: The path of the executable, if it is known.
public func datasetFolders(given: String?, executable: String?) -> [String] {
  var folders = given.map { $0.isEmpty ? [] : [$0] } ?? []
  folders.append(".deps")
  var components = (executable ?? "").split(separator: "/", omittingEmptySubsequences: false)
  // A build folder lies a few levels below the checkout.
  for _ in 0..<5 where components.count > 1 {
    components.removeLast()
    folders.append((components + [".deps"]).joined(separator: "/"))
  }
  return folders
}

/// Opens a data set by its name or path.
///
/// ```swift
/// let data = try openDataset("fashion-mnist", in: datasetFolders(given: nil, executable: nil))
/// let batch = (0..<32).map { data.training.sample($0) }
/// ```
///
/// A path is a CSV file of rows `feature,…,label`, a tar archive, or a folder with one of
///
/// | what | training | evaluation |
/// |---|---|---|
/// | IDX, plain or `.gz` | `train-images-idx3-ubyte`, `train-labels-idx1-ubyte` | `t10k-…` or `test-…` |
/// | NumPy | `train-images.npy`, `train-labels.npy` | `test-…` |
/// | CSV, plain or `.gz` | `train.csv` | `test.csv` |
/// | tar in WebDataset's naming | `train/*.tar`, `train-*.tar` or `*.tar` | `test/*.tar`, `val-*.tar` … |
///
/// In IDX, `train-images.idx3-ubyte` is a name, too; in NumPy, `x_train.npy` and `y_train.npy` are. The
/// evaluation set may be missing. Numbers are standardised by the training set: bytes become [0, 1], then
/// each channel gets mean 0 and deviation 1.
///
/// - Parameters:
///   - name: One of ``datasetNames``, the name of another folder in `folders`, or a path.
///   - folders: Where names are looked for, as ``datasetFolders(given:executable:)`` says.
///   - numbers: What becomes of the numbers.
/// - Throws: `InputError` where files are missing or damaged, counts disagree, labels are no classes, or
///   numbers are infinite or none.
/// - Complexity: O(bytes) where files are compressed or hold real numbers; O(samples) otherwise.
public func openDataset(
  _ name: String, in folders: [String], numbers: SampleNumbers = .standardized
) throws(InputError) -> OpenedDataset {
  let path = try datasetPath(name, folders)
  let title = name.split(separator: "/").last.map(String.init) ?? name
  let files = try isFolder(path) ? DatasetFiles(folder: path) : DatasetFiles(file: path)
  let training = try files.training.read()
  let evaluation = try files.evaluation?.read()
  return try assembled(title, training, evaluation, numbers)
}

private func assembled(
  _ name: String, _ training: LabelledSamples, _ evaluation: LabelledSamples?, _ numbers: SampleNumbers
) throws(InputError) -> OpenedDataset {
  let classCount = Int(training.labels.max() ?? 0) + 1
  let standardization: Standardization
  let reading: String
  switch numbers {
  case .standardized:
    standardization = Standardization(of: training.store)
    reading = standardization.note
  case .whole(let limit):
    try training.store.checkWholeNumbers(below: limit)
    try evaluation?.store.checkWholeNumbers(below: limit)
    standardization = Standardization(leaving: training.store)
    reading = "Numbers are whole and are read as they are."
  }
  try checkCounts(training)
  if let evaluation {
    try checkCounts(evaluation)
    guard evaluation.store.shape == training.store.shape else {
      throw dataFault(
        evaluation.store.files[0].path,
        "samples of \(extents(evaluation.store.shape)) are unlike those to train on, which have "
          + extents(training.store.shape))
    }
    guard evaluation.store.coding.kind == training.store.coding.kind else {
      throw dataFault(
        evaluation.store.files[0].path, "samples hold another kind of number than those to train on",
        hint: "save both with the same kind, so that they are scaled alike")
    }
    if let sample = evaluation.labels.firstIndex(where: { $0 >= classCount }) {
      throw dataFault(
        evaluation.labelPath,
        "the label \(evaluation.labels[sample]) of sample \(sample) is none of the \(classCount) classes "
          + "that are trained")
    }
  }
  func dataset(_ samples: LabelledSamples) -> StoredDataset {
    StoredDataset(
      name: name, store: samples.store, labels: samples.labels, classCount: classCount,
      standardization: standardization)
  }
  let tested = evaluation.map { " and \($0.store.count) to evaluate" } ?? ""
  let notes = [
    "\(name) has \(training.store.count) samples\(tested) of \(extents(training.store.shape)) in "
      + "\(classCount) classes.",
    reading,
  ]
  return OpenedDataset(training: dataset(training), evaluation: evaluation.map(dataset), notes: notes)
}

private func checkCounts(_ samples: LabelledSamples) throws(InputError) {
  guard samples.labels.count == samples.store.count else {
    throw dataFault(
      samples.labelPath,
      "has \(samples.labels.count) labels for \(samples.store.count) samples in "
        + samples.store.files[0].path,
      hint: "both files must come from the same set")
  }
}

private func datasetPath(_ name: String, _ folders: [String]) throws(InputError) -> String {
  if !datasetNames.contains(name), !name.isEmpty, exists(name) { return name }
  if !name.isEmpty, !name.contains("/") {
    for folder in folders {
      if exists("\(folder)/\(name)") { return "\(folder)/\(name)" }
      // Whoever names the data set's own folder means it, too.
      if folder.hasSuffix("/\(name)"), exists(folder) { return folder }
    }
  }
  guard !datasetNames.contains(name) else {
    throw InputError(
      .missingFile, "the data set \(name) is not there; looked in \(folders.joined(separator: ", "))",
      at: SourceLocation(file: name),
      hint: "`make deps` downloads it; or set PARTITA_DATA to the folder that holds \(name)/")
  }
  throw InputError(
    .missingFile, "there is no such data set", at: SourceLocation(file: name),
    hint: suggestion(for: name, among: datasetNames)
      ?? "give a path, or one of \(datasetNames.joined(separator: ", "))")
}

private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

private func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}
