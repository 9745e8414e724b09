/// The hard limits of the ONNX reader: a file beyond one of them is refused with a clear line.
public enum ModelLimits {
  /// The deepest nesting of messages, as in a graph inside an attribute of a node of a graph.
  public static let nesting = 100
  /// The most nodes of a graph.
  public static let nodes = 1_000_000
  /// The most initializers of a graph.
  public static let initializers = 1_000_000
  /// The most bytes of a name.
  public static let nameBytes = 64 * 1024
  /// The most dimensions of a tensor; bounds the memory that a long chain of nodes can ask for.
  public static let rank = 32
  /// The most bytes of a tensor, as its type says: 2⁴⁸.
  public static let tensorBytes = 1 << 48
  /// The most bytes of all tensors together: 2⁵⁶, so that no sum over a graph overflows.
  public static let graphBytes = 1 << 56
  /// The most steps of all iteration spaces together: 2⁵⁸, so that no count of operations overflows.
  public static let steps = 1 << 58
  /// The largest kernel extent, stride, dilation or padding.
  public static let windowExtent = 1 << 24
  /// The most elements of a constant that is computed while reading.
  public static let foldedElements = 16 * 1024
  /// The most elements of computed constants that are kept: 32 MiB.
  public static let keptElements = 4 * 1024 * 1024
  /// The most elements that are worked on while computing constants.
  public static let foldedElementsInTotal = 16 * 1024 * 1024
  /// The oldest version of the default operator set that is read.
  public static let oldestOpset = 7
  /// The newest version of the default operator set that is read.
  public static let newestOpset = 21
}
