import Glibc
import Testing

/// The folder of the checkout in which this file lies.
private let checkout = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

/// Where `make deps` puts oneDNN's headers.
private let headers = checkout + "/.deps/onednn/include"

// Expected: oneDNN's own headers. A compiler says whether types and constants are the same.
@Test func declarationsAreThoseOfTheHeaders() throws {
  guard access(headers + "/oneapi/dnnl/dnnl.h", R_OK) == 0 else {
    return print("skipped: oneDNN's headers are not installed; make deps installs them")
  }
  let command = "cc -std=gnu11 -fsyntax-only -I'\(headers)' -I'\(checkout)/Sources/COneDNN/include' -x c -"
  let compiler = try #require(popen(command, "w"))
  fputs(headerComparison, compiler)
  #expect(pclose(compiler) == 0)
}
