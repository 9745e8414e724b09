internal import Diagnostics
internal import Glibc

/// The files of a data set.
struct DatasetFiles {
  /// The files of its training or evaluation part.
  enum Part {
    case idx(samples: String, labels: String)
    case numpy(samples: String, labels: String)
    case csv(String)
    case tar([String])

    /// Reads the part.
    func read() throws(InputError) -> LabelledSamples {
      switch self {
      case .idx(let samples, let labels):
        try paired(readIDX(.open(samples)), readIDX(.open(labels)))
      case .numpy(let samples, let labels):
        try paired(readNPY(.open(samples)), readNPY(.open(labels)))
      case .csv(let path): try readCSV(.open(path))
      case .tar(let paths): try readTarShards(paths)
      }
    }

    private func paired(_ samples: NumberArray, _ labels: NumberArray) throws(InputError) -> LabelledSamples {
      LabelledSamples(
        store: try samples.samples(), labels: try labels.labels(), labelPath: labels.file.path)
    }
  }

  let training: Part
  let evaluation: Part?

  /// A single file.
  init(file path: String) throws(InputError) {
    evaluation = nil
    if path.hasSuffix(".csv") || path.hasSuffix(".csv.gz") {
      training = .csv(path)
    } else if path.hasSuffix(".tar") {
      training = .tar([path])
    } else {
      throw InputError(
        .badModel, "is neither a .csv nor a .tar file", at: SourceLocation(file: path),
        hint: "samples and labels in files of their own are opened by their folder")
    }
  }

  /// What a folder holds.
  init(folder: String) throws(InputError) {
    let names = try Self.names(in: folder)
    guard let training = try Self.part(folder, names, ["train"]) ?? Self.wholePart(folder, names) else {
      throw InputError(
        .badModel, "the folder holds no data set", at: SourceLocation(file: folder),
        hint: "expected train-images-idx3-ubyte(.gz), train-images.npy, train.csv or train/*.tar")
    }
    self.training = training
    evaluation = try Self.part(folder, names, ["t10k", "test", "val", "validation"])
  }

  private static func part(
    _ folder: String, _ names: [String], _ prefixes: [String]
  ) throws(InputError) -> Part? {
    func first(_ candidates: [String]) -> String? {
      candidates.first { names.contains($0) }.map { "\(folder)/\($0)" }
    }
    func pair(_ samples: [String], _ labels: [String]) throws(InputError) -> (String, String)? {
      guard let found = first(samples) else { return nil }
      guard let labelled = first(labels) else {
        throw InputError(
          .missingFile, "the labels of \(found) are missing", at: SourceLocation(file: folder),
          hint: "put \(labels[0]) beside it")
      }
      return (found, labelled)
    }
    for prefix in prefixes {
      func idx(_ what: String) -> [String] {
        ["\(prefix)-\(what)-ubyte", "\(prefix)-\(what.replacingHyphen)-ubyte"].flatMap { [$0, "\($0).gz"] }
      }
      if let (samples, labels) = try pair(idx("images-idx3"), idx("labels-idx1")) {
        return .idx(samples: samples, labels: labels)
      }
      if let (samples, labels) = try pair(
        ["\(prefix)-images.npy", "\(prefix)_images.npy", "x_\(prefix).npy", "X_\(prefix).npy"],
        ["\(prefix)-labels.npy", "\(prefix)_labels.npy", "y_\(prefix).npy", "Y_\(prefix).npy"])
      {
        return .numpy(samples: samples, labels: labels)
      }
      if let path = first(["\(prefix).csv", "\(prefix).csv.gz"]) { return .csv(path) }
      if names.contains(prefix), let inner = try? self.names(in: "\(folder)/\(prefix)") {
        let shards = inner.filter { $0.hasSuffix(".tar") }
        if !shards.isEmpty { return .tar(shards.map { "\(folder)/\(prefix)/\($0)" }) }
      }
      let shards = names.filter { $0.hasPrefix("\(prefix)-") && $0.hasSuffix(".tar") }
      if !shards.isEmpty { return .tar(shards.map { "\(folder)/\($0)" }) }
    }
    return nil
  }

  /// A folder that is a training set as a whole.
  private static func wholePart(_ folder: String, _ names: [String]) -> Part? {
    let shards = names.filter { $0.hasSuffix(".tar") }
    if !shards.isEmpty { return .tar(shards.map { "\(folder)/\($0)" }) }
    let tables = names.filter { $0.hasSuffix(".csv") || $0.hasSuffix(".csv.gz") }
    return tables.count == 1 ? .csv("\(folder)/\(tables[0])") : nil
  }

  /// The names in a folder, in the order of their bytes.
  private static func names(in folder: String) throws(InputError) -> [String] {
    guard let stream = opendir(folder) else {
      throw InputError(
        .inputOutput, "the folder cannot be read: \(String(cString: strerror(errno)))",
        at: SourceLocation(file: folder))
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if !name.hasPrefix(".") { names.append(name) }
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}

extension String {
  /// The other spelling of the names of IDX files, with a dot before the kind.
  fileprivate var replacingHyphen: String {
    String(map { $0 == "-" ? "." : $0 })
  }
}
