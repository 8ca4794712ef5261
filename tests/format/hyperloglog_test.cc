#include "format/hyperloglog.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/format/seed.h"

namespace tallymark {
namespace {

std::string Packed(const HyperLogLog& sketch) {
  std::string out;
  sketch.AppendPacked(&out);
  return out;
}

TEST(HyperLogLogTest, AFreshSketchEstimatesNothing) { EXPECT_EQ(HyperLogLog().Estimate(), 0); }

// Root mean square and mean of the relative errors of many sketches at each size: the former is the
// standard error that answers state, the latter shows that no size is biased. The bounds leave five
// standard deviations to chance (of a mean square of n errors: sqrt(2 / n) of it). Below some
// thousand elements errors are no bell curve: a few sketches with a collision, by one or two, and the
// rest without. There they are summed over so many sketches that collisions come in hundreds.
TEST(HyperLogLogTest, TheErrorIsAsStatedFromOneToMillions) {
  std::mt19937_64 random(TestSeed());
  constexpr size_t kSketchesMin = 64;
  constexpr size_t kAdded = 500'000;  // elements in all, of small sizes
  constexpr double kBound = HyperLogLog::kStandardError;
  for (size_t size : {1, 10, 100, 1'000, 2'500, 4'097, 8'000, 16'384, 30'000, 50'000, 100'000, 200'000,
                      400'000, 700'000, 1'000'000, 2'000'000}) {
    const size_t sketches = std::clamp<size_t>(kAdded / size, kSketchesMin, 20'000);
    double squares = 0;
    double sum = 0;
    for (size_t i = 0; i < sketches; ++i) {
      HyperLogLog sketch;
      for (size_t added = 0; added < size; ++added) sketch.Add(random());
      const double error = (sketch.Estimate() - static_cast<double>(size)) / static_cast<double>(size);
      squares += error * error;
      sum += error;
    }
    const auto count = static_cast<double>(sketches);
    const double rms = std::sqrt(squares / count);
    RecordProperty("rms_percent_of_" + std::to_string(size), std::to_string(rms * 100));
    EXPECT_LE(rms, kBound * std::sqrt(1 + 5 * std::sqrt(2 / count))) << size;
    EXPECT_LE(std::abs(sum / count), kBound * 5 / std::sqrt(count)) << size;
  }
}

TEST(HyperLogLogTest, OrderAndRepetitionLeaveNoTrace) {
  std::mt19937_64 random(TestSeed());
  std::vector<uint64_t> hashes(20'000);
  for (uint64_t& h : hashes) h = random();
  HyperLogLog forward;
  HyperLogLog backward;
  for (uint64_t h : hashes) forward.Add(h);
  for (auto h = hashes.rbegin(); h != hashes.rend(); ++h) backward.Add(*h);
  for (uint64_t h : hashes) backward.Add(h);
  EXPECT_EQ(Packed(forward), Packed(backward));
}

TEST(HyperLogLogTest, MergingIsTheUnion) {
  std::mt19937_64 random(TestSeed());
  HyperLogLog a;
  HyperLogLog b;
  HyperLogLog both;
  for (int i = 0; i < 30'000; ++i) {
    const uint64_t hash = random();
    if (i % 3 != 0) a.Add(hash);
    if (i % 3 != 1) b.Add(hash);
    both.Add(hash);
  }
  a.MergePacked(Packed(b));
  EXPECT_EQ(Packed(a), Packed(both));
}

TEST(HyperLogLogTest, RanksReachFromOneToTheLast) {
  HyperLogLog sketch;
  sketch.Add(0);                                      // nothing but zeros behind the index
  sketch.Add(uint64_t{1} << 50 | uint64_t{1} << 49);  // index 1, a one at once
  sketch.Add(uint64_t{HyperLogLog::kRegisters - 1} << 50 | 1);
  const std::string packed = Packed(sketch);
  ASSERT_EQ(packed.size(), HyperLogLog::kPackedBytes);
  EXPECT_EQ(static_cast<uint8_t>(packed[0]), 51 | 1 << 6);
  EXPECT_EQ(static_cast<uint8_t>(packed.back()), 50 << 2);
  EXPECT_TRUE(HyperLogLog::IsPacked(packed));
}

TEST(HyperLogLogTest, BytesThatNoSketchWritesAreRefused) {
  std::string packed = Packed(HyperLogLog());
  EXPECT_TRUE(HyperLogLog::IsPacked(packed));
  packed[100] = '\x3f';  // a rank of 63
  EXPECT_FALSE(HyperLogLog::IsPacked(packed));
  EXPECT_FALSE(HyperLogLog::IsPacked(std::string(HyperLogLog::kPackedBytes - 1, '\0')));
  EXPECT_FALSE(HyperLogLog::IsPacked(std::string(HyperLogLog::kPackedBytes + 1, '\0')));
}

}  // namespace
}  // namespace tallymark
