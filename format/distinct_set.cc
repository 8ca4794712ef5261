#include "format/distinct_set.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <iterator>

#include "format/coding.h"
#include "format/distinct_list.h"
#include "format/row_envelope.h"

namespace tallymark {
namespace {

constexpr uint8_t kRowForm = 0x10;
constexpr uint8_t kRowFormMask = 0xF0;
constexpr unsigned kSetBits = 2;
constexpr unsigned kSetMask = 3;

// What a set is. Stored.
enum SetForm : unsigned { kEmpty = 0, kHashList = 1, kSketch = 2, kNumberList = 3 };

// A set whose bytes have been checked.
struct ParsedSet {
  std::vector<DistinctElement> elements;
  bool hashed = false;
  std::string_view sketch;
};
struct ParsedRow {
  ParsedSet users;
  ParsedSet ips;
};

bool ParseSet(unsigned form, std::string_view* in, ParsedSet* set) {
  set->elements.clear();
  set->sketch = {};
  set->hashed = form == kHashList;
  if (form == kEmpty) return true;
  if (form == kHashList) return TakeHashList(in, kDistinctExactMax, &set->elements);
  if (form == kNumberList) return TakeNumberList(in, kDistinctExactMax, &set->elements);
  return GetBytes(in, HyperLogLog::kPackedBytes, &set->sketch) && HyperLogLog::IsPacked(set->sketch);
}

bool ParseRow(std::string_view bytes, ParsedRow* row) {
  uint8_t head = 0;
  if (!GetFixed(&bytes, &head) || (head & kRowFormMask) != kRowForm) return false;
  return ParseSet(head & kSetMask, &bytes, &row->users) &&
         ParseSet(head >> kSetBits & kSetMask, &bytes, &row->ips) && bytes.empty();
}

void AddParsed(const ParsedSet& parsed, DistinctSet* set) {
  if (!parsed.sketch.empty()) return set->AddSketch(parsed.sketch);
  if (parsed.hashed) set->HashNumbered();
  set->AddSorted(parsed.elements);
}

void AddParsed(const ParsedRow& parsed, DistinctRow* row) {
  AddParsed(parsed.users, &row->users);
  AddParsed(parsed.ips, &row->ips);
}

unsigned FormOf(DistinctSet* set) {
  if (set->sketch() != nullptr) return kSketch;
  if (set->elements().empty()) return kEmpty;
  return set->hashed() ? kHashList : kNumberList;
}

void EncodeSet(DistinctSet* set, std::string* out) {
  if (const HyperLogLog* sketch = set->sketch()) return sketch->AppendPacked(out);
  const std::span<const DistinctElement> elements = set->elements();
  if (elements.empty()) return;
  if (elements.size() > kDistinctExactMax) std::abort();  // a set made for queries
  if (set->hashed()) {
    AppendHashList(elements, out);
  } else {
    AppendNumberList(elements, out);
  }
}

// From so many elements on their being uniform pays (bench/README.md).
constexpr size_t kUniformSortMin = 24;

// As elements are ordered: addresses, spread over the lowest quarter, then numbered ids by their prefix,
// then hashes, over the upper half. Precondition: not kNoElement, which no set has.
uint64_t UniformKey(const DistinctElement& e) { return e.IsAddress() ? uint64_t{e.word[2]} << 30 : e.high(); }

bool HasNumbered(std::span<const DistinctElement> elements) {
  return std::ranges::any_of(elements, [](const DistinctElement& e) { return e.IsNumbered(); });
}

bool OpenEnvelope(std::string_view bytes, ParsedRow* good, std::vector<std::string_view>* bad) {
  std::string_view row;
  return ReadRowEnvelope(bytes, &row, bad) && ParseRow(row, good);
}

}  // namespace

void DistinctSet::Add(std::span<const DistinctElement> elements) {
  // In portions, so that a flood of repetitions takes no more memory than a full set.
  while (!elements.empty()) {
    if (is_sketch_) {
      for (const DistinctElement& e : elements) sketch_->Add(SketchHash(e));
      return;
    }
    const auto portion = elements.first(std::min(elements.size(), 2 * exact_max_ + 1 - elements_.size()));
    if (hashed_) {
      std::ranges::transform(portion, std::back_inserter(elements_), HashedElement);
    } else {
      elements_.insert(elements_.end(), portion.begin(), portion.end());
    }
    elements = elements.subspan(portion.size());
    if (elements_.size() > 2 * exact_max_) Settle();
  }
}

void DistinctSet::AddSorted(std::span<const DistinctElement> elements) {
  const bool worth_it = settled_ == elements_.size() && elements.size() * 8 >= elements_.size();
  if (is_sketch_ || !worth_it || (hashed_ && HasNumbered(elements))) return Add(elements);
  if (elements_.empty()) {
    elements_.assign(elements.begin(), elements.end());
  } else {
    scratch_.clear();
    std::set_union(elements_.begin(), elements_.end(), elements.begin(), elements.end(),
                   std::back_inserter(scratch_));
    elements_.swap(scratch_);
  }
  settled_ = elements_.size();
  if (settled_ > exact_max_) BecomeSketch();
}

void DistinctSet::AddSet(DistinctSet* other) {
  if (const HyperLogLog* sketch = other->sketch()) {
    if (!is_sketch_) BecomeSketch();
    return sketch_->Merge(*sketch);
  }
  if (other->hashed_) HashNumbered();
  AddSorted(other->elements());
}

void DistinctSet::HashNumbered() {
  if (hashed_) return;
  hashed_ = true;
  if (!HasNumbered(elements_)) return;
  std::ranges::transform(elements_, elements_.begin(), HashedElement);
  settled_ = 0;
}

void DistinctSet::AddSketch(std::string_view packed) {
  if (!is_sketch_) BecomeSketch();
  sketch_->MergePacked(packed);
}

void DistinctSet::BecomeSketch() {
  if (sketch_) {
    *sketch_ = HyperLogLog();
  } else {
    sketch_ = std::make_unique<HyperLogLog>();
  }
  for (const DistinctElement& e : elements_) sketch_->Add(SketchHash(e));
  elements_.clear();
  settled_ = 0;
  is_sketch_ = true;
}

// Numbers of one kind are as good as uniform below the greatest of them.
void DistinctSet::SortAll() {
  const uint64_t high = elements_.front().high();
  uint32_t numbers = 0;
  bool one_kind = !elements_.front().IsHash();
  for (const DistinctElement& e : elements_) {
    one_kind &= e.high() == high;
    numbers |= e.word[2];
  }
  if (!one_kind) return sort_.Sort(&elements_, &scratch_, 0, UniformKey, std::less<>());
  const auto zeros = static_cast<unsigned>(std::countl_zero(numbers));
  const auto number = [](const DistinctElement& e) { return uint64_t{e.word[2]} << 32; };
  sort_.Sort(&elements_, &scratch_, zeros, number, std::less<>());
}

void DistinctSet::Settle() {
  if (is_sketch_ || settled_ == elements_.size()) return;
  if (settled_ == 0 && elements_.size() >= kUniformSortMin) {
    SortAll();
  } else {
    const auto middle = elements_.begin() + static_cast<ptrdiff_t>(settled_);
    std::sort(middle, elements_.end());
    std::inplace_merge(elements_.begin(), middle, elements_.end());
  }
  elements_.erase(std::unique(elements_.begin(), elements_.end()), elements_.end());
  settled_ = elements_.size();
  if (settled_ > exact_max_) BecomeSketch();
}

DistinctCount DistinctSet::Count() {
  Settle();
  if (!is_sketch_) return {static_cast<int64_t>(elements_.size()), true};
  // That there are more than this is known.
  return {std::max<int64_t>(std::llround(sketch_->Estimate()), kDistinctExactMax + 1), false};
}

const HyperLogLog* DistinctSet::sketch() {
  Settle();
  return is_sketch_ ? sketch_.get() : nullptr;
}

std::span<const DistinctElement> DistinctSet::elements() {
  Settle();
  return elements_;
}

void DistinctSet::Clear() {
  elements_.clear();
  settled_ = 0;
  is_sketch_ = false;
  hashed_ = false;
}

void EncodeDistinctRow(DistinctRow* row, std::string* out) {
  out->push_back(static_cast<char>(kRowForm | FormOf(&row->users) | FormOf(&row->ips) << kSetBits));
  EncodeSet(&row->users, out);
  EncodeSet(&row->ips, out);
}

Status AddDistinctRow(std::string_view bytes, DistinctRow* row) {
  ParsedRow parsed;
  if (!ParseRow(bytes, &parsed)) return NotARow("distinct row", bytes);
  AddParsed(parsed, row);
  return Status::Ok();
}

void MergeDistinctRows(std::span<const std::string_view> operands, std::string* out) {
  // Kept for their memory, some half a megabyte a thread: compaction merges rows of one or two by the
  // million.
  thread_local DistinctRow sum;
  thread_local ParsedRow parsed;
  thread_local std::vector<std::string_view> bad;
  thread_local std::vector<std::string_view> inner;
  sum.Clear();
  bad.clear();
  for (std::string_view operand : operands) {
    if (ParseRow(operand, &parsed)) {
      AddParsed(parsed, &sum);
    } else if (OpenEnvelope(operand, &parsed, &inner)) {
      AddParsed(parsed, &sum);
      bad.insert(bad.end(), inner.begin(), inner.end());
    } else {
      bad.push_back(operand);
    }
  }
  if (bad.empty()) return EncodeDistinctRow(&sum, out);
  // Each once, so that repetition of merges leaves no trace.
  std::ranges::sort(bad);
  bad.erase(std::unique(bad.begin(), bad.end()), bad.end());
  std::string good;
  EncodeDistinctRow(&sum, &good);
  AppendRowEnvelope(good, &bad, out);
}

Status ReadDistinctEnvelope(std::string_view bytes, DistinctRow* good, std::vector<std::string_view>* bad) {
  ParsedRow parsed;
  if (!OpenEnvelope(bytes, &parsed, bad)) return Status::Invalid("distinct row: no error envelope");
  AddParsed(parsed, good);
  return Status::Ok();
}

}  // namespace tallymark
