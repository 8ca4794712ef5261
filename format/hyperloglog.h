#ifndef TALLYMARK_FORMAT_HYPERLOGLOG_H_
#define TALLYMARK_FORMAT_HYPERLOGLOG_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tallymark {

// About how many distinct hashes were added: the sketch of Flajolet, Fusy, Gandouet and Meunier,
// "HyperLogLog: the analysis of a near-optimal cardinality estimation algorithm" (2007), over 64-bit
// hashes as Heule, Nunkesser and Hall do ("HyperLogLog in practice", 2013), read by Ertl's improved
// raw estimator ("New cardinality estimation algorithms for HyperLogLog sketches", 2017, algorithm
// 6), which has no bias at any size and needs no table of corrections.
//
// A function of the set that was added: neither order nor repetition leaves a trace. Not thread
// safe.
class HyperLogLog {
 public:
  static constexpr int kPrecision = 14;
  static constexpr size_t kRegisters = size_t{1} << kPrecision;
  static constexpr int kRankMax = 64 - kPrecision + 1;
  static constexpr size_t kPackedBytes = kRegisters * 6 / 8;
  // Of an estimate, relative: 1.04 / sqrt(kRegisters).
  static constexpr double kStandardError = 0.008125;

  HyperLogLog() : registers_(kRegisters) {}

  void Add(uint64_t hash);
  double Estimate() const;

  // Appends kPackedBytes bytes: register i is bits [6i, 6i + 6), bit b being bit b % 8 of byte b / 8.
  void AppendPacked(std::string* out) const;
  // Whether AppendPacked may have written this.
  static bool IsPacked(std::string_view bytes);
  void Merge(const HyperLogLog& other);  // becomes the union
  // The union with what AppendPacked wrote. Precondition: IsPacked.
  void MergePacked(std::string_view bytes);

 private:
  std::vector<uint8_t> registers_;  // greatest rank seen, 0 where nothing was
};

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_HYPERLOGLOG_H_
