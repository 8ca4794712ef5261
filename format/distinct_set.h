#ifndef TALLYMARK_FORMAT_DISTINCT_SET_H_
#define TALLYMARK_FORMAT_DISTINCT_SET_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "format/distinct_element.h"
#include "format/hyperloglog.h"
#include "format/status.h"
#include "format/uniform_sort.h"

namespace tallymark {

// Sets of up to this many are kept, and counted, exactly; larger ones become a sketch.
inline constexpr size_t kDistinctExactMax = 4'096;

struct DistinctCount {
  int64_t count = 0;
  bool exact = true;  // false: an estimate, HyperLogLog::kStandardError
  friend bool operator==(const DistinctCount&, const DistinctCount&) = default;
};

// A set that grows: exact up to a bound, a sketch beyond. Which of the two it is, and every bit of
// it, depends on nothing but the elements that were added (and on whether a sketch was, or ids were
// hashed): order, grouping and repetition leave no trace. Not thread safe.
class DistinctSet {
 public:
  // `exact_max` >= kDistinctExactMax; only sets of kDistinctExactMax can be encoded.
  explicit DistinctSet(size_t exact_max = kDistinctExactMax) : exact_max_(exact_max) {}

  // In any order, repeated or not.
  void Add(std::span<const DistinctElement> elements);
  // Ascending, each once; cheaper than Add where the set is small against what comes.
  void AddSorted(std::span<const DistinctElement> elements);
  // What HyperLogLog::AppendPacked wrote.
  void AddSketch(std::string_view packed);
  void AddSet(DistinctSet* other);
  // From here on numbered user ids are hashes like all others, those that are there and those to come,
  // until the set is cleared: rows of form 1 knew them so, and one user must not be there twice.
  void HashNumbered();

  DistinctCount Count();
  // Empties the set and keeps its memory.
  void Clear();

  // Null while the set is exact.
  const HyperLogLog* sketch();
  // Ascending, each once; while the set is exact.
  std::span<const DistinctElement> elements();
  // Whether HashNumbered was called.
  bool hashed() const { return hashed_; }

 private:
  void Settle();  // sorts what came last; goes over to the sketch beyond the bound
  void SortAll();
  void BecomeSketch();

  const size_t exact_max_;
  std::vector<DistinctElement> elements_;
  std::vector<DistinctElement> scratch_;
  UniformSort sort_;
  size_t settled_ = 0;  // elements_[0, settled_) are ascending and unique
  bool is_sketch_ = false;
  bool hashed_ = false;
  std::unique_ptr<HyperLogLog> sketch_;
};

// Distinct users and addresses of one (ad, hour): a row of `distinct`, and an operand of its merges.
struct DistinctRow {
  explicit DistinctRow(size_t exact_max = kDistinctExactMax) : users(exact_max), ips(exact_max) {}
  DistinctSet users;
  DistinctSet ips;

  void Clear() {
    users.Clear();
    ips.Clear();
  }
};

// Appends the row's bytes (layout in distinct_set.md). Equal sets give equal bytes.
void EncodeDistinctRow(DistinctRow* row, std::string* out);

// Adds the sets of an encoded row to *row. Corruption when the bytes are no row, a damaged envelope
// included: *row is as it was.
Status AddDistinctRow(std::string_view bytes, DistinctRow* row);

// The union of the operands (one or more), in any order, appended to *out. Associative, commutative
// and idempotent. Never fails, since RocksDB gives a failing merge no way out: operands that are no
// rows are kept, verbatim, in an error envelope that AddDistinctRow reports as Corruption and later
// merges carry on.
void MergeDistinctRows(std::span<const std::string_view> operands, std::string* out);

// What an error envelope holds: adds the union of the operands that were rows to *good and gives
// the others as views into `bytes`, sorted. Invalid when the bytes are no envelope.
Status ReadDistinctEnvelope(std::string_view bytes, DistinctRow* good, std::vector<std::string_view>* bad);

}  // namespace tallymark

#endif  // TALLYMARK_FORMAT_DISTINCT_SET_H_
