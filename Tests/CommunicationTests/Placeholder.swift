import Testing

@testable import Communication

@Suite struct CommunicationPlaceholder {
  @Test func theModuleBuilds() {}
}
