#ifndef TALLYMARK_TESTS_FORMAT_SEED_H_
#define TALLYMARK_TESTS_FORMAT_SEED_H_

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <random>

namespace tallymark {

// The seed of a randomized test: TALLYMARK_SEED, else a new one each run. Printed, so that a
// failure can be repeated.
inline uint64_t TestSeed() {
  const char* given = std::getenv("TALLYMARK_SEED");
  uint64_t seed = given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::cout << "TALLYMARK_SEED=" << seed << std::endl;
  return seed;
}

}  // namespace tallymark

#endif  // TALLYMARK_TESTS_FORMAT_SEED_H_
