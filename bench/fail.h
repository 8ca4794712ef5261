#ifndef TALLYMARK_BENCH_FAIL_H_
#define TALLYMARK_BENCH_FAIL_H_

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace tallymark::bench {

// A benchmark that cannot go on, or whose counts are wrong, has no result: it says why on stderr and
// ends with exit code 1. A server it started ends with it (see ServerProcess).
[[noreturn]] inline void Fail(const std::string& what) {
  std::fprintf(stderr, "\ningest_e2e: %s\n", what.c_str());
  std::exit(1);
}
[[noreturn]] inline void FailErrno(const std::string& what) {
  const int code = errno;
  Fail(what + ": " + std::strerror(code));
}

}  // namespace tallymark::bench

#endif  // TALLYMARK_BENCH_FAIL_H_
