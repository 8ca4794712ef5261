#ifndef TALLYMARK_ENGINE_VERIFY_DIGEST_H_
#define TALLYMARK_ENGINE_VERIFY_DIGEST_H_

#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "format/hour_row.h"
#include "format/identity_segment.h"

namespace tallymark {

// Two collections are equal when their digests are, whatever the order and the portions in which
// they were added; that collections which differ have one digest happens by a chance of about
// 2^-64. So raw and what was made of it are compared in one sequential pass over each, with memory
// for a few numbers an hour; only an hour that differs is looked at ad by ad.

// Amounts by (ad, bucket, metric): the sum of amount * hash of the place, modulo 2^128.
class AmountDigest {
 public:
  void Add(uint32_t ad, int32_t bucket, Metric metric, __int128 amount) {
    sum_ += static_cast<Wide>(amount) * PlaceHash(ad, bucket, metric);
  }
  friend bool operator==(const AmountDigest&, const AmountDigest&) = default;

 private:
  using Wide = unsigned __int128;
  // A bijection of 64 bits for each metric (the mixing steps are MurmurHash3's finalizer).
  static uint64_t PlaceHash(uint32_t ad, int32_t bucket, Metric metric) {
    uint64_t x = uint64_t{ad} << 32 | static_cast<uint32_t>(bucket);
    x += 0x9E3779B97F4A7C15ULL * (static_cast<uint64_t>(metric) + 1);
    x = (x ^ x >> 33) * 0xFF51AFD7ED558CCDULL;
    x = (x ^ x >> 33) * 0xC4CEB9FE1A85EC53ULL;
    return x ^ x >> 33;
  }
  Wide sum_ = 0;
};

// What is counted in one hour.
struct HourDigest {
  AmountDigest minutes;
  AmountDigest totals;
  uint64_t events = 0;  // of raw
  uint64_t rows = 0;    // of counters, rows of zeros left out
};

// The identities of one day. Where an event has gone into a repacked block its sequence is no
// longer known, so sequences are compared for those alone whose block stands in the log.
struct IdentityDigest {
  using Wide = unsigned __int128;
  Wide entries_sum = 0;
  Wide sequences_sum = 0;
  uint64_t entries = 0;

  void Add(const IdentityEntry& entry, bool in_log) {
    const IdentityPlace& place = entry.place;
    const uint64_t ad_and_hour = uint64_t{place.ad} << 32 | static_cast<uint32_t>(place.hour);
    entries_sum += Hash({entry.id.hi, entry.id.lo, ad_and_hour, place.content_check});
    if (in_log) sequences_sum += Hash({entry.id.hi, entry.id.lo, ad_and_hour, place.sequence});
    ++entries;
  }
  friend bool operator==(const IdentityDigest&, const IdentityDigest&) = default;

 private:
  static Wide Hash(const std::array<uint64_t, 4>& words) {
    const XXH128_hash_t hash = XXH3_128bits(words.data(), sizeof words);
    return static_cast<Wide>(hash.high64) << 64 | hash.low64;
  }
};

// Values by ad: the sum of their hashes, modulo 2^128.
class BytesDigest {
 public:
  void Add(uint32_t ad, std::string_view bytes) {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), ad);
    sum_ += static_cast<unsigned __int128>(hash.high64) << 64 | hash.low64;
  }
  friend bool operator==(const BytesDigest&, const BytesDigest&) = default;

 private:
  unsigned __int128 sum_ = 0;
};

// The positions of the blocks that stand in the log, which are runs with gaps where blocks were
// repacked or have expired.
class SequenceSet {
 public:
  // Ascending.
  void Add(uint64_t sequence) {
    if (runs_.empty() || runs_.back().end != sequence) runs_.push_back({sequence, sequence});
    ++runs_.back().end;
  }
  bool Has(uint64_t sequence) const {
    auto run = std::upper_bound(runs_.begin(), runs_.end(), sequence,
                                [](uint64_t s, const Run& r) { return s < r.end; });
    return run != runs_.end() && run->begin <= sequence;
  }

 private:
  struct Run {
    uint64_t begin = 0, end = 0;
  };
  std::vector<Run> runs_;
};

}  // namespace tallymark

#endif  // TALLYMARK_ENGINE_VERIFY_DIGEST_H_
