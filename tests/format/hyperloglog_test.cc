#include "format/hyperloglog.h"

#include <gtest/gtest.h>

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
// standard deviations to chance (of a mean square of n errors: sqrt(2 / n) of it).
TEST(HyperLogLogTest, TheErrorIsAsStatedFromOneToMillions) {
  std::mt19937_64 random(TestSeed());
  constexpr int kSketches = 64;
  const std::vector<size_t> sizes = {1,       10,      100,       1'000,    2'500,   4'097,
                                     8'000,   16'384,  30'000,    50'000,   100'000, 200'000,
                                     400'000, 700'000, 1'000'000, 2'000'000};
  std::vector<double> squares(sizes.size());
  std::vector<double> sums(sizes.size());
  for (int i = 0; i < kSketches; ++i) {
    HyperLogLog sketch;
    size_t added = 0;
    for (size_t s = 0; s < sizes.size(); ++s) {
      for (; added < sizes[s]; ++added) sketch.Add(random());
      const auto size = static_cast<double>(sizes[s]);
      const double error = (sketch.Estimate() - size) / size;
      squares[s] += error * error;
      sums[s] += error;
    }
  }
  constexpr double kBound = HyperLogLog::kStandardError;
  for (size_t s = 0; s < sizes.size(); ++s) {
    const double rms = std::sqrt(squares[s] / kSketches);
    const double mean = sums[s] / kSketches;
    RecordProperty("rms_percent_of_" + std::to_string(sizes[s]), std::to_string(rms * 100));
    EXPECT_LE(rms, kBound * std::sqrt(1 + 5 * std::sqrt(2.0 / kSketches))) << sizes[s];
    EXPECT_LE(std::abs(mean), kBound * 5 / std::sqrt(double{kSketches})) << sizes[s];
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
