import Testing

@testable import Execution

@Suite struct ExecutionPlaceholder {
  @Test func theModuleBuilds() {}
}
